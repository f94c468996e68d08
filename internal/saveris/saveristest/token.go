package saveristest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// login answers POST /v1/token. The bytes are those of the gateway's templates
// (document 3.1): a blank before the brace, none of the values escaped.
func (x *exchange) login() {
	if x.sw.AuthAccept == "key" {
		x.unknownPath()
		return
	}
	user, password, ok := x.credentials()
	if !ok {
		return
	}
	if x.fault.Kind == FaultThrottled {
		x.loginError("Rate exceeded") // Cognito throttles with 400
		return
	}
	if user == "" || password == "" {
		x.loginError("Missing required parameter USERNAME")
		return
	}
	if user != x.s.cfg.Username || password != x.s.cfg.Password {
		x.loginError("Incorrect username or password.")
		return
	}
	x.ok([]byte(x.loginAnswer()))
}

func (x *exchange) loginAnswer() string {
	token := ""
	if x.sw.TokenChallenge == "off" {
		token = x.s.issue(x.now, x.sw.TokenLife)
	}
	extra := ""
	if x.sw.TokenExpiresIn == "present" {
		extra = fmt.Sprintf(`, "expires_in": %d`, int(x.sw.TokenLife/time.Second))
	}
	return fmt.Sprintf(` { "%s": "%s"%s }`, x.sw.TokenKey, token, extra)
}

// credentials validates the body, then sends it through the request template:
// what is pasted into JSON without escaping may be no JSON any more.
func (x *exchange) credentials() (user, password string, ok bool) {
	body, detail := x.jsonBody()
	if detail == "" {
		detail = wrongTypes(body, "username", "password")
	}
	if detail != "" {
		x.badBody(detail)
		return "", "", false
	}
	user, _ = body["username"].(string)
	password, _ = body["password"].(string)
	var pasted struct{ USERNAME, PASSWORD string }
	text := fmt.Sprintf(`{ "USERNAME": "%s", "PASSWORD": "%s" }`, user, password)
	if err := json.Unmarshal([]byte(text), &pasted); err != nil {
		x.loginError("")
		return "", "", false
	}
	return pasted.USERNAME, pasted.PASSWORD, true
}

// issue makes a token of three parts with the claims of an id token.
func (s *Server) issue(now time.Time, life time.Duration) string {
	claims := fmt.Sprintf(`{"sub":"%s","iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_simulated","cognito:username":%q,"token_use":"id","auth_time":%d,"exp":%d,"iat":%d,"jti":"%d"}`,
		uuidOf(spreadOf(s.cfg.Username)), s.cfg.Username, now.Unix(), now.Add(life).Unix(), now.Unix(), s.tokenEpoch.Load())
	unsigned := encode64([]byte(`{"kid":"simulated","alg":"RS256"}`)) + "." + encode64([]byte(claims))
	return unsigned + "." + s.sign(unsigned)
}

// tokenState says what a presented token is worth.
func (s *Server) tokenState(token string, now time.Time) (valid, expired bool) {
	cut := strings.LastIndexByte(token, '.')
	if cut < 0 || !hmac.Equal([]byte(token[cut+1:]), []byte(s.sign(token[:cut]))) {
		return false, false
	}
	_, payload, _ := strings.Cut(token[:cut], ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Exp int64  `json:"exp"`
		Jti string `json:"jti"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return false, false
	}
	if now.Unix() >= claims.Exp || claims.Jti != fmt.Sprint(s.tokenEpoch.Load()) {
		return false, true
	}
	return true, false
}

// ExpireTokens makes every token that was issued so far an expired one.
func (s *Server) ExpireTokens() { s.tokenEpoch.Add(1) }

// authorized checks the credentials and answers if they are not good. The scheme
// decides the answer: C is the gateway itself, J the authorizer (document 3.3).
func (x *exchange) authorized() bool {
	key, bearer := x.r.Header.Get("X-Custom-Api-Key"), x.r.Header.Get("Authorization")
	switch {
	case key != "" && bearer != "":
		x.backendError(http.StatusBadRequest, "Send either Authorization or x-custom-api-key, never both.")
		return false
	case key != "" && x.sw.AuthAccept != "token":
		if key != x.s.cfg.APIKey || x.fault.Kind == FaultExpiredToken {
			x.unauthorized("Unauthorized") // a wrong key and a wrong region look the same (seen)
			return false
		}
	case !x.validBearer(bearer):
		return false
	}
	return x.licensed()
}

func (x *exchange) validBearer(bearer string) bool {
	token, prefixed := strings.CutPrefix(bearer, "Bearer ")
	valid, expired := x.s.tokenState(token, x.now)
	if x.fault.Kind == FaultExpiredToken {
		valid, expired = false, valid || expired
	}
	if valid && x.sw.AuthAccept != "key" && (prefixed || x.op.scheme == schemeC) {
		return true
	}
	switch {
	case x.op.scheme == schemeJ && x.sw.AuthExpired == "403" && bearer != "":
		x.denied()
	case x.op.scheme == schemeC && expired:
		x.unauthorized("The incoming token has expired")
	default:
		x.unauthorized("Unauthorized")
	}
	return false
}

func (x *exchange) licensed() bool {
	answer := x.sw.AuthNoLicence
	switch of := x.sw.AuthNoLicenceFeed; {
	case strings.Contains(x.sw.AuthLacks, x.op.licence()):
		if answer == "off" {
			answer = "403A"
		}
	case of != "all" && of != x.op.feed:
		return true
	}
	switch answer {
	case "403A":
		x.denied()
	case "403B":
		x.backendError(http.StatusForbidden, "Missing required permission or license.")
	case "403":
		x.reply(http.StatusForbidden, "application/json", nil)
	default:
		return true
	}
	return false
}

// licence is what an operation needs beside the login, as auth.lacks names it.
func (o operation) licence() string {
	switch o.feed {
	case FeedMeasurements, FeedAlarms:
		return "rows"
	case FeedTasks:
		return "tasks"
	}
	return "devices"
}

// sign is the signature of tokens and links.
func (s *Server) sign(text string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(text))
	return encode64(mac.Sum(nil))
}

func encode64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

package saveris

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/semaphore"

	"saveris-bridge/internal/sleep"
)

const (
	tokenPath   = "/v1/token"
	defaultLife = time.Hour // of a token that does not say it (document; the developer site says 24 h)
	earliest    = 5 * time.Minute
)

var errNoToken = errors.New("the login was answered without a token: a challenge is open for this user, or the vendor's login service is down")

// tokens holds the one bearer token. Whoever needs a new one logs in for all. The singleflight of golang.org/x/sync would end
// the login of all with the context of the one who began it, and log in once more for whoever comes right after a refusal.
type tokens struct {
	loggingIn *semaphore.Weighted // of whoever logs in; a mutex that obeys a context

	mu      sync.Mutex
	current string
	ends    time.Time // local: the token's life
	renew   time.Time // local, earlier
	logins  int       // finished ones
	failed  error     // why the last one failed for good
	worked  bool      // one has succeeded
}

func newTokens() *tokens { return &tokens{loggingIn: semaphore.NewWeighted(1)} }

// look returns the token if it is good and not the refused one, and how many logins there have been.
func (t *tokens) look(refused string) (token string, logins int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == refused || time.Now().After(t.renew) {
		return "", t.logins
	}
	return t.current, t.logins
}

// refusedSince returns the refusal that another caller met after the given number of logins: a wrong password is tried
// once, not once a goroutine, or the vendor locks the user out.
func (t *tokens) refusedSince(logins int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.logins > logins {
		return t.failed
	}
	return nil
}

func (t *tokens) put(token string, life time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logins++
	t.failed = nil
	if errors.Is(err, ErrRefused) {
		t.failed = err
	}
	if err == nil {
		t.current, t.worked = token, true
		t.ends = time.Now().Add(life)
		t.renew = t.ends.Add(-min(earliest, life/10))
	}
}

func (t *tokens) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current
}

func (t *tokens) everWorked() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.worked
}

// token returns a bearer token other than the refused one, and logs in where that is needed. Many may call it; one logs in.
func (c *Client) token(ctx context.Context, refused string) (string, error) {
	token, logins := c.tokens.look(refused)
	if token != "" {
		return token, nil
	}
	if err := c.tokens.loggingIn.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer c.tokens.loggingIn.Release(1)
	if token, _ = c.tokens.look(refused); token != "" {
		return token, nil
	}
	if err := c.tokens.refusedSince(logins); err != nil {
		return "", err
	}
	return c.logIn(ctx)
}

// logIn logs in and keeps the token. The caller holds the turn. An answer without a token gets a few tries: the
// vendor's login service may merely be down.
func (c *Client) logIn(ctx context.Context) (string, error) {
	token, life, err := c.askForToken(ctx)
	retry := growing(c.cfg.RetryWait, longestRetry)
	for n := 0; errors.Is(err, errNoToken) && n < moreTries; n++ {
		if err := sleep.For(ctx, retry.NextBackOff()); err != nil {
			return "", err
		}
		token, life, err = c.askForToken(ctx)
	}
	if ctx.Err() == nil {
		c.tokens.put(token, life, err)
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		c.loginFailed()
	}
	return token, err
}

// askForToken makes one token call, or two: the gateway is said to paste name and password into JSON as they are
// (inferred from the document, 3.1), so they are sent escaped for that; where a refusal may come from just this, the
// other spelling is tried too.
func (c *Client) askForToken(ctx context.Context) (token string, life time.Duration, err error) {
	name, password := c.cfg.Username, c.cfg.Password.Reveal()
	escapedName, escapedPassword := pasted(name), pasted(password)
	token, life, err = c.tokenCall(ctx, escapedName, escapedPassword)
	if errors.Is(err, ErrRefused) && (escapedName != name || escapedPassword != password) {
		return c.tokenCall(ctx, name, password)
	}
	return token, life, err
}

// pasted escapes a text so that it is right where somebody pastes it between the quotes of a JSON string.
func pasted(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd")) // fails on invalid UTF-8 only
	return string(quoted[1 : len(quoted)-1])
}

// opLogIn is what an Error says of a login with name and password.
const opLogIn = "log in"

func (c *Client) tokenCall(ctx context.Context, name, password string) (token string, life time.Duration, err error) {
	credentials, err := json.Marshal(map[string]string{"username": name, "password": password})
	if err != nil {
		return "", 0, c.broken(opLogIn, err)
	}
	ans, err := c.call(ctx, call{op: opLogIn, method: http.MethodPost, path: tokenPath, body: credentials, login: true})
	if err != nil {
		return "", 0, err
	}
	var body struct {
		IDToken   string      `json:"IdToken"`  // document, 3.1; idToken in its prose: names are matched in any case
		ByOIDC    string      `json:"id_token"` // as OpenID Connect names it
		ExpiresIn json.Number `json:"expires_in"`
	}
	if err := readJSON(ans.Response, &body); err != nil {
		return "", 0, c.broken(opLogIn, err)
	}
	token = strings.TrimSpace(cmp.Or(body.IDToken, body.ByOIDC))
	if !isToken(token) {
		return "", 0, c.withoutToken()
	}
	return token, c.life(token, body.ExpiresIn), nil
}

// withoutToken is the failure of a login that looks like success: everything but Cognito's 400 becomes a 200 (document,
// 3.1). For somebody who was never let in that is a refusal, for others an outage.
func (c *Client) withoutToken() error {
	e := &Error{Op: opLogIn, Status: http.StatusOK, Text: errNoToken.Error(), cause: errNoToken}
	if !c.tokens.everWorked() {
		e.Err = ErrRefused
	}
	return e
}

// isToken accepts nothing but three parts: an unresolved template ($root.AuthenticationResult.IdToken) is none.
func isToken(text string) bool {
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool {
			return r != '-' && r != '_' && r != '=' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			return false
		}
	}
	return len(parts) == 3
}

// life is how long a token may be used: until its exp by the vendor's clock, else as the answer says, else an hour.
func (c *Client) life(token string, expiresIn json.Number) time.Duration {
	if exp, ok := expiry(token); ok {
		now, known := c.clock.vendorTime(time.Now())
		if !known {
			now = time.Now()
		}
		if left := exp.Sub(now); left > 0 {
			return left
		}
		return time.Minute // the two clocks do not fit; the vendor will say when it is over
	}
	if seconds, err := expiresIn.Float64(); err == nil && seconds >= 1 && seconds < 1e8 {
		return time.Duration(seconds * float64(time.Second))
	}
	return defaultLife
}

// expiry reads the exp of a JSON Web Token without checking its signature, which is not ours to check.
func expiry(token string) (time.Time, bool) {
	_, rest, _ := strings.Cut(token, ".")
	claims, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(claims, "="))
	if err != nil {
		return time.Time{}, false
	}
	var body struct{ Exp json.Number }
	if json.Unmarshal(text, &body) != nil {
		return time.Time{}, false
	}
	seconds, err := body.Exp.Float64()
	if err != nil || seconds < 1 || seconds > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

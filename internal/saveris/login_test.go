package saveris

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/secret"
)

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func() string{
		"exp":        func() string { return `{"idToken":"` + jwt(time.Now().Add(20*time.Minute)) + `"}` },
		"expires_in": func() string { return `{"IDTOKEN":"` + jwt(time.Time{}) + `","expires_in":1200}` },
		"padded":     func() string { return `{"id_token":" ` + jwt(time.Now().Add(20*time.Minute)) + `\n"}` },
		"text":       func() string { return `{"IdToken":"` + jwt(time.Time{}) + `","expires_in":"1200"}` },
	} {
		synctest.Test(t, func(t *testing.T) {
			logins := 0
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path != tokenPath {
					return nil
				}
				logins++
				return reply(200, answer())
			}))
			for _, step := range []struct {
				after time.Duration
				want  int
			}{{0, 1}, {17 * time.Minute, 1}, {2 * time.Minute, 2}} {
				time.Sleep(step.after) // of the bubble: no clock runs
				if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil || logins != step.want {
					t.Fatalf("%s: %d logins, %v; want %d", name, logins, err, step.want)
				}
			}
		})
	}
}

// What the vendor documents is 200 alone. Others are as usual for a login and an export, and 203 is a proxy's.
func TestOtherAnswersOfSuccessAreTaken(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 203} {
		synctest.Test(t, func(t *testing.T) {
			posts, rows := 0, 0
			v := vendor(func(req *http.Request) *http.Response {
				if req.Method == http.MethodPost && req.URL.Path != tokenPath {
					posts++
				}
				return nil
			})
			c := wired(t, func(req *http.Request) *http.Response {
				answer := v(req)
				if req.URL.Path != "/a" {
					answer.StatusCode = status
				}
				return answer
			})
			if _, err := c.Rows(t.Context(), sixHours, func(*Row) error { rows++; return nil }); err != nil || rows != 1 || posts != 1 {
				t.Errorf("%d: %d rows by %d exports, %v", status, rows, posts, err)
			}
		})
	}
}

func TestOnlyTokensAreTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		jwt(time.Now()): true, "a.b.c": true, "": false, "a.b": false, "a.b.c.d": false, "a..c": false, "a.b.c\r\nX: y": false,
		"$root.AuthenticationResult.IdToken": false,
	} {
		if isToken(text) != want {
			t.Errorf("isToken(%q) = %v", text, !want)
		}
	}
}

func TestLoginWithoutTokenIsARefusalOnlyAtFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		empty := true
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path == tokenPath && empty {
				return reply(200, ` { "IdToken": "" }`)
			}
			return nil
		}))
		if err := c.Login(t.Context()); !errors.Is(err, ErrRefused) {
			t.Errorf("a challenge gave %v", err)
		}
		empty = false
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		empty = true
		if err := c.Login(t.Context()); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("an outage of the login service gave %v", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const waf = `{ "type": "WAF_FILTERED", "title": "Forbidden", "instance": "x=", "status": 403 }`
	const missing = `{ "type": "MISSING_AUTHENTICATION_TOKEN", "title": "Missing Authentication Token", "instance": "x=", "status": 403 }`
	for _, tt := range []struct {
		name, path string
		status     int
		body       string
		want       error // nil: an error that is none of the three
		asked      int
	}{
		{"wrong password", tokenPath, 400, `{ "Status": "Error", "Message": "Incorrect username or password." }`, ErrRefused, 1},
		{"page of a proxy", tokenPath, 400, `<html>bad gateway</html>`, nil, 1},
		{"login down", tokenPath, 502, `<html>bad gateway</html>`, nil, 4},
		{"no such login path", tokenPath, 403, missing, ErrAddress, 1},
		{"firewall", "/v2/measurements", 403, waf, nil, 1},
		{"firewall on a poll", "/v2/measurements/" + exportID, 403, waf, nil, 4},
		{"retired", "/v2/measurements", 403, missing, ErrRetired, 1},
		{"retired, older gateway", "/v2/measurements", 403, `{"message":"Missing Authentication Token"}`, ErrRetired, 1},
		{"no such path", "/v2/measurements", 404, ``, ErrRetired, 1},
		{"gone", "/v2/measurements", 410, ``, ErrRetired, 1},
		{"no licence", "/v2/measurements", 403, ``, ErrForbidden, 2},
		{"expired for ever", "/v2/measurements", 401, `{"message":"The incoming token has expired"}`, ErrForbidden, 2},
		{"too large", "/v2/measurements", 413, `{"message":"Request Too Long"}`, ErrTooLarge, 1},
		{"lost submission", "/v2/measurements", 504, `{"message":"Endpoint request timed out"}`, nil, 1},
		{"failing polls", "/v2/measurements/" + exportID, 502, ``, nil, 4},
		{"failed query", "/v2/measurements/" + exportID, 500, `{"status": "Error", "message": "no"}`, ErrTooLarge, 4},
		{"failed query by status", "/v2/measurements/" + exportID, 200, `{"status": " FAILED", "message": {"odd":1}, "error":"too many rows"}`, ErrTooLarge, 1},
		{"query refused at once", "/v2/measurements", 200, `{"status": "Error", "message": "Invalid request"}`, ErrTooLarge, 1},
		{"no request_uuid", "/v2/measurements", 200, `{"status": "Submitted", "request_uuid": "../../x"}`, nil, 1},
		{"file gone", "/a", 410, `<Error><Code>NoSuchKey</Code></Error>`, errExpired, 2},
		{"file broken", "/a", 200, reading[:100], io.ErrUnexpectedEOF, 4},
		{"file of markup", "/a", 200, "<html>", ErrNotUnderstood, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path == "/v1/measurements" { // there is no way out
					return reply(403, missing)
				}
				if req.URL.Path == tt.path {
					asked++
					return reply(tt.status, tt.body)
				}
				return nil
			}))
			_, err := c.Rows(t.Context(), sixHours, nothing)
			var e *Error
			if !errors.As(err, &e) || asked != tt.asked {
				t.Errorf("%s: %v after %d requests, want %d", tt.name, err, asked, tt.asked)
			}
			for _, meaning := range []error{ErrRefused, ErrForbidden, ErrRetired, ErrAddress, ErrTooLarge, ErrNotUnderstood} {
				if errors.Is(err, meaning) != (tt.want == meaning || meaning == ErrRefused && tt.want == ErrForbidden) {
					t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
				}
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		})
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := Config{BaseURL: "https://x.example.net/base/", Username: "u", Password: secret.New("p")}
	for name, change := range map[string]func(*Config){
		"no scheme": func(c *Config) { c.BaseURL = "x.example.net" }, "login in it": func(c *Config) { c.BaseURL = "https://u:topsecret@x" },
		"both logins": func(c *Config) { c.APIKey = secret.New("topsecret") }, "no password": func(c *Config) { c.Password = secret.Text{} },
		"key with a newline": func(c *Config) { *c = Config{BaseURL: c.BaseURL, APIKey: secret.New("topsecret\n")} },
		"sync":               func(c *Config) { c.Sync = "perhaps" }, "format": func(c *Config) { c.Format = "ORC" }, "exports": func(c *Config) { c.Exports = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := New(good); err != nil || c.base != "https://x.example.net/base" {
		t.Errorf("%+v, %v", c, err)
	}
}

package saveristest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestToken: the login's bytes are those of the templates.
func TestToken(t *testing.T) {
	const good = `{"username":"demo","password":"demo"}`
	for _, c := range []struct{ set, body, want string }{
		{"", good, ` { "IdToken": "JWT" }`},
		{"token.key=idToken", good, ` { "idToken": "JWT" }`},
		{"token.expires_in=present", good, ` { "IdToken": "JWT", "expires_in": 3600 }`},
		{"token.challenge=on", good, ` { "IdToken": "" }`},
		{"", `{"username":"demo","password":"wrong"}`, ` { "Status": "Error", "Message": "Incorrect username or password." }`},
		{"", `{}`, ` { "Status": "Error", "Message": "Missing required parameter USERNAME" }`},
		{"", `{"username":"demo","password":"a\"b"}`, ` { "Status": "Error", "Message": "" }`},
		{"", `{"username":1}`, `BAD_REQUEST_BODY`},
		{"", ``, `BAD_REQUEST_BODY`},
		{"auth.accept=key", good, `MISSING_AUTHENTICATION_TOKEN`},
	} {
		var settings []string
		if c.set != "" {
			settings = append(settings, c.set)
		}
		a := startWith(t, settings...).do("POST", "/v1/token", c.body)
		got := string(a.body)
		for _, part := range strings.Split(got, `"`) {
			if strings.Count(part, ".") == 2 {
				got = strings.Replace(got, part, "JWT", 1)
			}
		}
		if !strings.Contains(got, c.want) || (strings.HasPrefix(c.want, " ") && got != c.want) {
			t.Errorf("%s %s: %q, want %q", c.set, c.body, got, c.want)
		}
		if success := strings.Contains(c.want, "oken\":"); success != (a.status == 200) {
			t.Errorf("%s %s: status %d", c.set, c.body, a.status)
		}
	}
}

func TestTokenSaysWhenItExpires(t *testing.T) {
	v := startWith(t, "token.life=2h")
	v.call("GET", "/v1/alarms/x", "")
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(v.token, ".")[1])
	var claims struct{ Exp int64 }
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp != noon.Add(2*time.Hour).Unix() {
		t.Errorf("claims %s, %v", payload, err)
	}
}

// TestAuthorization: who answers what to whom (document 3.3, behaviour 13).
func TestAuthorization(t *testing.T) {
	for _, c := range []struct {
		name, set, path string
		header          func(v *vendor) []string
		status          int
		want            string
	}{
		{"good", "", "/v2/measurements", bearer, 200, "Submitted"},
		{"good key", "", "/v2/measurements", key("demo-key"), 200, "Submitted"},
		{"wrong key", "", "/v2/measurements", key("other"), 401, `"type": "UNAUTHORIZED"`},
		{"key is not offered", "auth.accept=token", "/v2/measurements", key("demo-key"), 401, "UNAUTHORIZED"},
		{"token is not offered", "auth.accept=key", "/v2/measurements", key("demo-key"), 200, "Submitted"},
		{"both", "", "/v2/measurements", func(v *vendor) []string { return append(bearer(v), key("demo-key")(v)...) }, 400, "never both"},
		{"nothing", "", "/v2/measurements", none, 401, `"title": "Unauthorized"`},
		{"nothing, 403", "auth.expired=403", "/v2/measurements", none, 401, "UNAUTHORIZED"},
		{"rubbish", "", "/v2/measurements", func(*vendor) []string { return []string{"Authorization", "Bearer a.b.c"} }, 401, "UNAUTHORIZED"},
		{"expired", "", "/v2/measurements", expired, 401, `"title": "Unauthorized"`},
		{"expired, 403", "auth.expired=403", "/v3/alarms", expired, 403, `"type": "ACCESS_DENIED"`},
		{"expired, gateway", "auth.expired=403", "/v1/alarms", expired, 401, `"title": "The incoming token has expired"`},
		{"licence A", "auth.no_licence=403A", "/v2/measurements", bearer, 403, "ACCESS_DENIED"},
		{"licence B", "auth.no_licence=403B", "/v2/measurements", bearer, 403, `{"status": "Error", "message"`},
		{"licence", "auth.no_licence=403", "/v2/measurements", bearer, 403, ""},
		{"unknown path", "", "/v9/measurements", none, 403, `"title": "Missing Authentication Token"`},
		{"double slash", "", "//v2/measurements", bearer, 403, "Invalid key=value pair (missing equal-sign) in Authorization header"},
		{"double slash, credential", "path.unknown=403-credential", "//v2/measurements", bearer, 403, "requires 'Credential' parameter"},
		{"double slash, 403", "path.unknown=403", "//v2/measurements", bearer, 403, "MISSING_AUTHENTICATION_TOKEN"},
		{"double slash with a key", "", "//v2/measurements", key("demo-key"), 403, "MISSING_AUTHENTICATION_TOKEN"},
		{"double slash, 405", "path.unknown=405", "//v2/measurements", bearer, 405, "Method Not Allowed"},
		{"double slash, 410", "path.unknown=410", "//v2/measurements", bearer, 410, "Gone"},
		{"unknown path, 404", "path.unknown=404", "/v9/measurements", none, 404, "RESOURCE_NOT_FOUND"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := startWith(t, strings.Fields(c.set)...)
			a := v.do("POST", c.path, "{}", c.header(v)...)
			if a.status != c.status || !strings.Contains(string(a.body), c.want) {
				t.Errorf("%d %s, want %d %s", a.status, a.body, c.status, c.want)
			}
		})
	}
}

func none(*vendor) []string { return nil }

func key(k string) func(*vendor) []string {
	return func(*vendor) []string { return []string{"x-custom-api-key", k} }
}

func bearer(v *vendor) []string {
	v.call("GET", "/v1/nothing", "")
	return []string{"Authorization", "Bearer " + v.token}
}

func expired(v *vendor) []string {
	h := bearer(v)
	v.advance(61 * time.Minute)
	return h
}

func TestTokensExpireAtOnce(t *testing.T) {
	v := startWith(t)
	v.submit("/v2/measurements", "{}")
	v.ExpireTokens()
	if a := v.call("POST", "/v2/measurements", "{}"); a.status != 401 {
		t.Errorf("an expired token: %d", a.status)
	}
	v.token = ""
	v.submit("/v2/measurements", "{}")
}

package saveris

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"saveris-bridge/internal/secret"
)

// errorBodies are the shapes of the vendor's document, section 13, and what they say.
var errorBodies = []struct{ body, kind, word, text string }{
	{`{ "type": "UNAUTHORIZED", "title": "Unauthorized", "detail": "Authorization information is missing or invalid.", "instance": "JKJaXmPLvHcESHA=", "status": 401 }`, "UNAUTHORIZED", "401", "Authorization information is missing or invalid."},
	{`{ "type": "ACCESS_DENIED", "title": "User is not authorized to access this resource", "detail": "", "instance": "JKJaXmPLvHcESHA=", "status": 403 }`, "ACCESS_DENIED", "403", "User is not authorized to access this resource"},
	{`{ "type": "BAD_REQUEST_BODY", "title": "Invalid request body", "detail": "[instance value ("csv") not found in enum]", "instance": "x=", "status": 400 }`, "BAD_REQUEST_BODY", "", `{ "type": "BAD_REQUEST_BODY", "title": "Invalid request body", "detail": "[instance value ("csv") not found in enum]", "instance": "x=", "status": 400 }`},
	{`{"status": "Error", "message": "Invalid request: date_time_from must be before date_time_until."}`, "", "Error", "Invalid request: date_time_from must be before date_time_until."},
	{` { "Status": "Error", "Message": "Incorrect username or password." }`, "", "Error", "Incorrect username or password."},
	{`{"message":"Too Many Requests"}`, "", "", "Too Many Requests"},
	{`{"message":null,"error":{"code":7}}`, "", "", `{"code":7}`},
	{`<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>86400</X-Amz-Expires></Error>`, "AccessDenied", "", "Request has expired"},
	{`<html><h1>502 Bad Gateway</h1></html>`, "", "", `<html><h1>502 Bad Gateway</h1></html>`},
	{`{}`, "", "", "{}"},
	{``, "", "", ""},
	{`null`, "", "", "null"},
	{`["x"]`, "", "", `["x"]`},
}

func TestEveryErrorShapeIsRead(t *testing.T) {
	t.Parallel()
	c := wired(t, nil)
	for _, tt := range errorBodies {
		for _, body := range []string{tt.body, string(packedBytes(tt.body))} {
			e := c.newError("ask", reply(418, body))
			if e.Kind != tt.kind || e.word != tt.word || e.Text != tt.text || e.Status != 418 {
				t.Errorf("%s: got %+v", tt.body, e)
			}
		}
	}
}

var secretKey = secret.New("key-0123456789")

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	c := wired(t, nil)
	now := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 0 ": 0, "-1": 0, "soon": 0, "99999999999999999999": 0, "4000000000": longestWait,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
		now.Add(time.Hour * 100000).Format(http.TimeFormat): longestWait,
	} {
		if got := c.retryAfter(reply(429, "", "Retry-After", value, "Date", now.Format(http.TimeFormat))); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

// FuzzError: an error body of any kind gives one short printable line without the secrets.
func FuzzError(f *testing.F) {
	for _, tt := range errorBodies {
		f.Add([]byte(tt.body))
	}
	f.Add(packedBytes(errorBodies[0].body))
	f.Add([]byte(`pass-word eyJhbGciOiJSUzI1NiJ9.e30.c2ln https://x/?X-Amz-Signature=1`))
	c, err := New(Config{BaseURL: "https://x", APIKey: secretKey})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := c.newError("ask", reply(500, string(body)))
		text := e.Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || utf8.RuneCountInString(text) > maxText+100 {
			t.Fatalf("%q", text)
		}
		if strings.Contains(text, secretKey.Reveal()) {
			t.Fatalf("%q holds the key", text)
		}
	})
}

// FuzzToken: an answer to the login of any kind gives a token that may stand in a header, with a life, or none.
func FuzzToken(f *testing.F) {
	token := jwt(time.Unix(4e9, 0))
	for _, body := range []string{`{"IdToken":"` + token + `"}`, `{"idToken":"` + token + `","expires_in":"60"}`, `{"IdToken":"","expires_in":1e99}`,
		`{"IdToken":"$root.AuthenticationResult.IdToken"}`, `{"IdToken":"a.eyJleHAiOi0xfQ.c"}`, `{"IdToken":"a.eyJleHAiOiIxIn0.c","expires_in":-5}`, `[]`, ``} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := wired(t, func(*http.Request) *http.Response { return reply(200, string(body)) })
		c.tokens.worked = true // one try
		token, life, err := c.tokenCall(t.Context(), "u", "p")
		if err != nil {
			return
		}
		if life <= 0 || strings.Count(token, ".") != 2 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q: token %q for %v", body, token, life)
		}
	})
}

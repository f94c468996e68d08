package saveris

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/secret"
)

// TestAClientAfterAnotherLogsInNoMore, and notices what that one has: the answer to the login has no Date here.
func TestAClientAfterAnotherLogsInNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logins := 0
		v := vendor(func(req *http.Request) *http.Response {
			if req.URL.Path != tokenPath {
				return nil
			}
			logins++
			return reply(200, `{"IdToken":"`+jwt(time.Now().Add(time.Hour))+`"}`, "Sunset", "Sat, 01 May 2027 00:00:00 GMT", "Date", "none")
		})
		first := wired(t, v)
		if _, err := first.Now(t.Context()); err != nil {
			t.Fatal(err)
		}
		noticed := map[NoticeKind]int{}
		second := wired(t, v, func(c *Config) { c.After, c.OnNotice = first, func(n Notice) { noticed[n.Kind]++ } })
		if _, err := second.Rows(t.Context(), sixHours, nothing); err != nil || logins != 1 || !second.LoggedIn() {
			t.Errorf("%d logins (%v), want one", logins, err)
		}
		if noticed[ClockLost] != 1 || noticed[Announced] != 1 {
			t.Errorf("noticed %v, want the clock and the announcement once each", noticed)
		}
	})
}

func TestAClientGoesOnAfterNoOtherLogin(t *testing.T) {
	t.Parallel()
	first := wired(t, nil)
	for name, change := range map[string]func(*Config){
		"another vendor": func(c *Config) { c.BaseURL = "https://other.example.net" },
		"another user":   func(c *Config) { c.Username = "else" },
		"a key":          func(c *Config) { c.Username, c.Password, c.APIKey = "", secret.Text{}, secret.New("key") },
	} {
		cfg := first.cfg
		cfg.After = first
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: it goes on with the other's token", name)
		}
	}
}

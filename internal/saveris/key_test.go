package saveris

import (
	"errors"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// TestWhoIsRefusedAndWhy takes the switches that meet where a login is judged in all pairs: a login that is good passes the
// probe whatever the vendor says to an export that he does not know, one that is bad does not, and a licence that is missing
// shows in the first window.
func TestWhoIsRefusedAndWhy(t *testing.T) {
	t.Parallel()
	logins := map[string]func(*Config){
		"token":     func(*Config) {},
		"bad token": func(cfg *Config) { cfg.Password = secret.New("wrong") },
		"key":       func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") },
		"bad key":   func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("wrong") },
	}
	for _, accept := range []string{"both", "token", "key"} {
		for _, unknown := range []string{"400B", "403", "404", "500", "Error"} {
			for _, licence := range []string{"off", "403A", "403B", "403"} {
				for _, expired := range []string{"401", "403"} {
					srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{
						AuthAccept: accept, RequestUnknown: unknown, AuthNoLicence: licence, AuthExpired: expired,
					}})
					for login, change := range logins {
						kind := login[strings.LastIndexByte(login, ' ')+1:]
						good := login == kind && (accept == "both" || accept == kind)
						c := quick(newClient(t, srv.URL(), change))
						setting := strings.Join([]string{login, "accept=" + accept, "unknown=" + unknown, "licence=" + licence, "expired=" + expired}, " ")
						err := c.Login(t.Context())
						if good != (err == nil) || !good && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrAddress) || errors.Is(err, ErrForbidden) {
							t.Errorf("%s: the probe gave %v", setting, err)
						}
						err = rowsError(t, c)
						switch {
						case good && licence == "off":
							if err != nil {
								t.Errorf("%s: the window gave %v", setting, err)
							}
						case good:
							if !errors.Is(err, ErrForbidden) {
								t.Errorf("%s: the window gave %v", setting, err)
							}
						case errors.Is(err, ErrForbidden) || !errors.Is(err, ErrRefused) && !errors.Is(err, ErrAddress):
							t.Errorf("%s: the window gave %v", setting, err)
						}
					}
				}
			}
		}
	}
}

// TestAFeedWithoutALicenceIsAMatterOfThatFeed: and its refusal costs one login.
func TestAFeedWithoutALicenceIsAMatterOfThatFeed(t *testing.T) {
	t.Parallel()
	for _, licence := range []string{"403A", "403B", "403"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{AuthNoLicence: licence, AuthNoLicenceFeed: "alarms"}})
		c := newClient(t, srv.URL())
		if err := rowsError(t, c); err != nil {
			t.Errorf("%s: the other feed: %v", licence, err)
		}
		_, err := c.Rows(t.Context(), Query{Feed: Alarms, From: from, Until: until}, nothing)
		if !errors.Is(err, ErrForbidden) || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", licence, err)
		}
		if n := srv.Count("token"); n != 2 {
			t.Errorf("%s: %d logins, want 2", licence, n)
		}
	}
}

func TestAKeyIsProvenWhereTheFirstEndpointIsGone(t *testing.T) {
	t.Parallel()
	for _, retired := range []string{"newest", "measurements", "older"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Retired: retired, AuthAccept: "key"}})
		key := func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") }
		if err := newClient(t, srv.URL(), key).Login(t.Context()); err != nil {
			t.Errorf("%s: %v", retired, err)
		}
	}
}

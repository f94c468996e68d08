package saveris

import (
	"errors"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

func TestAPIKeyIsSentAlone(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{AuthAccept: "key"}})
	key := func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") }
	c := newClient(t, srv.URL(), key)
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, srv, rows, nil)
	if n := srv.Count("token"); n != 0 {
		t.Errorf("%d token calls with an API key", n)
	}
	wrong := newClient(t, srv.URL(), key, func(cfg *Config) { cfg.APIKey = secret.New("another") })
	for _, err := range []error{wrong.Login(t.Context()), rowsError(t, wrong)} {
		if !errors.Is(err, ErrRefused) {
			t.Errorf("a wrong key gave %v", err)
		}
	}
}

func TestWrongPasswordIsRefusedAfterOneTry(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Password = secret.New("wrong") })
	errs := make(chan error)
	for range 8 {
		go func() { errs <- rowsError(t, c) }()
	}
	for range 8 {
		if err := <-errs; !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "Incorrect username or password") {
			t.Errorf("got %v", err)
		}
	}
	if n := srv.Count("token"); n > 8 {
		t.Errorf("%d logins with a wrong password", n)
	}
}

func TestPasswordMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	const password = "a\"b\\c\t<ü>&%\u2028"
	srv := startVendor(t, saveristest.Config{Username: `o"brien`, Password: password})
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Username, cfg.Password = `o"brien`, secret.New(password) })
	if err := c.Login(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOneLoginServesAll(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Exports = 8 })
	errs := make(chan error)
	for range 8 {
		go func() { errs <- rowsError(t, c) }()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := srv.Count("token"); n != 1 {
		t.Errorf("%d logins", n)
	}
}

func TestTokenExpiresInMidExport(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"401", "403"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{AuthExpired: code}})
		c := newClient(t, srv.URL())
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Inject(saveristest.Fault{Kind: saveristest.FaultExpiredToken, On: "poll"})
		rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
		if err != nil {
			t.Fatal(err)
		}
		expect(t, srv, rows, nil)
		if tokens, submits := srv.Count("token"), srv.Count("submit.measurements"); tokens != 2 || submits != 1 {
			t.Errorf("%s: %d logins and %d submissions, want 2 and 1", code, tokens, submits)
		}
	}
}

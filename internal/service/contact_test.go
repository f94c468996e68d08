package service

import (
	"log/slog"
	"testing"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestALoginThatFailedIsTriedAgainAtTheFirstContact: the failure has told the vendor's time, which alone proves nothing.
func TestALoginThatFailedIsTriedAgainAtTheFirstContact(t *testing.T) {
	t.Parallel()
	v, err := saveristest.Start(saveristest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s, err := config.Load(t.Context(), bridgetest.Env("SAVERIS_URL", v.URL(), "SAVERIS_USERNAME", "demo", "SAVERIS_PASSWORD", "demo"))
	if err != nil {
		t.Fatal(err)
	}
	v.Inject(saveristest.Fault{Kind: saveristest.FaultBadGateway, On: "token", Times: 4}) // a login is four tries
	c := pipeline.VendorConfig(s.Vendor, s.WindowRows)
	tried, err := pipeline.TryLogin(t.Context(), s.Vendor, c)
	if err != nil || tried.LoggedIn() {
		t.Fatalf("logged in: %v (%v)", tried.LoggedIn(), err)
	}
	c.After = tried
	vendor, err := saveris.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := firstContact(t.Context(), s.Pipeline, vendor, DefaultTimings.FirstContact, slog.New(slog.DiscardHandler)); err != nil || !vendor.LoggedIn() {
		t.Errorf("logged in: %v (%v)", vendor.LoggedIn(), err)
	}
}

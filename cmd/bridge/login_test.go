package main

import (
	"bytes"
	"context"
	"testing"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
)

func TestAStartIsOneLogin(t *testing.T) {
	for _, command := range []string{"run", "backfill"} {
		t.Run(command, func(t *testing.T) {
			s := newScene(t, saveristest.World{})
			env, args := append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_LOG_FORMAT=json"), []string{"run"}
			if command == "backfill" {
				args = s.past()
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			log := &awaited{end: cancel, missing: []string{"until the end"}}
			if command == "run" {
				log.missing = storedByBoth()
			}
			var out bytes.Buffer
			if code := execute(ctx, args, streamsOf(env, &out, log)); code != hint.Done {
				t.Errorf("exit code %d\n%s", code, log.String())
			}
			if n := s.vendor.Count("token"); n != 1 {
				t.Errorf("%d logins, want one", n)
			}
		})
	}
}

// TestALoginThatFailedIsTriedAgainAtTheFirstContact: the failure has told the vendor's time, which alone proves nothing.
func TestALoginThatFailedIsTriedAgainAtTheFirstContact(t *testing.T) {
	v, err := saveristest.Start(saveristest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	s := load(t, with("SAVERIS_URL", v.URL(), "SAVERIS_USERNAME", "demo", "SAVERIS_PASSWORD", "demo"))
	v.Inject(saveristest.Fault{Kind: saveristest.FaultBadGateway, On: "token", Times: 4}) // a login is four tries
	tried, err := pipeline.TryLogin(t.Context(), s.Vendor, pipeline.VendorConfig(s.Vendor, s.WindowRows))
	if err != nil || tried.LoggedIn() {
		t.Fatalf("logged in: %v (%v)", tried.LoggedIn(), err)
	}
	config := pipeline.VendorConfig(s.Vendor, s.WindowRows)
	config.After = tried
	vendor, err := saveris.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := firstContact(t.Context(), s, vendor, quiet); err != nil || !vendor.LoggedIn() {
		t.Errorf("logged in: %v (%v)", vendor.LoggedIn(), err)
	}
}

package saveris

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// refusing are the settings under which a login is refused for good.
var refusing = map[string]bool{"auth.no_licence=403A": true, "auth.no_licence=403B": true, "auth.no_licence=403": true, "token.challenge=on": true, "auth.accept=key": true,
	"redirect.to=other": true, "redirect.to=loop": true}

// unreadable are the values under which nobody can read what the vendor sends: the window is refused, and not covered.
var unreadable = map[string]bool{
	"completed.links=keys": true,
	"file.form=utf-16":     true, "file.form=zip": true, "file.form=zstd": true, "file.form=parquet": true, "file.form=textfile": true, "file.form=html": true, "file.form=message": true,
}

// retiring are the settings under which an endpoint is gone in every version.
var retiring = map[string]bool{"retired=measurements": true, "retired=alarms": true, "retired=all": true}

func TestEverySwitchIsSurvived(t *testing.T) {
	settings := []string{"query.latency=zero", "query.latency=20ms", "url.life=1s", "token.life=1s", "sync.limit=100", "file.max=9"}
	for _, key := range saveristest.Keys() {
		for _, value := range key.Values {
			if !strings.HasPrefix(key.Name, "world.") {
				settings = append(settings, key.Name+"="+value)
			}
		}
		if strings.HasPrefix(key.Name, "fault.") && key.Name != "fault.hang" && key.Name != "fault.slow" {
			settings = append(settings, key.Name+"=0.3")
		}
	}
	for _, format := range []Format{JSON, CSV} {
		for _, setting := range settings {
			t.Run(string(format)+"/"+setting, func(t *testing.T) {
				t.Parallel()
				surviveSetting(t, setting, format)
			})
		}
	}
}

func surviveSetting(t *testing.T, setting string, format Format) {
	cfg := saveristest.Config{World: saveristest.World{AlarmEvery: 2 * time.Hour, Seed: 7}}
	cfg.Switches.QueryLatency = "zero"
	cfg.Switches.ThrottleRate = 5
	key, value, _ := strings.Cut(setting, "=")
	if err := cfg.Set(key, value); err != nil {
		t.Fatal(err)
	}
	switch key { // what makes the switch matter
	case "file.gzip":
		cfg.Faults.Truncate = 0.5
	case "sync.limit":
		cfg.Switches.Sync = "array"
	case "query.failure", "query.failure_text":
		cfg.Faults.QueryError = 0.5
	case "request.unknown":
		cfg.Faults.Forgotten = 0.3
	case "auth.no_licence_feed":
		cfg.Switches.AuthNoLicence = "403A"
	case "redirect.to":
		cfg.Switches.Redirect = "307"
	case "auth.expired":
		cfg.Faults.ExpiredToken = 0.3
	case "url.death":
		cfg.Faults.ExpiredLink = 0.3
	case "error.gzip", "error.raw_quotes":
		cfg.Faults.Internal, cfg.Faults.Throttled = 0.2, 0.2
	case "pending.data_urls", "poll.waiting_word":
		cfg.Switches.QueryLatency = "10ms"
	}
	srv := startVendor(t, cfg)
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Format = format })
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	measurements, err := read(ctx, c, Query{Feed: Measurements, From: from, Until: until})
	if key == "auth.no_licence_feed" {
		_, errAlarms := read(ctx, c, Query{Feed: Alarms, From: from, Until: until})
		if errors.Is(err, ErrForbidden) != (value != "alarms") || errors.Is(errAlarms, ErrForbidden) != (value != "measurements") {
			t.Fatalf("measurements: %v, alarms: %v", err, errAlarms)
		}
		return
	}
	if retiring[setting] {
		_, errAlarms := read(ctx, c, Query{Feed: Alarms, From: from, Until: until})
		if errors.Is(err, ErrRetired) != (value != "alarms") || errors.Is(errAlarms, ErrRetired) != (value != "measurements") {
			t.Fatalf("measurements: %v, alarms: %v", err, errAlarms)
		}
		return
	}
	if refusing[setting] {
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrAddress) {
			t.Fatalf("want a refusal, got %v", err)
		}
		return
	}
	if unreadable[setting] {
		if !errors.Is(err, ErrNotUnderstood) {
			t.Fatalf("want it not to be understood, got %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	alarms, err := read(ctx, c, Query{Feed: Alarms, From: from, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	if key != "range.column" {
		expectTruth(t, srv, measurements, alarms)
	}
	expect(t, srv, measurements, alarms)
}

func TestEveryFaultOnceIsSurvived(t *testing.T) {
	for _, key := range saveristest.Keys() {
		kind, isFault := strings.CutPrefix(key.Name, "fault.")
		if !isFault || slices.Contains([]string{"late", "duplicate", "duplicate_across", "garbage"}, kind) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			srv := startVendor(t, saveristest.Config{})
			c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Answer = 200 * time.Millisecond })
			for _, on := range []string{"token", "submit", "poll", "download"} {
				fault := saveristest.Fault{Kind: kind, On: on}
				if kind == saveristest.FaultSlow {
					fault.Wait = 50 * time.Millisecond
				}
				if kind != saveristest.FaultTooManyWait || on == "poll" { // it costs a second
					srv.Inject(fault)
				}
			}
			rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, srv, rows, nil)
		})
	}
}

// expectTruth: whatever is true in the vendor's world was read.
func expectTruth(t *testing.T, srv *saveristest.Server, measurements, alarms map[string]string) {
	t.Helper()
	n := 0
	for m := range srv.Measurements(from, until, time.Now()) {
		n++
		if _, ok := measurements[m.UUID]; !ok {
			t.Fatalf("measurement %s was not read", m.UUID)
		}
	}
	for a := range srv.Alarms(from, until, time.Now()) {
		if _, ok := alarms[a.UUID]; !ok {
			t.Fatalf("alarm %s was not read", a.UUID)
		}
	}
	if n < 100 {
		t.Fatalf("only %d measurements", n)
	}
}

package notebook

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

func TestClocksThatDifferAreSaidOnce(t *testing.T) {
	var log bytes.Buffer
	v := New(config.Vendor{}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	for _, c := range []struct {
		ahead time.Duration
		warns int
		note  string
	}{
		{30 * time.Second, 0, ""},
		{-2 * time.Hour, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"},
		{-2 * time.Hour, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"},
		{-20 * time.Second, 1, "the clock of the bridge's machine is 2h0m0s behind the vendor's"}, // or it would come and go
		{time.Second, 1, ""},
		{31 * time.Second, 2, "the clock of the bridge's machine is 31s ahead of the vendor's"},
	} {
		v.clockDiffers(c.ahead)
		if warns := strings.Count(log.String(), "level=WARN"); warns != c.warns || v.text(skewKey) != c.note {
			t.Errorf("%v: %d warnings, %q; want %d, %q", c.ahead, warns, v.text(skewKey), c.warns, c.note)
		}
	}
}

func TestTheDifferenceOfClocksIsTheVendors(t *testing.T) {
	s, err := saveristest.Start(saveristest.Config{
		Username: "ada", Password: "hunter2", World: saveristest.World{Sites: 1, Loggers: 1, Channels: 1},
		Now: func() time.Time { return time.Now().Add(2 * time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	client, err := saveris.New(saveris.Config{BaseURL: s.URL(), Username: "ada", Password: secret.New("hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	if _, known := pipeline.ClockAhead(client); known {
		t.Error("it is known before he has answered")
	}
	began := time.Now()
	if err := client.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ahead, known := pipeline.ClockAhead(client); !known || ahead < -2*time.Hour || ahead > -2*time.Hour+2*time.Second+time.Since(began) {
		t.Errorf("%v ahead, known: %v", ahead, known)
	}
}

func TestNotesEndARunOnlyWhenEveryFeedIsRefused(t *testing.T) {
	v := New(config.Vendor{}, []schema.Feed{schema.Readings, schema.Alarms}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	v.FeedShut(schema.Readings, saveris.ErrForbidden)
	v.FeedShut(schema.Alarms, saveris.ErrRetired)
	v.FeedShut(schema.Readings, nil)
	v.FeedShut(schema.Alarms, saveris.ErrForbidden)
	select {
	case err := <-ended:
		t.Fatalf("it ended with %v while a feed was given", err)
	default:
	}
	v.FeedShut(schema.Readings, saveris.ErrForbidden)
	if err := <-ended; !errors.Is(err, saveris.ErrForbidden) {
		t.Errorf("it ended with %v", err)
	}
}

// TestAnOlderVersionIsNamedForAsLongAsItIsRead, also by a bridge that has not led meanwhile: its client goes on where it was, and says it once.
func TestAnOlderVersionIsNamedForAsLongAsItIsRead(t *testing.T) {
	n := New(config.Vendor{}, nil, slog.New(slog.DiscardHandler))
	want := func(notes int) {
		t.Helper()
		if got := n.Texts(); len(got) != notes {
			t.Errorf("%q, want %d", got, notes)
		}
	}
	n.Begin(schema.Tasks)
	n.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Tasks, Endpoint: "/v3/tasks", Instead: "/v2/tasks"})
	want(1)
	n.End(schema.Tasks)
	want(0)
	n.Begin(schema.Tasks)
	want(1)
	n.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Tasks, Endpoint: "/v2/tasks", Instead: "/v3/tasks"})
	want(0)
	n.End(schema.Tasks)
	n.Begin(schema.Tasks)
	want(0)
}

// TestEachKindOfTheFleetHasItsVersion: one that is read by its newest again says nothing of the others.
func TestEachKindOfTheFleetHasItsVersion(t *testing.T) {
	n := New(config.Vendor{}, nil, slog.New(slog.DiscardHandler))
	n.Begin(schema.Devices)
	n.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.DeviceStatus, Endpoint: "/v4/devices/status", Instead: "/v3/devices/status"})
	n.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Equipments, Endpoint: "/v4/equipments", Instead: "/v3/equipments"})
	if got := n.Texts(); len(got) != 2 {
		t.Errorf("%q, want two", got)
	}
	n.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Equipments, Endpoint: "/v3/equipments", Instead: "/v4/equipments"})
	if got := n.Texts(); len(got) != 1 || !strings.Contains(got[0], "/v3/devices/status") {
		t.Errorf("%q, want that of the devices' status", got)
	}
	n.End(schema.Devices)
	if got := n.Texts(); len(got) != 0 {
		t.Errorf("%q of who leads no more", got)
	}
}

// TestTheEndsOfTheFleetsEndpointsAreOneLine in the log and in the status, which nobody has to do anything about.
func TestTheEndsOfTheFleetsEndpointsAreOneLine(t *testing.T) {
	day := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	paths := []string{"/v3/tenants-sync", "/v2/equipments-sync", "/v1/devices/properties", "/v2/devices/status-sync", "/v2/sensors/status-sync"}
	announce := func(n *Notes, path string, sunset time.Time) {
		n.Noticed(saveris.Notice{Kind: saveris.Announced, Endpoint: path, End: saveris.Announcement{Endpoint: path, Sunset: sunset}})
	}
	var log bytes.Buffer
	n := New(config.Vendor{SaverisSync: "auto"}, nil, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 { // headers that change announce anew
		for _, path := range paths {
			announce(n, path, day)
		}
	}
	want := "the vendor announces the end of 5 endpoints of the fleet on 2026-12-31 23:59:59; the bridge falls back to the exports then"
	if got := n.Texts(); len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("the log has %d lines:\n%s", lines, &log)
	}
	announce(n, "/v1/tenants", day.AddDate(0, 0, -1))
	announce(n, "/v2/measurements", day)
	if got := n.Texts(); len(got) != 2 || !strings.Contains(got[1], "6 endpoints of the fleet from 2026-12-30") {
		t.Errorf("got %q", got)
	}
	always := New(config.Vendor{SaverisSync: "always"}, nil, slog.New(slog.DiscardHandler))
	for _, path := range paths {
		announce(always, path, day)
	}
	if got := always.Texts(); len(got) != len(paths) {
		t.Errorf("without exports nothing takes their place: %q", got)
	}
}

package status_test

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// silenceOf is that of a channel which had a reading an hour before noon, or never.
func silenceOf(serial string, heard bool) schema.Silence {
	s := schema.Silence{Tenant: "t", Site: "s", Sensor: "u", Serial: serial, Channel: "1", DueAt: today.Add(12 * time.Hour), Cycle: 15 * time.Minute}
	if heard {
		s.LastAt = s.DueAt.Add(-time.Hour)
	}
	return s
}

// TestStatusNamesTheChannelsThatAreSilent, one that is heard again no more, and it is no fault of the bridge.
func TestStatusNamesTheChannelsThatAreSilent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	silences := publish.NewSilences(s.js, s.config)
	store := func(all ...schema.Silence) (last uint64) {
		t.Helper()
		if err := silences.Store(t.Context(), all, func(_ int, sequence uint64) { last = sequence }); err != nil {
			t.Fatal(err)
		}
		return last
	}
	store(silenceOf("200", false), schema.Silence{Feed: schema.Readings, DueAt: today, Cycle: time.Minute})
	resumed := silenceOf("100", true)
	resumed.Before = store(silenceOf("100", true))
	read := func() status.Report {
		t.Helper()
		now, recent, err := status.Read(t.Context(), s.js, status.Config{Names: names, Feeds: []schema.Feed{schema.Readings}, Timings: quick})
		if err != nil {
			t.Fatal(err)
		}
		return status.NewReport(now, recent, status.Rules{Poll: time.Minute})
	}
	report := read()
	if report.OK && strings.Contains(report.Text(), "all is well") {
		t.Error("all is well above silent channels")
	}
	if len(report.Silent) != 2 || report.Silent[0].Serial != "100" || report.Silent[0].LastAt == nil || report.Silent[1].LastAt != nil {
		t.Errorf("silent are %+v", report.Silent)
	}
	day := today.Format(time.DateOnly)
	text := report.Text()
	for _, want := range []string{
		"2 channels are silent", "\nsilent\n  100/1  last reading " + day + " 11:00:00, due at " + day + " 12:00:00\n  200/1  never had a reading, due at " + day + " 12:00:00\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, p := range report.Problems {
		if strings.Contains(p.Text, "silent") {
			t.Errorf("it is a problem of the bridge: %s", p.Text)
		}
	}
	resumed.Resumed, resumed.At = true, today.Add(13*time.Hour)
	store(resumed)
	if report = read(); len(report.Silent) != 1 || !strings.Contains(report.Text(), "; 1 channel is silent") {
		t.Errorf("after one is heard again: %+v\n%s", report.Silent, report.Text())
	}
}

package coverage

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

var quiet = slog.New(slog.DiscardHandler)

// covered is a pipeline whose account has covered the first hour of today's readings.
func covered(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	url := bridgetest.NATSServer(t, &server.Options{JetStream: true}).ClientURL()
	s, err := config.Load(t.Context(), bridgetest.Env("NATS_URL", url, "SAVERIS_URL", "http://127.0.0.1:1", "SAVERIS_INSECURE", "true"))
	if err != nil {
		t.Fatal(err)
	}
	js := bridgetest.JetStream(t, url)
	if err := publish.Open(t.Context(), js, pipeline.Broker(s.Streams)); err != nil {
		t.Fatal(err)
	}
	pipe := pipeline.New(s.Pipeline, js)
	vendor, err := saveris.New(pipeline.VendorConfig(s.Vendor, s.WindowRows))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Accounts.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	hour, writer := seed.FirstHour(), pipe.Writer(schema.Readings, vendor, 1)
	writer.SetLowWatermark(hour.From)
	if _, err := writer.Commit(t.Context(), checkpoint.DayOf(hour.From), []schema.Event{seed.Reading("a", "1", "2")}, hour); err != nil {
		t.Fatal(err)
	}
	return pipeline.New(s.Pipeline, js)
}

func show(t *testing.T, pipe *pipeline.Pipeline) string {
	t.Helper()
	var out strings.Builder
	if err := Show(t.Context(), pipe.Settings.Streams, pipe.JS, false, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAResetChangesNothingUntilItIsConfirmed(t *testing.T) {
	pipe, from := covered(t), seed.FirstHour().From
	span := checkpoint.Span{From: from.Add(20 * time.Minute), Until: from.Add(40 * time.Minute)}
	before := show(t, pipe)
	if !strings.Contains(before, "  00:00-01:00 ") {
		t.Fatalf("it is not covered:\n%s", before)
	}
	for _, c := range []struct {
		confirmed   bool
		err         error
		out, covers string
	}{
		{false, ErrNotConfirmed, "would be uncovered: 20m of readings", "  00:00-01:00 "},
		{true, nil, "uncovered: 20m of readings", "  00:00-00:20, 00:40-01:00 "},
		{true, nil, "nothing of readings from ", "  00:00-00:20, 00:40-01:00 "},
		{false, nil, "nothing of readings from ", "  00:00-00:20, 00:40-01:00 "},
	} {
		var out strings.Builder
		err := Reset(t.Context(), pipe, schema.Readings, span, c.confirmed, &out, quiet)
		if !errors.Is(err, c.err) || !strings.HasPrefix(out.String(), c.out) {
			t.Errorf("confirmed %v: %v\n%s", c.confirmed, err, &out)
		}
		if after := show(t, pipe); !strings.Contains(after, c.covers) {
			t.Errorf("confirmed %v: want %s, got\n%s", c.confirmed, c.covers, after)
		}
	}
}

func TestWhatIsOfThisAccountNeedNotBeAdopted(t *testing.T) {
	pipe := covered(t)
	var out strings.Builder
	if err := Adopt(t.Context(), pipe, nil, false, &out, quiet); err != nil || out.String() != "readings: of this login's account already\n" {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestADayIsShownByItsSpans(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	at := func(minutes ...int) (list []checkpoint.Interval) {
		for i := 0; i < len(minutes); i += 2 {
			list = append(list, checkpoint.Interval{From: day.Add(time.Duration(minutes[i]) * time.Minute), Until: day.Add(time.Duration(minutes[i+1]) * time.Minute)})
		}
		return list
	}
	for want, covered := range map[string][]checkpoint.Interval{
		"nothing":                  nil,
		"all of it":                at(0, 60, 60, 1440),
		"00:00-01:00":              at(0, 60),
		"23:00-24:00":              at(1380, 1440),
		"00:00-00:10, 00:20-00:30": at(0, 5, 5, 10, 20, 30),
		"00:00-00:01, 00:02-00:03, 00:04-00:05, 00:06-00:07, and 2 more": at(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
	} {
		if got := coveredText(checkpoint.Record{Day: "2026-11-23", Covered: covered}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

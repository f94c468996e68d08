package backfill

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

func TestABackfillThatWaitsForLiveSaysSoOnceAndKnowsNoEnd(t *testing.T) {
	var log strings.Builder
	j := &job{state: newProgress(schema.Backfill{})}
	readings := &feed{name: schema.Readings, log: slog.New(slog.NewTextHandler(&log, nil)).With("feed", "readings")}
	alarms := &feed{name: schema.Alarms, log: readings.log}
	j.state.began = time.Now().Add(-time.Minute)
	j.state.cover(0)
	j.state.cover(.5)
	if got := ETA(j.state.now(schema.BackfillProgress)); got == "unknown" {
		t.Error("the end is not known, though it goes on")
	}
	for wait := 1; wait <= 2; wait++ {
		var ended []func()
		for range 3 {
			ended = append(ended, j.yields(readings, 5*time.Minute))
		}
		ended = append(ended, j.yields(alarms, time.Minute))
		for _, end := range ended {
			if got := ETA(j.state.now(schema.BackfillProgress)); got != "unknown" {
				t.Errorf("it waits, and goes on for %s", got)
			}
			end()
		}
		if got := strings.Count(log.String(), "live polling is late, waiting"); got != 2*wait {
			t.Errorf("after %d waits of two feeds it was said %d times", wait, got)
		}
	}
	if got := ETA(j.state.now(schema.BackfillProgress)); got == "unknown" {
		t.Error("the end is not known, though it has gone on")
	}
}

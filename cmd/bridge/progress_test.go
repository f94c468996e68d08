package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

func TestABackfillThatWaitsForLiveSaysSoOnceAndKnowsNoEnd(t *testing.T) {
	var log strings.Builder
	b := &backfill{state: newProgress(schema.Backfill{})}
	readings := &backfillFeed{feed: schema.Readings, log: slog.New(slog.NewTextHandler(&log, nil)).With("feed", "readings")}
	alarms := &backfillFeed{feed: schema.Alarms, log: readings.log}
	b.state.began = time.Now().Add(-time.Minute)
	b.state.cover(0)
	b.state.cover(.5)
	if got := eta(b.state.now(schema.BackfillProgress)); got == "unknown" {
		t.Error("the end is not known, though it goes on")
	}
	for wait := 1; wait <= 2; wait++ {
		var ended []func()
		for range 3 {
			ended = append(ended, b.yields(readings, 5*time.Minute))
		}
		ended = append(ended, b.yields(alarms, time.Minute))
		for _, end := range ended {
			if got := eta(b.state.now(schema.BackfillProgress)); got != "unknown" {
				t.Errorf("it waits, and goes on for %s", got)
			}
			end()
		}
		if got := strings.Count(log.String(), "live polling is late, waiting"); got != 2*wait {
			t.Errorf("after %d waits of two feeds it was said %d times", wait, got)
		}
	}
	if got := eta(b.state.now(schema.BackfillProgress)); got == "unknown" {
		t.Error("the end is not known, though it has gone on")
	}
}

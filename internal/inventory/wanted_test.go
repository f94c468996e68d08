package inventory

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// TestAWantedLookWaitsForAMinuteAtMost, counted from the look before it, and no longer than the next look would.
func TestAWantedLookWaitsForAMinuteAtMost(t *testing.T) {
	for name, c := range map[string]struct{ interval, wanted, want time.Duration }{
		"right after a look":   {15 * time.Minute, 0, time.Minute},
		"half a minute later":  {15 * time.Minute, 30 * time.Second, time.Minute},
		"five minutes later":   {15 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		"never":                {15 * time.Minute, time.Hour, 15 * time.Minute},
		"a look is due sooner": {20 * time.Second, 10 * time.Second, 20 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			wanted, began := make(chan string, 1), time.Now() // the bubble's clock
			ask := time.AfterFunc(c.wanted, func() { wanted <- "channel s/1" })
			defer ask.Stop()
			l := &Line{Wanted: wanted, Soonest: time.Minute, Log: slog.New(slog.DiscardHandler)}
			time.Sleep(l.untilWanted(t.Context(), c.interval, began)) // of the bubble: no clock runs
			if got := time.Since(began); got != c.want {
				t.Errorf("%s: after %v, want %v", name, got, c.want)
			}
		})
	}
}

func TestAStopEndsTheWaitForAWantedLook(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	if wait := (&Line{}).untilWanted(ctx, time.Hour, time.Now()); wait > 0 {
		t.Errorf("waits for %v", wait)
	}
}

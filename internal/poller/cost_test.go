package poller_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
)

// account is what a feed has cost the vendor: every window is an export.
type account struct {
	ages checkpoint.Ages

	mu      sync.Mutex
	covered covered
	windows []poller.Window
	at      []time.Time
}

func (a *account) read(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.covered), nil
}

func (a *account) ask(w poller.Window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.windows, a.at = append(a.windows, w), append(a.at, time.Now())
}

func (a *account) store(w poller.Window, asked time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.covered.add(w, asked, a.ages)
}

// follow carries a plan's windows until the context ends. Each takes the vendor as long as an export does.
func (a *account) follow(ctx context.Context, plan poller.Plan, export time.Duration) {
	for {
		w, err := plan.Next(ctx)
		if err != nil {
			return
		}
		asked := time.Now()
		a.ask(w)
		select {
		case <-time.After(export):
		case <-ctx.Done():
			return
		}
		a.store(w, asked)
		w.AskedAt = asked
		plan.Done(w, 100, nil)
	}
}

// run polls for so long, as Live does: with a tail and a fill side by side.
func (a *account) run(t *testing.T, interval, overlap, export, length time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	began := time.Now().UTC()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.follow(ctx, &poller.Fill{
			Watermark: &mark{began}, Ages: a.ages, Interval: interval, Rows: 100_000, Now: vendorClock, Covered: a.read,
		}, export)
	}()
	a.follow(ctx, &poller.Tail{Interval: interval, Overlap: overlap, Now: vendorClock, Covered: a.read, Since: began}, export)
	<-ended
}

// perHour is how many exports an hour the last day has cost.
func (a *account) perHour() float64 {
	n, since := 0, time.Now().Add(-24*time.Hour)
	for _, at := range a.at {
		if at.After(since) {
			n++
		}
	}
	return float64(n) / 24
}

// reads is how often the hour of event time that was read most has been read.
func (a *account) reads(began time.Time) (most float64) {
	for hour := began; hour.Before(time.Now()); hour = hour.Add(time.Hour) {
		var read time.Duration
		for _, w := range a.windows {
			if part := w.Cut(hour, hour.Add(time.Hour)); !part.Empty() {
				read += part.Width()
			}
		}
		most = max(most, read.Hours())
	}
	return most
}

var defaultAges = checkpoint.Ages{time.Hour, 6 * time.Hour, 26 * time.Hour, 168 * time.Hour}

// TestWhatSettingsCostTheVendor measures the plans as they run, and holds the table of docs/configuration.md against it.
func TestWhatSettingsCostTheVendor(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings          string
		interval, overlap time.Duration
		ages              checkpoint.Ages
		days              int
		exports, reads    float64 // at most, of one feed
	}{
		{"as they are", 5 * time.Minute, 15 * time.Minute, defaultAges, 9, 17, 6},
		{"`BRIDGE_POLL_INTERVAL=15m`", 15 * time.Minute, 15 * time.Minute, defaultAges, 9, 8, 6},
		{"`BRIDGE_POLL_INTERVAL=1m`", time.Minute, 15 * time.Minute, defaultAges, 9, 64, 10},
		{"`BRIDGE_POLL_INTERVAL=1s`", time.Second, 15 * time.Minute, defaultAges, 2, 243, 25},
		{"`BRIDGE_OVERLAP=0`, `BRIDGE_REVISIT=26h`", 5 * time.Minute, 0, checkpoint.Ages{26 * time.Hour}, 9, 13, 2},
	} {
		t.Run(c.settings, func(t *testing.T) {
			if !variants.All() && c.interval < 5*time.Minute {
				t.Skip("without VARIANTS=all")
			}
			synctest.Test(t, func(t *testing.T) {
				began := time.Now().UTC()
				a := account{ages: c.ages}
				a.run(t, c.interval, c.overlap, 5*time.Second, time.Duration(c.days)*24*time.Hour)
				exports, reads := a.perHour(), a.reads(began)
				t.Logf("%.1f exports an hour, the same hour read %.2f times", exports, reads)
				if exports > c.exports || reads > c.reads {
					t.Errorf("want at most %v exports an hour, and %v reads", c.exports, c.reads)
				}
				if row := fmt.Sprintf("| %s | %.0f | %.1f |", c.settings, 2*exports, reads); !bytes.Contains(table, []byte(row)) {
					t.Errorf("docs/configuration.md has no row %s", row)
				}
			})
		})
	}
}

package poller_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/schema"
)

// burst is a row that becomes visible once its logger is back.
type burst struct{ at, visible time.Time }

// fleet is outages as they come, which a plan learns of at the poll after the end of each.
type fleet struct {
	outages []schema.Outage
	rows    []burst
}

// newFleet makes so many outages within a time. Some are longer than any age, some are not known to have begun.
func newFleet(random *rand.Rand, began time.Time, length time.Duration, n int) *fleet {
	f := &fleet{}
	for range n {
		ended := began.Add(24*time.Hour + rand64(random, length-9*24*time.Hour)).Truncate(time.Second)
		cut := time.Duration(float64(20*time.Minute) * pow(random, 1200)) // until sixteen days
		lead := 15 * time.Minute
		raised := ended.Add(-cut)
		f.outages = append(f.outages, schema.Outage{Raised: raised, Ended: ended})
		for range 20 {
			at := raised.Add(-lead).Add(rand64(random, cut+lead)).Truncate(time.Second)
			if at.After(began) {
				f.rows = append(f.rows, burst{at, ended.Add(rand64(random, 15*time.Minute))})
			}
		}
	}
	return f
}

func rand64(random *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(d)))
}

func pow(random *rand.Rand, most float64) float64 {
	x := 1.0
	for u := random.Float64(); u > 0.1 && x < most; u -= 0.1 {
		x *= 2.2
	}
	return x
}

func (f *fleet) known(interval time.Duration) func(context.Context) ([]schema.Outage, error) {
	return func(context.Context) ([]schema.Outage, error) {
		seen := time.Now().Truncate(interval)
		var known []schema.Outage
		for _, o := range f.outages {
			if o.Ended.Before(seen) {
				known = append(known, o)
			}
		}
		return known, nil
	}
}

func TestMonthsOfOutages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interval time.Duration
		ages     checkpoint.Ages
		restart  time.Duration // between two of the process; 0 = never
		days     int
	}{
		"as they are": {5 * time.Minute, defaultAges, 0, 18},
		"rare polls":  {15 * time.Minute, defaultAges, 0, 18},
		"one age":     {5 * time.Minute, checkpoint.Ages{26 * time.Hour}, 0, 12},
		"a late age":  {5 * time.Minute, checkpoint.Ages{168 * time.Hour}, 0, 12},
		"a tiny age":  {5 * time.Minute, checkpoint.Ages{time.Minute}, 0, 12},
		"no age":      {5 * time.Minute, nil, 0, 12},
		"restarts":    {5 * time.Minute, defaultAges, time.Hour, 12},
	} {
		t.Run(name, func(t *testing.T) {
			if !variants.All() && c.days < 18 && c.restart == 0 {
				t.Skip("without VARIANTS=all")
			}
			synctest.Test(t, func(t *testing.T) {
				began, length := time.Now().UTC(), time.Duration(c.days)*24*time.Hour
				f := newFleet(rand.New(rand.NewPCG(1, 2)), began, length, 4*c.days)
				a := account{ages: c.ages}
				ctx, cancel := context.WithTimeout(t.Context(), length)
				defer cancel()
				var wg sync.WaitGroup
				for _, plan := range []func() poller.Plan{
					func() poller.Plan {
						return &poller.Fill{Watermark: &mark{began}, Ages: c.ages, Interval: c.interval, Rows: 100_000, Now: vendorClock, Covered: a.read}
					},
					func() poller.Plan {
						return &poller.Tail{Interval: c.interval, Overlap: 15 * time.Minute, Now: vendorClock, Covered: a.read, Since: began}
					},
					func() poller.Plan {
						return &poller.AfterOutage{Ages: c.ages, Interval: c.interval, Rows: 100_000, Now: vendorClock, Covered: a.read, Outages: f.known(c.interval)}
					},
				} {
					wg.Go(func() {
						for ctx.Err() == nil {
							life, end := context.WithTimeout(ctx, cmp.Or(c.restart, length))
							a.follow(life, plan(), 5*time.Second)
							end()
						}
					})
				}
				wg.Wait()
				lost := 0
				for _, row := range f.rows {
					if !a.readAfter(row) {
						if lost++; lost < 4 {
							i := slices.IndexFunc(f.outages, func(o schema.Outage) bool {
								return !row.visible.Before(o.Ended) && row.visible.Before(o.Ended.Add(15*time.Minute))
							})
							t.Logf("lost: %v visible %v: %v after the end of %v", row.at, row.visible, row.visible.Sub(f.outages[i].Ended), f.outages[i])
						}
					}
				}
				n, busiest := a.spent(poller.ReasonOutage)
				t.Logf("%s: %d of %d rows lost; %d exports for outages, %d in the busiest hour; %d in all", name, lost, len(f.rows), n, busiest, len(a.windows))
				if lost > 0 || busiest > 20 {
					t.Errorf("%d of %d rows lost, %d exports in an hour", lost, len(f.rows), busiest)
				}
			})
		})
	}
}

func (a *account) readAfter(row burst) bool {
	for i, w := range a.windows {
		if !a.at[i].Before(row.visible) && !row.at.Before(w.From) && row.at.Before(w.Until) {
			return true
		}
	}
	return false
}

func (a *account) spent(reason poller.Reason) (n, busiest int) {
	hours := map[time.Time]int{}
	for i, w := range a.windows {
		if w.Reason == reason {
			n++
			hours[a.at[i].Truncate(time.Hour)]++
		}
	}
	for _, in := range hours {
		busiest = max(busiest, in)
	}
	return n, busiest
}

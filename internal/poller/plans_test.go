package poller_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
)

var quietLog = slog.New(slog.DiscardHandler)

// once is a plan of one window.
type once struct {
	window poller.Window
	done   bool
}

func (o *once) Next(context.Context) (poller.Window, error) {
	if o.done {
		return poller.Window{}, io.EOF
	}
	return o.window, nil
}

func (o *once) Done(poller.Window, int, error) { o.done = true }

// covered stands in for a checkpoint.
type covered []checkpoint.Interval

func (c *covered) read(context.Context, checkpoint.Span) ([]checkpoint.Interval, error) {
	return *c, nil
}

func (c *covered) add(w poller.Window, at time.Time, ages checkpoint.Ages) {
	*c = checkpoint.Cover(*c, checkpoint.Interval{From: w.From, Until: w.Until, ReadAt: at, Route: "sync"}, ages)
}

// mark is a watermark.
type mark struct{ at time.Time }

func (m *mark) Look(context.Context) error                          { return nil }
func (m *mark) Since(context.Context, time.Time) (time.Time, error) { return m.at, nil }
func (m *mark) Advance(_ context.Context, to time.Time) error       { m.at = to; return nil }

func vendorClock(context.Context) (time.Time, error) { return time.Now().UTC(), nil }

func TestTailReachesBackOverTheCoveredEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  time.Duration // of what is covered, before now
		want time.Duration // width of the window
	}{
		"a normal poll":                      {5 * time.Minute, 20 * time.Minute},
		"a poll right after another":         {time.Second, 15*time.Minute + time.Second},
		"after an hour":                      {time.Hour, time.Hour},
		"after a week":                       {7 * 24 * time.Hour, time.Hour},
		"covered into the vendor's future":   {-time.Hour, 15 * time.Minute},
		"nothing covered, begun an hour ago": {0, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := time.Now().UTC()
				list := covered{{From: now.Add(-8 * 24 * time.Hour), Until: now.Add(-c.end)}}
				if c.end == 0 {
					list = nil
				}
				tail := poller.Tail{Interval: time.Minute, Overlap: 15 * time.Minute, Now: vendorClock, Covered: list.read, Since: now.Add(-time.Hour)}
				w, err := tail.Next(t.Context())
				if err != nil || w.Width() != c.want || !w.Until.Equal(now) {
					t.Errorf("window %v wide until %v (%v), want %v until %v", w.Width(), w.Until, err, c.want, now)
				}
			})
		})
	}
}

func TestPollsReachBackOverTheOverlapOnceItIsNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interval, overlap time.Duration
		want              []time.Duration // widths
	}{
		"as they are":       {5 * time.Minute, 15 * time.Minute, []time.Duration{20, 6, 6, 17, 6, 6, 17}},
		"no overlap":        {5 * time.Minute, 0, []time.Duration{5, 5, 5, 5}},
		"rare polls":        {20 * time.Minute, 15 * time.Minute, []time.Duration{35, 35, 35}},
		"a minute's notice": {time.Minute, 3 * time.Minute, []time.Duration{5, 5, 5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now().UTC()
				list := covered{{From: began.Add(-24 * time.Hour), Until: began.Add(-c.interval), ReadAt: began.Add(-c.interval), Route: "sync"}}
				tail := poller.Tail{Interval: c.interval, Overlap: c.overlap, Now: vendorClock, Covered: list.read}
				for i, want := range c.want {
					w, err := tail.Next(t.Context())
					if err != nil || w.Width() != want*time.Minute || !w.Until.Equal(time.Now()) {
						t.Fatalf("poll %d reads %v until %v (%v), want %v minutes", i, w.Width(), w.Until, err, int(want))
					}
					list.add(w, time.Now(), nil)
					tail.Done(w, 10, nil)
				}
			})
		})
	}
}

func TestAFailedPollDoesNotSpendTheOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().UTC()
		list := covered{{From: began.Add(-24 * time.Hour), Until: began.Add(-5 * time.Minute), ReadAt: began, Route: "sync"}}
		tail := poller.Tail{Interval: 5 * time.Minute, Overlap: 15 * time.Minute, Now: vendorClock, Covered: list.read}
		for range 2 {
			w, err := tail.Next(t.Context())
			if err != nil || w.Width() != 20*time.Minute {
				t.Fatalf("%v wide (%v), want the overlap again", w.Width(), err)
			}
			tail.Done(w, 0, errors.New("no answer"))
		}
	})
}

func TestASlowVendorIsPolledAThirdOfTheTime(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		100 * time.Millisecond: time.Second, 5 * time.Second: 15 * time.Second, 4 * time.Minute: 5 * time.Minute, 10 * time.Minute: 10 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			var list covered
			tail := poller.Tail{Interval: time.Second, Overlap: time.Minute, Now: vendorClock, Covered: list.read}
			began := time.Now()
			w, err := tail.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(took)
			tail.Done(w, 10, nil)
			if _, err := tail.Next(t.Context()); err != nil || time.Since(began) != want {
				t.Errorf("after an export of %v the next poll came after %v (%v), want %v", took, time.Since(began), err, want)
			}
		})
	}
}

func TestABrokerThatDidNotStoreHoldsUpNoPollAfterwards(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var list covered
		tail := poller.Tail{Interval: time.Second, Overlap: time.Minute, Now: vendorClock, Covered: list.read}
		began := time.Now()
		w, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second + time.Minute)
		w.Storing = time.Minute
		tail.Done(w, 10, nil)
		if _, err := tail.Next(t.Context()); err != nil || time.Since(began) != time.Second+time.Minute {
			t.Errorf("the next poll came after %v (%v), want at once", time.Since(began), err)
		}
	})
}

func TestTailPollsAtItsIntervalAndAgainAtOnceAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var list covered
		tail := poller.Tail{Interval: 5 * time.Minute, Overlap: 0, Now: vendorClock, Covered: list.read}
		began := time.Now()
		var at []time.Duration
		for _, failure := range []error{nil, errors.New("no answer"), nil, nil} {
			w, err := tail.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, time.Since(began))
			tail.Done(w, 0, failure)
		}
		want := []time.Duration{0, 5 * time.Minute, 5 * time.Minute, 10 * time.Minute}
		for i := range want {
			if at[i] != want[i] {
				t.Errorf("polls at %v, want %v", at, want)
				break
			}
		}
	})
}

func TestFillReadsGapsOldestFirstAndThenWhatIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ages := checkpoint.Ages{time.Hour, 6 * time.Hour}
		now := time.Now().UTC()
		since := now.Add(-10 * time.Hour)
		list := covered{
			{From: now.Add(-8 * time.Hour), Until: now.Add(-7 * time.Hour), ReadAt: now.Add(-7 * time.Hour), Route: "sync"},
			{From: now.Add(-time.Hour), Until: now, ReadAt: now, Route: "sync"},
		}
		fill := poller.Fill{Watermark: &mark{since}, Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		next := since
		for {
			w, err := fill.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if w.Reason == poller.ReasonRevisit {
				if !w.From.Equal(now.Add(-8*time.Hour)) || len(checkpoint.Gaps(list, since, now)) > 0 {
					t.Errorf("re-read from %v while %v are gaps", w.From, checkpoint.Gaps(list, since, now))
				}
				return
			}
			if w.From.Before(next) || !w.Background || w.Width() < 5*time.Minute {
				t.Fatalf("window %+v after %v", w, next)
			}
			next = w.Until
			list.add(w, time.Now(), ages)
			fill.Done(w, 10, nil)
		}
	})
}

func TestFillWaitsForAnAgeToPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ages := checkpoint.Ages{time.Hour}
		now := time.Now().UTC()
		list := covered{{From: now.Add(-time.Hour), Until: now, ReadAt: now, Route: "sync"}}
		fill := poller.Fill{Watermark: &mark{now.Add(-time.Hour)}, Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		w, err := fill.Next(t.Context())
		if err != nil || w.Reason != poller.ReasonRevisit || time.Since(now) != time.Hour {
			t.Errorf("%+v after %v (%v), want the re-read after an hour", w, time.Since(now), err)
		}
	})
}

func TestWindowsGrowAndShrinkTowardsTheirRows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		var list covered
		fill := poller.Fill{Watermark: &mark{now.AddDate(-1, 0, 0)}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		width := func(rows int, err error) time.Duration {
			w, nextErr := fill.Next(t.Context())
			if nextErr != nil {
				t.Fatal(nextErr)
			}
			fill.Done(w, rows, err)
			return w.Width()
		}
		if w := width(10, nil); w != 30*time.Minute {
			t.Errorf("the first window is %v wide, want half an hour", w)
		}
		for range 20 {
			if w := width(10, nil); w > 7*24*time.Hour {
				t.Fatalf("window of %v: the vendor takes 7 days", w)
			}
		}
		wide := width(5000, nil)
		if w := width(800, nil); w != wide/2 {
			t.Errorf("after too many rows %v, want half of %v", w, wide)
		}
		if w := width(800, nil); w != wide/2 {
			t.Errorf("after enough rows %v, want the same %v", w, wide/2)
		}
		for range 30 {
			if w := width(0, errors.New("too slow")); w < 5*time.Minute {
				t.Fatalf("window of %v: the vendor takes 5 minutes", w)
			}
		}
	})
}

func TestAWindowThatCannotBeHadHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		since := now.Add(-10 * time.Hour)
		var list covered
		fill := poller.Fill{Watermark: &mark{since}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		bad, err := fill.Next(t.Context())
		if err != nil || !bad.From.Equal(since) {
			t.Fatalf("%+v, %v", bad, err)
		}
		fill.Done(bad, 0, poller.ErrRejected)
		for {
			w, err := fill.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if w.From.Equal(since) { // tried again, after all others
				if waited := time.Since(now); waited < 10*time.Minute || len(checkpoint.Gaps(list, bad.Until, now.Add(-time.Hour))) > 0 {
					t.Errorf("tried again after %v with gaps %v", waited, checkpoint.Gaps(list, bad.Until, now.Add(-time.Hour)))
				}
				return
			}
			if !w.Cut(bad.From, bad.Until).Empty() {
				t.Fatalf("window %+v holds what cannot be had", w)
			}
			list.add(w, time.Now(), nil)
			fill.Done(w, 10, nil)
		}
	})
}

func TestAnEmptyWindowIsDoubtedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		var list covered
		fill := poller.Fill{Watermark: &mark{now.Add(-2 * time.Hour)}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		list.add(poller.Window{Span: checkpoint.Span{From: now.Add(-time.Hour), Until: now.Add(24 * time.Hour)}}, time.Now(), nil)
		read := func(rows int) poller.Window {
			w, err := fill.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			list.add(w, time.Now(), nil)
			fill.Done(w, rows, nil)
			return w
		}
		read(800)
		empty := read(0)
		if again := read(0); again.Reason != poller.ReasonRevisit || again.Span != empty.Span || time.Since(now) < 10*time.Minute {
			t.Errorf("read %+v after %v, want %+v again after ten minutes", again, time.Since(now), empty.Span)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if w, err := fill.Next(ctx); err == nil {
			t.Errorf("read %+v a third time", w)
		}
	})
}

func TestTheWatermarkFollowsWhatHasBeenRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		m := &mark{now.Add(-4 * time.Hour)}
		list := covered{{From: now.Add(-time.Hour), Until: now.Add(time.Hour), ReadAt: now, Route: "sync"}}
		fill := poller.Fill{Watermark: m, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		for _, want := range []time.Duration{-4 * time.Hour, -210 * time.Minute} {
			w, err := fill.Next(t.Context())
			if err != nil || !m.at.Equal(now.Add(want)) || !w.From.Equal(m.at) {
				t.Fatalf("mark %v, window %+v (%v), want both at %v", m.at, w, err, now.Add(want))
			}
			list.add(w, time.Now(), nil)
			fill.Done(w, 10, nil)
		}
		list = nil // the stream was emptied: what has been read is not read again without need
		if w, err := fill.Next(t.Context()); err != nil || !w.From.Equal(now.Add(-210*time.Minute)) {
			t.Errorf("window %+v (%v)", w, err)
		}
	})
}

// stuckMark cannot be moved: the day that its record would be of cannot be read.
type stuckMark struct{ mark }

func (*stuckMark) Advance(context.Context, time.Time) error {
	return fmt.Errorf("readings of 2026-07-01: %w", checkpoint.ErrIndex)
}

func TestAWatermarkThatCannotBeMovedHoldsUpNoGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		since := time.Now().UTC().Add(-4 * time.Hour)
		var list covered
		fill := poller.Fill{Watermark: &stuckMark{mark{since}}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		if w, err := fill.Next(t.Context()); err != nil || !w.From.Equal(since) {
			t.Errorf("window %+v (%v), want one from %v", w, err, since)
		}
	})
}

// Live polling goes on while a backfill covers what lies before its beginning: late rows of that are looked for like all others.
func TestWhatABackfillCoversMeanwhileIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ages := checkpoint.Ages{time.Hour, 2 * 24 * time.Hour}
		now := time.Now().UTC()
		list := covered{{From: now.Add(-time.Hour), Until: now, ReadAt: now, Route: "sync"}}
		within := func(_ context.Context, span checkpoint.Span) ([]checkpoint.Interval, error) {
			return checkpoint.Within(list, span), nil
		}
		fill := poller.Fill{Watermark: &mark{now.Add(-time.Hour)}, Ages: ages, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: within}
		w, err := fill.Next(t.Context()) // has looked, and waited for the first age
		if err != nil {
			t.Fatal(err)
		}
		list.add(w, time.Now(), ages)
		fill.Done(w, 10, nil)
		old := checkpoint.Span{From: now.Add(-40 * time.Hour), Until: now.Add(-30 * time.Hour)}
		list.add(poller.Window{Span: old}, time.Now(), ages)
		for time.Since(now) < 30*time.Hour {
			if w, err = fill.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			list.add(w, time.Now(), ages)
			fill.Done(w, 10, nil)
		}
		for _, iv := range checkpoint.Within(list, old) {
			if iv.ReadAt.Before(iv.Until.Add(slices.Max(ages))) {
				t.Errorf("from %v until %v was read last at %v, two days after it nobody has looked for late rows", iv.From, iv.Until, iv.ReadAt)
			}
		}
	})
}

// slowMark answers as a stream does that is far away.
type slowMark struct {
	mark
	looked bool
	asked  chan struct{} // closed when since is asked for
	other  chan struct{} // closed when what is covered is asked for
}

func (m *slowMark) Look(context.Context) error { m.looked = true; return nil }
func (m *slowMark) Since(ctx context.Context, now time.Time) (time.Time, error) {
	close(m.asked)
	select {
	case <-m.other:
	case <-ctx.Done():
		return now, errors.New("what is covered is not asked for meanwhile")
	}
	return m.at, nil
}

func TestFillAsksForAllAtOnceOnceItHasLooked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		m := &slowMark{mark: mark{now.Add(-4 * time.Hour)}, asked: make(chan struct{}), other: make(chan struct{})}
		fill := poller.Fill{Watermark: m, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: func(ctx context.Context, _ checkpoint.Span) ([]checkpoint.Interval, error) {
			if !m.looked {
				t.Error("what is covered is read before the end of the stream is known: what comes in between would be missed")
			}
			close(m.other)
			select {
			case <-m.asked:
				return nil, nil
			case <-ctx.Done():
				return nil, errors.New("the watermark is not asked for meanwhile")
			}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if w, err := fill.Next(ctx); err != nil || !w.From.Equal(m.at) {
			t.Errorf("window %+v (%v)", w, err)
		}
	})
}

func TestFillLeavesTheEndToATailThatIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		var list covered
		fill := poller.Fill{Watermark: &mark{now.Add(-2 * time.Hour)}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		windows := 0
		for ; time.Since(now) < time.Hour; windows++ {
			w, err := fill.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			list.add(w, time.Now(), nil)
			fill.Done(w, 10, nil)
		}
		if windows > 20 {
			t.Errorf("%d windows in an hour, want one every five minutes", windows)
		}
	})
}

func TestAWindowThatAlwaysFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		var list covered
		fill := poller.Fill{Watermark: &mark{now.Add(-6 * time.Hour)}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		poison := now.Add(-5*time.Hour - 30*time.Minute)
		for range 100 {
			w, err := fill.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !w.From.After(poison) && w.Until.After(poison) {
				fill.Done(w, 0, errors.New("a file that is always cut"))
				continue
			}
			list.add(w, time.Now(), nil)
			fill.Done(w, 10, nil)
			if len(checkpoint.Gaps(list, poison.Add(10*time.Minute), now.Add(-time.Hour))) == 0 {
				return
			}
		}
		t.Errorf("after a hundred windows %v are gaps", checkpoint.Gaps(list, now.Add(-6*time.Hour), now.Add(-time.Hour)))
	})
}

func TestWhatWasReadInTheFutureIsNotCovered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		list := covered{
			{From: now.Add(-9 * time.Hour), Until: now.Add(-8 * time.Hour), ReadAt: now.Add(-8 * time.Hour), Route: "sync"},
			{From: now.Add(-8 * time.Hour), Until: now.Add(24 * time.Hour), ReadAt: now.Add(24 * time.Hour), Route: "sync"},
		}
		fill := poller.Fill{Watermark: &mark{now.Add(-9 * time.Hour)}, Interval: time.Minute, Rows: 1000, Now: vendorClock, Covered: list.read}
		if w, err := fill.Next(t.Context()); err != nil || !w.From.Equal(now.Add(-8*time.Hour)) {
			t.Errorf("window %+v (%v), want one from %v", w, err, now.Add(-8*time.Hour))
		}
		tail := poller.Tail{Interval: time.Minute, Overlap: 15 * time.Minute, Now: vendorClock, Covered: list.read}
		if w, err := tail.Next(t.Context()); err != nil || w.Width() != time.Hour {
			t.Errorf("window %+v (%v), want an hour", w, err)
		}
	})
}

func TestASmallFleetsDayIsReadInFewWindows(t *testing.T) {
	t.Parallel()
	day := checkpoint.Span{From: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)}
	if windows := poller.Forecast([]checkpoint.Span{day}, 100_000, 240); len(windows) != 3 {
		t.Errorf("%d windows for 5,760 rows, want 3: %v", len(windows), windows)
	}
	if windows := poller.Forecast([]checkpoint.Span{day}, 100_000, 30_000); len(windows) < 7 || windows[len(windows)-1].Width() > 4*time.Hour {
		t.Errorf("%d windows for 720,000 rows, want some more than 7 of 100,000 at most: %v", len(windows), windows)
	}
}

package poller_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
)

var june = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// days is a span of June.
func days(from, until float64) checkpoint.Span {
	at := func(d float64) time.Time { return june.Add(time.Duration(d * 24 * float64(time.Hour))) }
	return checkpoint.Span{From: at(from), Until: at(until)}
}

// shelf is a backlog on a checkpoint that it fills.
type shelf struct {
	poller.Backlog
	list covered
}

func newShelf(span checkpoint.Span) *shelf {
	s := &shelf{}
	s.Span, s.Rows = span, 1000
	s.Now = func(context.Context) (time.Time, error) { return june.AddDate(1, 0, 0), nil }
	s.Covered = s.list.read
	return s
}

// carry reads windows for one plan until it ends, each with so many rows.
func (s *shelf) carry(t *testing.T, plan poller.Plan, rows int) (windows []checkpoint.Span) {
	t.Helper()
	for {
		w, err := plan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return windows
		}
		if err != nil {
			t.Fatal(err)
		}
		s.list.add(w, june.AddDate(1, 0, 0), nil)
		plan.Done(w, rows, nil)
		windows = append(windows, w.Span)
	}
}

func TestBacklogYieldsTheGapsOldestFirstAndEnds(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 40))
	s.list = covered{{From: days(0, 1).From, Until: days(0, 2).Until}, {From: days(10, 0).From, Until: days(0, 30).Until}}
	windows := s.carry(t, s.Share(), 1000)
	if len(windows) != (8*24+10*24)*2 || windows[0] != days(2, 2+1./24/2) {
		t.Errorf("%d windows, the first %v", len(windows), windows[0])
	}
	if !slices.IsSortedFunc(windows, func(a, b checkpoint.Span) int { return a.From.Compare(b.From) }) {
		t.Error("not oldest first")
	}
	if gaps := checkpoint.Gaps(s.list, s.From, s.Until); len(gaps) > 0 {
		t.Errorf("left %v", gaps)
	}
	if again := s.carry(t, s.Share(), 1000); len(again) > 0 {
		t.Errorf("yields %v of what is covered", again)
	}
}

func TestLinesOfABacklogNeverCarryTheSameWindow(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 1))
	a, b := s.Share(), s.Share()
	first, err := a.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Next(t.Context())
	if err != nil || second.From.Before(first.Until) {
		t.Fatalf("%v and %v are under way at the same time: %v", first.Span, second.Span, err)
	}
	a.Done(first, 0, errors.New("no luck"))
	if again, err := a.Next(t.Context()); err != nil || !again.From.Equal(first.From) {
		t.Errorf("a window that has failed comes again as %v: %v", again.Span, err)
	}
}

// owners says who has which day.
type owners struct {
	mu sync.Mutex
	of map[string]string
}

func ownedBy(owner string, days ...string) *owners {
	o := &owners{of: map[string]string{}}
	for _, day := range days {
		o.of[day] = owner
	}
	return o
}

func (o *owners) die(day string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.of, day)
}

// parted are leases in memory.
type parted struct {
	*owners
	owner string
}

func (p parted) Take(_ context.Context, day string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[day] == "" {
		p.of[day] = p.owner
	}
	return p.of[day] == p.owner, nil
}

func (p parted) Release(_ context.Context, keep func(string) bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for day, owner := range p.of {
		if owner == p.owner && !keep(day) {
			delete(p.of, day)
		}
	}
	return nil
}

func TestBacklogLeavesTheDaysOfOthersAndTakesThemOverWhenTheyDie(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		owners := ownedBy("another", "2026-06-02")
		s := newShelf(days(0, 3))
		s.Leases = parted{owners, "me"}
		time.AfterFunc(time.Minute, func() { owners.die("2026-06-02") })
		began := time.Now()
		windows := s.carry(t, s.Share(), 0)
		if len(checkpoint.Gaps(s.list, s.From, s.Until)) > 0 {
			t.Errorf("left %v", checkpoint.Gaps(s.list, s.From, s.Until))
		}
		if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
			t.Errorf("took the day of another over after %v", took)
		}
		if last := windows[len(windows)-1]; last.From.Before(days(1, 0).From) || last.Until.After(days(0, 2).Until) {
			t.Errorf("the day of another comes last, not %v", last)
		}
		if len(owners.of) > 0 {
			t.Errorf("leases that were not given back: %v", owners.of)
		}
	})
}

// finished are leases of days that another worker covers and releases between the look at what is covered and the lease.
type finished struct {
	parted
	shelf *shelf
}

func (f finished) Take(ctx context.Context, day string) (bool, error) {
	if span, err := checkpoint.DaySpan(day); err == nil && day == "2026-06-02" {
		f.shelf.list.add(poller.Window{Span: span}, june.AddDate(1, 0, 0), nil)
	}
	return f.parted.Take(ctx, day)
}

func TestWhatAnotherHasReadBeforeItsDayBecomesOursIsNotReadAgain(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 3))
	s.Leases = finished{parted{ownedBy("nobody"), "me"}, s}
	for _, w := range s.carry(t, s.Share(), 0) {
		if overlap := w.Cut(days(1, 2).From, days(1, 2).Until); overlap.Width() > 5*time.Minute {
			t.Errorf("%v was read again", w)
		}
	}
	if gaps := checkpoint.Gaps(s.list, s.From, s.Until); len(gaps) > 0 {
		t.Errorf("left %v", gaps)
	}
}

func TestBacklogAsksFirstForWhatAnEarlierProcessHasAskedFor(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 2))
	under := days(1, 1.5)
	s.First = []checkpoint.Span{days(5, 6), under}
	w, err := s.Share().Next(t.Context())
	if err != nil || w.Span != under {
		t.Errorf("got %v, %v", w.Span, err)
	}
}

func TestBacklogQuarantinesWhatCannotBeHad(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 1))
	bad := checkpoint.Span{From: june.Add(6 * time.Hour), Until: june.Add(6*time.Hour + 5*time.Minute)}
	plan := s.Share()
	for tries := 0; tries < 10_000; tries++ {
		w, err := plan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !w.Cut(bad.From, bad.Until).Empty() {
			plan.Done(w, 0, saveris.ErrTooLarge)
			continue
		}
		s.list.add(w, june.AddDate(1, 0, 0), nil)
		plan.Done(w, 1000, nil)
	}
	quarantined := s.Quarantined()
	if len(quarantined) == 0 || quarantined[0].Cut(bad.From, bad.Until).Empty() || !errors.Is(quarantined[0].Err, saveris.ErrTooLarge) {
		t.Fatalf("quarantined: %v", quarantined)
	}
	gaps := checkpoint.Gaps(s.list, s.From, s.Until)
	if len(gaps) != 1 || gaps[0].Width() > 15*time.Minute {
		t.Errorf("left %v", gaps)
	}
}

func TestAnOutageQuarantinesNothing(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 1))
	plan := s.Share()
	for range 15 { // windows get as narrow as they can, and nothing else works either
		w, err := plan.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plan.Done(w, 0, errors.New("no route to host"))
	}
	if quarantined := s.Quarantined(); len(quarantined) > 0 {
		t.Errorf("quarantined: %v", quarantined)
	}
}

func TestRereadingReadsWhatIsCoveredOnceMoreAndEnds(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 2))
	s.ReadSince = june.AddDate(1, 0, 1) // the list notes an earlier reading, as a joined interval does
	s.list = covered{{From: days(0, 1).From, Until: days(0, 1).Until, ReadAt: june.AddDate(0, 1, 0)}}
	s.carry(t, s.Share(), 1000)
	windows := s.carry(t, s.Share(), 1000)
	if len(windows) > 0 {
		t.Errorf("read a third time: %v", windows)
	}
}

func TestWhatTheBrokerLosesWhileItIsReadAgainIsReadOnceMore(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 2))
	s.ReadSince = june.AddDate(1, 0, 0)
	s.Removed = func(context.Context, checkpoint.Span) ([]checkpoint.Span, error) { return nil, nil }
	s.list = covered{{From: days(0, 0).From, Until: days(0, 2).Until, ReadAt: june.AddDate(0, 1, 0), Route: "sync"}}
	plan := s.Share()
	w, err := plan.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.list.add(w, june.AddDate(1, 0, 0), nil)
	plan.Done(w, 1000, nil)
	s.list = checkpoint.Uncover(s.list, w.Span) // the broker has lost its tail
	s.carry(t, plan, 1000)
	if gaps := checkpoint.Gaps(s.list, days(0, 2).From, days(0, 2).Until); len(gaps) > 0 {
		t.Errorf("nothing is left to be read, and %v are gaps", gaps)
	}
}

func TestConcurrentWindowsDoNotShrinkEachOther(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 1))
	a, b := s.Share(), s.Share()
	first, _ := a.Next(t.Context())
	second, _ := b.Next(t.Context())
	a.Done(first, 1500, nil)
	b.Done(second, 1500, nil)
	if w, err := a.Next(t.Context()); err != nil || w.Width() != 15*time.Minute {
		t.Errorf("windows of half an hour with half too many rows are followed by one of %v: %v", w.Width(), err)
	}
}

func TestForecastHoldsTheRowsAWindowShould(t *testing.T) {
	t.Parallel()
	windows := poller.Forecast([]checkpoint.Span{days(0, 10)}, 100_000, 144_000)
	for _, w := range windows[1 : len(windows)-1] {
		if rows := 144_000 * w.Width().Hours(); rows > 100_000 || rows < 80_000 {
			t.Fatalf("%v holds %.0f rows, want nearly 100,000: the vendor lets a window wait two seconds, however narrow it is", w, rows)
		}
	}
	if sparse := poller.Forecast([]checkpoint.Span{days(0, 365)}, 100_000, 0); len(sparse) > 62 {
		t.Errorf("%d windows for a year of few rows", len(sparse))
	}
}

func TestAWindowBesideTheDayOfAnotherIsNotTooNarrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(checkpoint.Span{From: june.Add(57 * time.Minute), Until: june.AddDate(0, 0, 2)})
		owners := ownedBy("another", "2026-06-02")
		s.Leases = parted{owners, "me"}
		time.AfterFunc(time.Minute, func() { owners.die("2026-06-02") })
		for _, w := range s.carry(t, s.Share(), 1000) {
			if w.Width() < 5*time.Minute {
				t.Errorf("%v is %v wide: the vendor may refuse it, or show nothing", w, w.Width())
			}
		}
	})
}

// counted counts how often leases are asked for.
type counted struct {
	parted
	takes *int
}

func (c counted) Take(ctx context.Context, day string) (bool, error) {
	*c.takes++
	return c.parted.Take(ctx, day)
}

func TestANarrowGapBehindTheDayOfAnotherIsNotWaitedForInALoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(checkpoint.Span{From: june, Until: june.AddDate(0, 0, 1).Add(2 * time.Minute)})
		takes := 0
		s.Leases = counted{parted{ownedBy("another", "2026-06-01"), "me"}, &takes}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		plan := s.Share()
		w, err := plan.Next(ctx)
		if err != nil || w.Width() < 5*time.Minute || !w.Until.Equal(s.Until) {
			t.Fatalf("%v, %v: the day behind is free", w.Span, err)
		}
		s.list.add(w, june.AddDate(1, 0, 0), nil)
		plan.Done(w, 1, nil)
		if _, err := plan.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if takes > 20 {
			t.Errorf("leases were asked for %d times in five seconds", takes)
		}
	})
}

func TestWhatRetentionRemovesMeanwhileIsNotReadForEver(t *testing.T) {
	t.Parallel()
	s := newShelf(days(0, 2))
	plan := s.Share()
	s.Removed = func(context.Context, checkpoint.Span) ([]checkpoint.Span, error) {
		return []checkpoint.Span{days(-3, -2), days(0, 1)}, nil // the first was gone before
	}
	windows := 0
	for ; windows < 1000; windows++ {
		w, err := plan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		s.list.add(w, june.AddDate(1, 0, 0), nil)
		if w.From.After(days(0, 1.5).Until) { // the first day goes
			s.list = slices.DeleteFunc(s.list, func(iv checkpoint.Interval) bool { return iv.From.Before(days(0, 1).Until) })
		}
		plan.Done(w, 600, nil)
	}
	if windows > 250 {
		t.Errorf("%d windows", windows)
	}
	if removed := s.RemovedMeanwhile(); slices.Contains(removed, poller.Exclusion{Span: days(-3, -2), Err: poller.ErrRemoved}) || len(removed) == 0 || !s.DayExcluded("2026-06-01") || s.DayExcluded("2026-06-02") {
		t.Errorf("removed %v", removed)
	}
}

package checkpoint

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }

func read(from, until, readAt int) Interval { return Interval{at(from), at(until), at(readAt), "sync"} }

var ages = Ages{time.Hour, 6 * time.Hour, 26 * time.Hour}

func TestCoverReplacesWhatItOverlaps(t *testing.T) {
	list := Cover(nil, read(0, 60, 60), ages)
	list = Cover(list, read(20, 30, 100), ages)
	want := []Interval{read(0, 20, 60), read(20, 30, 100), read(30, 60, 60)}
	if !slices.Equal(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
}

func TestUncoverCutsASpanOutAndNothingElse(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		var list []Interval
		for range 10 {
			from := r.IntN(599)
			list = Cover(list, read(from, from+1+r.IntN(600-from), 600+r.IntN(600)), ages)
		}
		before := slices.Clone(list)
		from := r.IntN(600)
		span := Span{at(from), at(from + r.IntN(600-from+1))}
		left := Uncover(list, span)
		if !slices.Equal(list, before) {
			t.Fatal("the list was changed")
		}
		for m := range 1200 {
			in := func(iv Interval) bool { return !at(m).Before(iv.From) && at(m).Before(iv.Until) }
			was, is := slices.IndexFunc(before, in), slices.IndexFunc(left, in)
			cut := !at(m).Before(span.From) && at(m).Before(span.Until)
			if (is >= 0) != (was >= 0 && !cut) {
				t.Fatalf("minute %d of %v without %v: %v", m, before, span, left)
			}
			if is >= 0 && (left[is].ReadAt != before[was].ReadAt || left[is].Route != before[was].Route) {
				t.Fatalf("minute %d was read %v, is %v", m, before[was], left[is])
			}
		}
		if (Record{Version: 1, Feed: "readings", Day: DayOf(midnight), Batch: "b", Covered: left}).Validate() != nil {
			t.Fatalf("no valid list: %v", left)
		}
	}
}

func TestNeighboursReadAtAboutTheSameTimeAreOneInterval(t *testing.T) {
	var list []Interval
	for m := 15; m < 600; m++ { // a poll every minute with an overlap of a quarter of an hour
		list = Cover(list, read(m-15, m, m), ages)
	}
	if len(list) > 600/6+1 {
		t.Errorf("%d intervals after 585 polls: the list grows with the polls", len(list))
	}
	other := Interval{at(599), at(610), at(600), "export"}
	if got := Cover(list, other, ages); len(got) != len(list)+1 {
		t.Errorf("an interval read by another route was joined: %v", got[len(got)-2:])
	}
}

func TestJoiningMakesNothingDueAgain(t *testing.T) {
	// Two neighbours, the older read four minutes before the younger was read again at the age of an hour.
	list := Cover(nil, read(0, 5, 66), ages)
	list = Cover(list, read(5, 10, 70), ages)
	if due := due(list, ages, at(70)); len(due) > 0 {
		t.Errorf("due right after it was read: %v", due)
	}
}

// TestCoverAgainstMinutes holds Cover, Gaps and Due against a model that keeps every minute on its own.
func TestCoverAgainstMinutes(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var list []Interval
		var model [600]int // when the minute was read, 0 = never
		now := 600
		for range 40 {
			now += r.IntN(30)
			from := r.IntN(599)
			until := from + 1 + r.IntN(600-from)
			list = Cover(list, read(from, until, now), ages)
			for m := from; m < until; m++ {
				model[m] = now
			}
		}
		checkAgainstModel(t, seed, list, model[:])
	}
}

func checkAgainstModel(t *testing.T, seed uint64, list []Interval, model []int) {
	t.Helper()
	gaps := Gaps(list, at(0), at(len(model)))
	for m, readAt := range model {
		in := func(s Span) bool { return !at(m).Before(s.From) && at(m).Before(s.Until) }
		i := slices.IndexFunc(list, func(iv Interval) bool { return in(iv.Span()) })
		if (i >= 0) != (readAt > 0) || slices.ContainsFunc(gaps, in) != (readAt == 0) {
			t.Fatalf("seed %d: minute %d read at %d: covered by %d, gaps %v", seed, m, readAt, i, gaps)
		}
		if i >= 0 && list[i].ReadAt.After(at(readAt)) { // earlier only means: read again sooner
			t.Fatalf("seed %d: minute %d was read at %v, the list says %v", seed, m, at(readAt), list[i].ReadAt)
		}
	}
	for i := 1; i < len(list); i++ {
		if list[i].From.Before(list[i-1].Until) {
			t.Fatalf("seed %d: intervals overlap or are out of order: %v", seed, list)
		}
	}
}

func TestAnAgeIsDueOnceAfterItHasPassed(t *testing.T) {
	iv := read(0, 10, 12)
	for _, c := range []struct {
		readAt, now int
		due         bool
	}{
		{12, 69, false}, {12, 70, true}, {70, 71, false}, {70, 369, false}, {70, 370, true},
		{400, 1569, false}, // read first after six hours: the ages before are skipped
		{400, 1570, true},
	} {
		iv.ReadAt = at(c.readAt)
		if got := ages.Due(iv, at(c.now)); got != c.due {
			t.Errorf("read at minute %d, now %d: due %v, want %v", c.readAt, c.now, got, c.due)
		}
	}
}

func TestWhatIsDueRipens(t *testing.T) {
	for name, c := range map[string]struct {
		list []Interval
		now  int
		want []Span
	}{
		"less than an hour waits":                        {[]Interval{read(0, 10, 12), read(10, 50, 52)}, 115, nil},
		"an hour of neighbours is one span":              {[]Interval{read(0, 30, 35), read(30, 60, 62)}, 120, []Span{{at(0), at(60)}}},
		"what is not due is left out":                    {[]Interval{read(0, 60, 62), read(60, 90, 92)}, 125, []Span{{at(0), at(60)}}},
		"a rest is read when it is overdue by an hour":   {[]Interval{read(0, 10, 12)}, 130, []Span{{at(0), at(10)}}},
		"and not before":                                 {[]Interval{read(0, 10, 12)}, 129, nil},
		"an age of a day has a tenth of it":              {[]Interval{read(0, 10, 400)}, 26*60 + 10 + 155, nil},
		"and is overdue then":                            {[]Interval{read(0, 10, 400)}, 26*60 + 10 + 156, []Span{{at(0), at(10)}}},
		"the part that is overdue takes all of its span": {[]Interval{read(0, 10, 12), read(10, 50, 52)}, 130, []Span{{at(0), at(50)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Ripe(c.list, ages, at(c.now)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	short := Ages{4 * time.Minute, 10 * time.Minute}
	if got, want := Ripe([]Interval{read(0, 4, 5), read(4, 6, 6)}, short, at(10)), []Span{{at(0), at(6)}}; !slices.Equal(got, want) {
		t.Errorf("an age of four minutes ripens for as long: got %v, want %v", got, want)
	}
}

func TestWhatWasReadBeforeAMoment(t *testing.T) {
	list := []Interval{read(0, 10, 12), read(10, 20, 80), read(20, 30, 50), read(30, 40, 95), read(40, 50, 10)}
	for _, c := range []struct {
		span   Span
		moment int
		want   []Span
	}{
		{Span{at(0), at(50)}, 100, []Span{{at(0), at(50)}}},
		{Span{at(5), at(25)}, 100, []Span{{at(5), at(25)}}},
		{Span{at(0), at(50)}, 60, []Span{{at(0), at(10)}, {at(20), at(30)}, {at(40), at(50)}}},
		{Span{at(0), at(50)}, 10, nil},
		{Span{at(60), at(90)}, 100, nil}, // what has never been read is a gap
	} {
		if got := ReadBefore(list, c.span, at(c.moment)); !slices.Equal(got, c.want) {
			t.Errorf("before minute %d in %v: got %v, want %v", c.moment, c.span, got, c.want)
		}
	}
}

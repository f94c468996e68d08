package checkpoint

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// minutes is a model of a day that keeps for every minute when it was read, by minutes; 0 is never.
type minutes [600]int

func drawAges(t *rapid.T) Ages {
	list := rapid.SliceOfNDistinct(rapid.IntRange(10, 500), 1, 4, rapid.ID).Draw(t, "ages")
	slices.Sort(list)
	var ages Ages
	for _, m := range list {
		ages = append(ages, time.Duration(m)*time.Minute)
	}
	return ages
}

// TestCoverHasTheModelsGaps draws readings of a day and holds the list against the model after each of them.
func TestCoverHasTheModelsGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ages, now := drawAges(t), 600
		var list []Interval
		var model minutes
		for range rapid.IntRange(1, 30).Draw(t, "readings") {
			now += rapid.IntRange(0, 60).Draw(t, "later")
			from := rapid.IntRange(0, 599).Draw(t, "from")
			until := rapid.IntRange(from+1, 600).Draw(t, "until")
			before := slices.Clone(list)
			next := Cover(list, read(from, until, now), ages)
			if !slices.Equal(before, list) {
				t.Fatalf("the list that was given has been changed: %v", list)
			}
			list = next
			for m := from; m < until; m++ {
				model[m] = now
			}
			checkModel(t, list, &model)
		}
	})
}

func checkModel(t *rapid.T, list []Interval, model *minutes) {
	gaps := Gaps(list, at(0), at(len(model)))
	for m, readAt := range model {
		in := func(s Span) bool { return !at(m).Before(s.From) && at(m).Before(s.Until) }
		i := slices.IndexFunc(list, func(iv Interval) bool { return in(iv.Span()) })
		if (i >= 0) != (readAt > 0) || slices.ContainsFunc(gaps, in) != (readAt == 0) {
			t.Fatalf("minute %d was read at %d: in interval %d, gaps %v", m, readAt, i, gaps)
		}
		if i >= 0 && list[i].ReadAt.After(at(readAt)) {
			t.Fatalf("minute %d was read at %v, the list says later: %v", m, at(readAt), list[i].ReadAt)
		}
	}
	if record := (Record{Version: 1, Feed: "f", Day: DayOf(midnight), Batch: "b", Covered: list}); record.Validate() != nil {
		t.Fatal(record.Validate())
	}
}

// TestRevisitsReadEveryMinuteAtEveryAge lets time pass while the tail polls and ripe spans are read again, and demands that
// every minute is read at least once after each age has passed, and that nothing is ripe twice.
func TestRevisitsReadEveryMinuteAtEveryAge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ages := drawAges(t)
		var list []Interval
		var reads [600][]int
		cover := func(from, until, now int) {
			list = Cover(list, read(from, until, now), ages)
			for m := from; m < until; m++ {
				reads[m] = append(reads[m], now)
			}
		}
		end := 600 + int(slices.Max(ages)/time.Minute) + 120 // an hour more to ripen
		for now := 5; now < end; now += rapid.IntRange(1, 15).Draw(t, "pause") {
			if until := min(now, 600); until > 5 && now < 620 {
				cover(max(0, until-20), until, now)
			}
			for _, span := range Ripe(list, ages, at(now)) {
				cover(int(span.From.Sub(midnight)/time.Minute), int(span.Until.Sub(midnight)/time.Minute), now)
			}
			if again := Ripe(list, ages, at(now)); len(again) > 0 {
				t.Fatalf("minute %d: %v is ripe right after it was read", now, again)
			}
		}
		for m, at := range reads {
			for _, age := range ages {
				passed := m + int(age/time.Minute)
				if !slices.ContainsFunc(at, func(r int) bool { return r >= passed }) {
					t.Fatalf("minute %d was read at %v, never at the age of %v", m, at, age)
				}
			}
		}
	})
}

// TestARecordFollowsAnother draws commits and demands that counts and digests never depend on how they were cut up.
func TestARecordFollowsAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.String(), rapid.ID).Draw(t, "ids")
		var entries []Entry
		for _, id := range ids {
			entries = append(entries, NewEntry(id, rapid.Uint32().Draw(t, "check")))
		}
		one := Record{Version: 1, Feed: "f", Day: DayOf(midnight), Batch: "b"}.Next(entries, nil, ages)
		many := Record{Version: 1, Feed: "f", Day: DayOf(midnight), Batch: "b"}
		shuffled := rapid.Permutation(entries).Draw(t, "order")
		for len(shuffled) > 0 {
			n := rapid.IntRange(1, len(shuffled)).Draw(t, "batch")
			many = many.Next(shuffled[:n], nil, ages)
			shuffled = shuffled[n:]
		}
		if one.Rows != many.Rows || one.Digest != many.Digest {
			t.Fatalf("%d rows with %s at once, %d with %s in pieces", one.Rows, one.Digest, many.Rows, many.Digest)
		}
		data, err := many.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseRecord(data); err != nil || back.Digest != one.Digest || back.Rows != one.Rows {
			t.Fatalf("%s reads back as %+v (%v)", data, back, err)
		}
	})
}

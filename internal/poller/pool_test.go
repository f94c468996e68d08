package poller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// someRows makes events in any order, many of them at the same time.
func someRows(n int) []schema.Event {
	maker := schema.NewMaker(schema.Readings, "saveris", "http://vendor")
	at := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	var events []schema.Event
	for i := range n {
		stamp := at.Add(time.Duration(rand.IntN(n/4+1)) * 250 * time.Millisecond).Format("2006-01-02T15:04:05.00Z")
		events = append(events, maker.Event(&saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: fmt.Appendf(nil, "uuid-%d", i)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte(stamp)},
		}}, schema.Window{}, at))
	}
	return events
}

func TestEventsAreSortedByTimeAndOtherwiseStayInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 3, 10, 1000} {
		events := someRows(n)
		want := slices.Clone(events)
		slices.SortStableFunc(want, func(a, b schema.Event) int { return a.Time.Compare(b.Time) })
		r := buffer{events: map[string]*[]schema.Event{"2026-07-01": &events}}
		got := r.sorted("2026-07-01")
		if !slices.EqualFunc(got, want, func(a, b schema.Event) bool { return a.ID == b.ID }) {
			t.Errorf("%d events: sorted in another way", n)
		}
	}
}

func TestTheRoomOfALargeWindowIsNotKeptForSmallOnes(t *testing.T) {
	t.Parallel()
	r := buffer{events: map[string]*[]schema.Event{}}
	for _, n := range []int{1000, 900, 10} {
		for _, e := range someRows(n) {
			r.add(e)
		}
		r.reset()
	}
	if len(r.spare) > 0 {
		t.Errorf("room for %d events is kept after a window of 10", cap(r.spare[0]))
	}
}

// BenchmarkSort sorts a window of 100,000 rows, 40 of them at the same time. One operation is one row.
func BenchmarkSort(b *testing.B) {
	events := someRows(100_000)
	r := buffer{events: map[string]*[]schema.Event{}}
	b.ResetTimer()
	for n := 0; n < b.N; n += len(events) {
		b.StopTimer()
		clone := slices.Clone(events)
		r.events["day"] = &clone
		b.StartTimer()
		r.sorted("day")
	}
}

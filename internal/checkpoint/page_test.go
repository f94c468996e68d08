package checkpoint

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"saveris-bridge/internal/schema"
)

// drawReading draws rows of few ids with few contents, so that most come again, some of them with other content.
func drawReading(t *rapid.T, label string) []schema.Event {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) schema.Event {
		return schema.Event{ID: fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "id")), Check: rapid.Uint32Range(0, 2).Draw(t, "check")}
	}), 0, 40).Draw(t, label)
}

// newTo says what Page.New promises, one event after the other.
func newTo(stored map[string]uint32, events []schema.Event) (news []schema.Event) {
	for _, e := range events {
		check, found := stored[e.ID]
		if found && check != e.Check {
			e = e.Revise()
			_, found = stored[e.ID]
		}
		if found {
			continue
		}
		stored[e.ID] = e.Check
		news = append(news, e)
	}
	return news
}

func TestNewsIsEachUnknownContentOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page, stored := newPage("readings", DayOf(midnight)), map[string]uint32{}
		for n := range rapid.IntRange(1, 4).Draw(t, "readings") {
			events := drawReading(t, fmt.Sprint("reading ", n))
			before := slices.Clone(events)
			news := page.New(events)
			_ = append(news.Events, schema.Event{ID: "somebody else's"})
			if !slices.Equal(events, before) {
				t.Fatalf("the reading was changed to %v", events)
			}
			want := newTo(stored, events)
			if !slices.Equal(news.Events, want) {
				t.Fatalf("new are %v, want %v", news.Events, want)
			}
			if len(news.Entries) != len(want) {
				t.Fatalf("%d entries of %d events", len(news.Entries), len(want))
			}
			for i, e := range want {
				if news.Entries[i] != NewEntry(e.ID, e.Check) {
					t.Fatalf("entry %d is %x, which is not of %s", i, news.Entries[i], e.ID)
				}
			}
			if len(page.New(events).Events) != len(want) {
				t.Fatal("the page knows what nobody has stored")
			}
			page.Apply(news.Entries, Record{}, uint64(n+1))
		}
	})
}

func TestAskingAPageAllocatesNothingByTheRow(t *testing.T) {
	events := make([]schema.Event, 1000)
	var entries []Entry
	for i := range events {
		events[i] = schema.Event{ID: fmt.Sprintf("c1d2e3f4-a5b6-4c7d-8e9f-%012d", i)}
		entries = append(entries, NewEntry(events[i].ID, 0))
	}
	for name, c := range map[string]struct {
		known []Entry
		most  float64
	}{"all are known": {entries, 0}, "all are new": {nil, 2}, "the second half is new": {entries[:500], 2}} {
		page := newPage("readings", DayOf(midnight))
		page.Apply(c.known, Record{}, 1)
		if n := testing.AllocsPerRun(10, func() { page.New(events) }); n > c.most {
			t.Errorf("%s: %v allocations, want %v", name, n, c.most)
		}
	}
}

package schema

import (
	"fmt"
	"sync"
	"testing"
)

// TestMakersOfAFeedShareItsSeries: what each line of a feed knows of 36,000 channels is in memory once, and every maker makes
// the same events of a row.
func TestMakersOfAFeedShareItsSeries(t *testing.T) {
	first := NewMaker(Readings, "saveris", "https://vendor.example")
	rows := make([]string, 100)
	for i := range rows {
		rows[i] = with(readingRow, "channel_no", fmt.Sprint(i))
	}
	var makers sync.WaitGroup
	for range 4 {
		m := first.Another()
		makers.Go(func() {
			for range 10 {
				for _, text := range rows {
					e, want := m.Event(parseRow(text), testWindow, testReadAt), eventOf(Readings, text)
					if printed(&e) != printed(&want) || e.ID != want.ID {
						t.Errorf("got\n%s\nexpected\n%s", printed(&e), printed(&want))
					}
				}
			}
		})
	}
	makers.Wait()
	if n := len(first.known.all); n != len(rows) {
		t.Errorf("%d series of %d channels", n, len(rows))
	}
}

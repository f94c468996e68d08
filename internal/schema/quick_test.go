package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestQuickGivesTheSameEvent: the short way is taken for most rows of known channels and makes of each of them the very
// event that the long way makes.
func TestQuickGivesTheSameEvent(t *testing.T) {
	const rows = 5000
	m, w, taken := NewMaker(Readings, "pfx", refBase), world{rand.New(rand.NewPCG(8, 8))}, 0
	for range rows {
		row := w.row(Readings)
		quick, ok := m.quick(row.Fields)
		if !ok {
			m.Event(row, testWindow, testReadAt)
			continue
		}
		taken++
		m.read(row.Fields)
		long := Event{Time: m.at[colTime]}
		if reason := m.objection(row.Fields); reason != "" || !m.writeReading(&long) || quick != long {
			t.Fatalf("%s\nquick %+v\nlong  %+v %s", row.Raw, quick, long, reason)
		}
	}
	if taken < rows/3 {
		t.Errorf("quick took %d of %d rows", taken, rows)
	}
}

// TestSeriesAreBounded: channels without end do not fill the memory, and their events stay right when series go.
func TestSeriesAreBounded(t *testing.T) {
	m, first := NewMaker(Readings, "saveris", "https://vendor.example"), Event{}
	want := ""
	for i := range 3 * maxSeries / 50_000 {
		row := with(readingRow, "customer_site", fmt.Sprintf("%q", strings.Repeat("long ", 2000)+fmt.Sprint(i)))
		e := m.Event(parseRow(row), testWindow, testReadAt)
		if m.known.size > maxSeries || len(m.known.all)*20_000 > maxSeries {
			t.Fatalf("%d series of %d bytes", len(m.known.all), m.known.size)
		}
		if i == 0 {
			first, want = e, printed(&e)
		}
	}
	if len(m.known.all) < 10 || printed(&first) != want {
		t.Error(len(m.known.all), printed(&first))
	}
	huge := with(readingRow, "customer_site", fmt.Sprintf("%q", strings.Repeat("x", maxSeries/1000)))
	before := len(m.known.all)
	if e := m.Event(parseRow(huge), testWindow, testReadAt); e.Rejected || len(m.known.all) != before {
		t.Errorf("rejected %v %s, %d series", e.Rejected, e.Reason(), len(m.known.all))
	}
}

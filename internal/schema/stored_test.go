package schema

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAStoredEventTellsItsIDDayAndCheck(t *testing.T) {
	for _, feed := range RowFeeds {
		rejectedRows := 0
		p := world{rand.New(rand.NewPCG(7, 7))}
		for range 3000 {
			row := p.row(feed)
			e := NewMaker(feed, "saveris", "https://vendor").Event(row, Window{}, time.Now())
			if e.Rejected {
				rejectedRows++
			}
			for _, e := range []Event{e, e.Revise()} {
				header, now := map[string][]string{}, time.Now()
				e.Header(header, Live, now)
				got, err := ReadStored(header, e.AppendData(nil))
				if err != nil {
					t.Fatalf("%s: %v", e.AppendData(nil), err)
				}
				if inJSON, err := ReadStored(structuredHeader, e.AppendStructured(nil, Live, now)); err != nil || inJSON != got {
					t.Fatalf("in structured mode read %+v, %v, in binary mode %+v", inJSON, err, got)
				}
				if got.ID != e.ID || got.Day() != e.Day() || got.Rejected != e.Rejected || got.Check != e.Check && !e.Rejected {
					t.Fatalf("read %+v of %s with check %08x", got, e.AppendData(nil), e.Check)
				}
				if !got.Time.Equal(e.Time) || (got.Revises != "") != e.Correction() {
					t.Fatalf("read %+v of an event at %v, a correction: %v", got, e.Time, e.Correction())
				}
			}
		}
		t.Logf("%s: %d of 3000 were rejected", feed, rejectedRows)
	}
}

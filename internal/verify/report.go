package verify

import (
	"saveris-bridge/internal/schema"
)

// report collects what is found about a day. It counts all differences and keeps some of them.
type report struct {
	Day
	limit int             // differences to keep
	named map[uint64]bool // sequences of bad entries and of lost events that have been named
}

func newReport(feed, day string, limit int) *report {
	return &report{Day: Day{Feed: feed, Day: day, Differences: []Difference{}}, limit: limit, named: map[uint64]bool{}}
}

// full reports that no more differences are kept, so that nobody has to find names for them.
func (r *report) full() bool { return len(r.Differences) >= r.limit }

func (r *report) add(d Difference) {
	r.count(d)
	if (d.Kind == BadIndex || d.Kind == Missing) && d.Sequence > 0 {
		r.named[d.Sequence] = true
	}
	if !r.full() {
		r.Differences = append(r.Differences, d)
	}
}

// event adds a difference that concerns a stored event.
func (r *report) event(kind Kind, seq uint64, event schema.Stored, why string) {
	r.add(Difference{Kind: kind, ID: event.ID, Time: &event.Time, Subject: event.Subject, Sequence: seq, Why: why})
}

func (r *report) end() Day {
	r.Proven = r.Total() == 0
	return r.Day
}

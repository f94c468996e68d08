package verify

import (
	"saveris-bridge/internal/schema"
)

// dayReport collects what is found about a day. It counts all differences and keeps some of them.
type dayReport struct {
	Day
	limit int             // differences to keep
	named map[uint64]bool // sequences of bad entries and of lost events that have been named
}

func newReport(feed, day string, limit int) *dayReport {
	return &dayReport{Day: Day{Feed: feed, Day: day, Differences: []Difference{}}, limit: limit, named: map[uint64]bool{}}
}

// full reports that no more differences are kept, so that nobody has to find names for them.
func (r *dayReport) full() bool { return len(r.Differences) >= r.limit }

func (r *dayReport) add(d Difference) {
	r.count(d)
	if (d.Kind == BadIndex || d.Kind == Missing) && d.Sequence > 0 {
		r.named[d.Sequence] = true
	}
	if !r.full() {
		r.Differences = append(r.Differences, d)
	}
}

// event adds a difference that concerns a stored event.
func (r *dayReport) event(kind Kind, seq uint64, event schema.Stored, why string) {
	r.add(Difference{Kind: kind, ID: event.ID, Time: &event.Time, Subject: event.Subject, Sequence: seq, Why: why})
}

func (r *dayReport) end() Day {
	r.Proven = r.Total() == 0
	return r.Day
}

package replay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// eventRef is when an event was measured and where it stands, in sixteen bytes: a day may have millions of them.
type eventRef struct {
	at  int64  // nanoseconds since the day began
	ref uint64 // the feed in the first byte, then the sequence
}

const feedBit = 56

func (e eventRef) feed() int   { return int(e.ref >> feedBit) }
func (e eventRef) seq() uint64 { return e.ref & (1<<feedBit - 1) }

// schedule is the events of a day that are to be published.
type schedule struct {
	day         time.Time
	list        []eventRef
	corrections map[uint64]bool // by ref
}

func (s *schedule) time(of eventRef) time.Time { return s.day.Add(time.Duration(of.at)) }

// find adds the events of a feed's day that lie in a span, and notes what the day lacks.
func (s *schedule) find(ctx context.Context, number int, feed Feed, day string, span checkpoint.Span, part *Part) error {
	list, err := feed.Stream.Listing(ctx, day)
	if err != nil {
		return err
	}
	part.Removed, part.Faults = list.Removed, list.Faults
	s.list = slices.Grow(s.list, len(list.Entries))
	found := make([]bool, len(list.Entries))
	for _, run := range list.Runs() {
		run.From = max(run.From, list.Oldest)
		if run.From >= run.Until {
			continue
		}
		err := feed.Stream.Events(ctx, run, func(e checkpoint.StoredEvent) error {
			if !note(list.At(e.Seq), found) {
				return nil
			}
			at, revises, err := timeOf(e)
			if err != nil || checkpoint.DayOf(at) != day {
				part.Lost++
				part.Faults = append(part.Faults, fmt.Sprintf("sequence %d is listed, but is no event of this day", e.Seq))
				return nil
			}
			if !at.Before(span.From) && at.Before(span.Until) {
				s.add(eventRef{int64(at.Sub(s.day)), uint64(number)<<feedBit | e.Seq}, revises)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	oldest, err := feed.Stream.Oldest(ctx)
	if err != nil {
		return err
	}
	for _, i := range list.Lost(found) {
		part.miss(list.Sequence(i), oldest)
	}
	return nil
}

// note marks the entries that list an event as found, and reports whether one of them was not yet.
func note(entries []int, found []bool) (fresh bool) {
	for _, i := range entries {
		fresh = fresh || !found[i]
		found[i] = true
	}
	return fresh
}

// miss counts an event that is not where it should be.
func (p *Part) miss(seq, oldest uint64) {
	if seq < oldest {
		p.Removed++
		return
	}
	p.Lost++
}

// timeOf returns an event's time, and whether it revises another.
func timeOf(e checkpoint.StoredEvent) (at time.Time, revises bool, err error) {
	attributes, _, err := schema.Unwrap(e.Header, e.Data)
	if err != nil {
		return at, false, err
	}
	at, err = time.Parse(time.RFC3339, attributes["time"])
	return at, attributes["revises"] != "", err
}

func (s *schedule) add(event eventRef, correction bool) {
	s.list = append(s.list, event)
	if correction {
		s.corrections[event.ref] = true
	}
}

// sort brings the events into the order in which they are to be published.
func (s *schedule) sort() {
	slices.SortFunc(s.list, func(a, b eventRef) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.ref, b.ref)) })
}

// sliceSize is about how many events are held in memory. A slice ends between two times, so that a replay which stops
// there can go on there, unless more than mostSlice events have the same.
const (
	sliceSize = 10_000
	mostSlice = 5 * sliceSize
)

// next takes the next slice from the list, which must not be empty.
func (s *schedule) next() (slice []eventRef) {
	n := min(sliceSize, len(s.list))
	for n < min(mostSlice, len(s.list)) && s.list[n].at == s.list[n-1].at {
		n++
	}
	slice, s.list = s.list[:n], s.list[n:]
	return slice
}

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

// place is when an event was measured and where it stands, in sixteen bytes: a day may have millions of them.
type place struct {
	at  int64  // nanoseconds since the day began
	ref uint64 // the feed in the first byte, then the sequence
}

const feedBit = 56

func (p place) feed() int   { return int(p.ref >> feedBit) }
func (p place) seq() uint64 { return p.ref & (1<<feedBit - 1) }

// places are the events of a day that are to be published.
type places struct {
	day         time.Time
	list        []place
	corrections map[uint64]bool // by ref
}

func (p *places) time(of place) time.Time { return p.day.Add(time.Duration(of.at)) }

// find adds the events of a feed's day that lie in a span, and notes what the day lacks.
func (p *places) find(ctx context.Context, number int, feed Feed, day string, span checkpoint.Span, part *Part) error {
	list, err := feed.Stream.Listing(ctx, day)
	if err != nil {
		return err
	}
	part.Removed, part.Faults = list.Removed, list.Faults
	p.list = slices.Grow(p.list, len(list.Entries))
	found := make([]bool, len(list.Entries))
	for _, run := range list.Runs() {
		run.From = max(run.From, list.Oldest)
		if run.From >= run.Until {
			continue
		}
		err := feed.Stream.Events(ctx, run, func(e checkpoint.StoredEvent) error {
			if !take(list.At(e.Seq), found) {
				return nil
			}
			at, revises, err := timeOf(e)
			if err != nil || checkpoint.DayOf(at) != day {
				part.Lost++
				part.Faults = append(part.Faults, fmt.Sprintf("sequence %d is listed, but is no event of this day", e.Seq))
				return nil
			}
			if !at.Before(span.From) && at.Before(span.Until) {
				p.add(place{int64(at.Sub(p.day)), uint64(number)<<feedBit | e.Seq}, revises)
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

// take notes the entries that list an event, and tells whether there are any that have not been noted yet.
func take(entries []int, found []bool) (taken bool) {
	for _, i := range entries {
		taken = taken || !found[i]
		found[i] = true
	}
	return taken
}

// miss counts an event that is not where it should be.
func (p *Part) miss(seq, oldest uint64) {
	if seq < oldest {
		p.Removed++
		return
	}
	p.Lost++
}

// timeOf reads an event's time, and whether it revises another.
func timeOf(e checkpoint.StoredEvent) (at time.Time, revises bool, err error) {
	attributes, _, err := schema.Unwrap(e.Header, e.Data)
	if err != nil {
		return at, false, err
	}
	at, err = time.Parse(time.RFC3339, attributes["time"])
	return at, attributes["revises"] != "", err
}

func (p *places) add(one place, correction bool) {
	p.list = append(p.list, one)
	if correction {
		p.corrections[one.ref] = true
	}
}

// sort brings the events into the order in which they are to be published.
func (p *places) sort() {
	slices.SortFunc(p.list, func(a, b place) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.ref, b.ref)) })
}

// sliceSize is about how many events are held in memory. A slice ends between two times, so that a replay which stops
// there can go on there, unless more than mostSlice events have the same.
const (
	sliceSize = 10_000
	mostSlice = 5 * sliceSize
)

// next takes the next slice from the list, which must not be empty.
func (p *places) next() (slice []place) {
	n := min(sliceSize, len(p.list))
	for n < min(mostSlice, len(p.list)) && p.list[n].at == p.list[n-1].at {
		n++
	}
	slice, p.list = p.list[:n], p.list[n:]
	return slice
}

package poller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Desk is where a window's rows become events and lie until they are stored. It has room for so many windows, whoever
// wants more waits, and the room is used again and again.
type Desk chan *reading

// NewDesk makes a desk for n windows; maker makes what turns rows into events, once for each.
func NewDesk(n int, maker func() *schema.Maker) Desk {
	d := make(Desk, n)
	for range n {
		d <- &reading{maker: maker(), events: map[string]*[]schema.Event{}}
	}
	return d
}

// take waits for a place.
func (d Desk) take(ctx context.Context) (*reading, error) {
	select {
	case r := <-d:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give returns a place; nil is none.
func (d Desk) give(r *reading) {
	if r != nil {
		r.reset()
		d <- r
	}
}

// reading is what one window brought.
type reading struct {
	rows     int
	rejected int
	unread   []string                   // ids of rejected rows of which no columns could be read
	events   map[string]*[]schema.Event // by page
	last     string                     // page of the last event, and its events
	onLast   *[]schema.Event
	cover    checkpoint.Interval
	took     time.Duration

	maker *schema.Maker
	spare [][]schema.Event // room for the events of the next window
	order []place
}

func (r *reading) add(event schema.Event) {
	if event.Rejected {
		r.rejected++
	}
	r.rows++
	if page := event.Day(); r.onLast == nil || page != r.last {
		r.last, r.onLast = page, r.page(page)
	}
	*r.onLast = append(*r.onLast, event)
}

// page returns the events of a page, to add to.
func (r *reading) page(page string) *[]schema.Event {
	events := r.events[page]
	if events == nil {
		events = new([]schema.Event)
		if n := len(r.spare); n > 0 {
			*events, r.spare = r.spare[n-1], r.spare[:n-1]
		}
		r.events[page] = events
	}
	return events
}

// of returns the events of a page.
func (r *reading) of(page string) []schema.Event {
	if events := r.events[page]; events != nil {
		return *events
	}
	return nil
}

// reset forgets all but the room, as far as it was used: a single large window does not keep its memory for ever.
func (r *reading) reset() {
	r.spare = r.spare[:0]
	for _, events := range r.events {
		if clear(*events); cap(*events) <= 4*len(*events) {
			r.spare = append(r.spare, (*events)[:0])
		}
	}
	if cap(r.order) > 4*r.rows {
		r.order = nil
	}
	clear(r.events)
	r.unread = r.unread[:0]
	r.rows, r.rejected, r.onLast, r.cover, r.took = 0, 0, nil, checkpoint.Interval{}, 0
}

// place is where an event stands, with its time.
type place struct {
	second   int64
	fraction int32 // in nanoseconds
	index    int32
}

// sorted returns a page's events by their time; those of the same time stay in the order in which they came. Only places
// are sorted: an event is large.
func (r *reading) sorted(page string) []schema.Event {
	events := r.of(page)
	r.order = r.order[:0]
	for i := range events {
		at := events[i].Time
		r.order = append(r.order, place{at.Unix(), int32(at.Nanosecond()), int32(i)})
	}
	slices.SortFunc(r.order, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.fraction, b.fraction), cmp.Compare(a.index, b.index))
	})
	arrange(events, r.order)
	return events
}

// arrange puts into each position the event that stands where its place says: cycle by cycle, without a second copy.
func arrange(events []schema.Event, order []place) {
	for i := range order {
		if int(order[i].index) == i {
			continue
		}
		first, at := events[i], i
		for int(order[at].index) != i {
			from := int(order[at].index)
			events[at], order[at].index = events[from], int32(at)
			at = from
		}
		events[at], order[at].index = first, int32(at)
	}
}

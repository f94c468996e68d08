package poller

import (
	"cmp"
	"context"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Pool bounds how many windows are in memory: each has a buffer of it until its events are stored, and whoever wants one more
// waits. Buffers are used again.
type Pool chan *buffer

// NewPool makes a pool of n buffers; maker is called once for each.
func NewPool(n int, maker func() *schema.Maker) Pool {
	p := make(Pool, n)
	for range n {
		p <- &buffer{maker: maker(), events: map[string]*[]schema.Event{}}
	}
	return p
}

// acquire waits for a buffer, and calls waits where there is none at once.
func (p Pool) acquire(ctx context.Context, waits func()) (*buffer, error) {
	select {
	case buf := <-p:
		return buf, nil
	default:
		waits()
	}
	select {
	case buf := <-p:
		return buf, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// release takes a buffer back; nil is none.
func (p Pool) release(buf *buffer) {
	if buf != nil {
		buf.reset()
		p <- buf
	}
}

// buffer is what one window brought.
type buffer struct {
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
	order []position
}

func (buf *buffer) add(event schema.Event) {
	if event.Rejected {
		buf.rejected++
	}
	buf.rows++
	if page := event.Day(); buf.onLast == nil || page != buf.last {
		buf.last, buf.onLast = page, buf.page(page)
	}
	*buf.onLast = append(*buf.onLast, event)
}

// page returns the events of a page, to add to.
func (buf *buffer) page(page string) *[]schema.Event {
	events := buf.events[page]
	if events == nil {
		events = new([]schema.Event)
		if n := len(buf.spare); n > 0 {
			*events, buf.spare = buf.spare[n-1], buf.spare[:n-1]
		}
		buf.events[page] = events
	}
	return events
}

// eventsOf returns the events of a page.
func (buf *buffer) eventsOf(page string) []schema.Event {
	if events := buf.events[page]; events != nil {
		return *events
	}
	return nil
}

// reset forgets all but the room, as far as it was used: a single large window does not keep its memory for ever.
func (buf *buffer) reset() {
	buf.spare = buf.spare[:0]
	for _, events := range buf.events {
		if clear(*events); cap(*events) <= 4*len(*events) {
			buf.spare = append(buf.spare, (*events)[:0])
		}
	}
	if cap(buf.order) > 4*buf.rows {
		buf.order = nil
	}
	clear(buf.events)
	buf.unread = buf.unread[:0]
	buf.rows, buf.rejected, buf.onLast, buf.cover, buf.took = 0, 0, nil, checkpoint.Interval{}, 0
}

// position is where an event stands, with its time.
type position struct {
	second   int64
	fraction int32 // in nanoseconds
	index    int32
}

// sorted returns a page's events by their time; those of the same time stay in the order in which they came. Only places
// are sorted: an event is large.
func (buf *buffer) sorted(page string) []schema.Event {
	events := buf.eventsOf(page)
	buf.order = buf.order[:0]
	for i := range events {
		at := events[i].Time
		buf.order = append(buf.order, position{at.Unix(), int32(at.Nanosecond()), int32(i)})
	}
	slices.SortFunc(buf.order, func(a, b position) int {
		return cmp.Or(cmp.Compare(a.second, b.second), cmp.Compare(a.fraction, b.fraction), cmp.Compare(a.index, b.index))
	})
	arrange(events, buf.order)
	return events
}

// arrange puts into each position the event that its position names: cycle by cycle, without a second copy.
func arrange(events []schema.Event, order []position) {
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

package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// reading is what one window brought.
type reading struct {
	rows     int
	rejected int
	events   map[string][]schema.Event // by page
	cover    checkpoint.Interval
	took     time.Duration

	spare [][]schema.Event // room for events of a next reading
}

func newReading() *reading { return &reading{events: map[string][]schema.Event{}} }

func (r *reading) add(event schema.Event) {
	if event.Rejected {
		r.rejected++
	}
	r.rows++
	day := event.Day()
	events, known := r.events[day]
	if n := len(r.spare); !known && n > 0 {
		events, r.spare = r.spare[n-1], r.spare[:n-1]
	}
	r.events[day] = append(events, event)
}

// reset forgets all but the room.
func (r *reading) reset() {
	r.spare = r.spare[:0] // what the last reading had no use for goes
	for _, events := range r.events {
		clear(events)
		r.spare = append(r.spare, events[:0])
	}
	clear(r.events)
	r.rows, r.rejected, r.cover, r.took = 0, 0, checkpoint.Interval{}, 0
}

// Desk bounds how many windows are in memory at a time, from their first row until they are stored. The room that they
// take up there is used again and again.
type Desk chan *reading

// NewDesk makes a desk for n windows.
func NewDesk(n int) Desk {
	d := make(Desk, n)
	for range n {
		d <- newReading()
	}
	return d
}

// take waits for a place; a nil desk has room for everybody.
func (d Desk) take(ctx context.Context) (*reading, error) {
	if d == nil {
		return newReading(), nil
	}
	select {
	case r := <-d:
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// give returns a place; nil is none.
func (d Desk) give(r *reading) {
	if d == nil || r == nil {
		return
	}
	r.reset()
	d <- r
}

package silence

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/schema"
)

// key tells channels apart.
type key struct{ sensor, channel string }

func keyOf(c *fleet.Channel) key { return key{c.Sensor, c.No} }

// Readings is the stream of readings, a *checkpoint.Stream.
type Readings interface {
	LastOn(ctx context.Context, filter string, each func(checkpoint.StoredEvent) error) error
	EventsOnAfter(ctx context.Context, filter string, after checkpoint.Position, since time.Time, each func(checkpoint.StoredEvent) error) (checkpoint.Position, error)
}

// ears know the last reading of each channel by its time, from what the stream holds, and the readings since the last one of a
// channel that is silent.
type ears struct {
	readings Readings
	subjects string        // of readings, without what they end with
	liveAge  time.Duration // what is older when it is stored is on the lane history

	at    checkpoint.Position // up to where they have listened
	last  map[key]time.Time
	heard map[key][]time.Time // of channels that are waited for: distinct times after it, ascending
	after map[key]time.Time   // channels that are waited for, by their last reading before
}

// errRewound says that the stream has lost messages that were listened to.
var errRewound = errors.New("the stream has lost its tail")

// forget has the next listen start anew, as the first one does; whom they wait for they remember.
func (e *ears) forget() {
	e.at, e.last, e.heard = checkpoint.Position{}, map[key]time.Time{}, map[key][]time.Time{}
}

// listen takes over what has been stored since it was called last. The first time it begins with the last message of each channel, and goes
// back over all that was stored within a span before the newest reading: who was heard by its time within it is in there, whatever
// came late.
func (e *ears) listen(ctx context.Context, back time.Duration, clock time.Time) error {
	if e.at.Seq == 0 {
		newest := time.Time{}
		err := e.readings.LastOn(ctx, e.subjects+">", func(m checkpoint.StoredEvent) error {
			if newest = m.At; m.Seq > 0 {
				e.hear(m, clock)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if newest.IsZero() {
			newest = clock
		}
		return e.follow(ctx, e.lanes(back), newest.Add(-back), clock)
	}
	err := e.follow(ctx, e.lanes(back), clock.Add(-back), clock)
	if errors.Is(err, errRewound) {
		e.forget()
		return e.listen(ctx, back, clock)
	}
	return err
}

// lanes are the subjects of readings that can say of a channel which is not silent that it has been heard: the live lane, where no
// channel may be without a reading for longer than readings stay live. A backfill stores millions on the other one.
func (e *ears) lanes(back time.Duration) string {
	if back <= e.liveAge {
		return e.subjects + string(schema.Live) + ".>"
	}
	return e.subjects + ">"
}

func (e *ears) follow(ctx context.Context, filter string, since, clock time.Time) error {
	at, err := e.readings.EventsOnAfter(ctx, filter, e.at, since, func(m checkpoint.StoredEvent) error {
		if m.Seq <= e.at.Seq {
			return errRewound
		}
		e.hear(m, clock)
		return nil
	})
	if err == nil {
		e.at = at
	}
	return err
}

// hear takes a reading over. One whose time is far ahead of the clock says nothing; somebody else's message neither.
func (e *ears) hear(m checkpoint.StoredEvent, clock time.Time) {
	sensor, channel, at, ok := schema.ReadHeard(m.Header, m.Data)
	if !ok || at.After(clock.Add(schema.ClockAhead)) {
		return
	}
	k := key{strings.Clone(sensor), strings.Clone(channel)} // a text of a header holds all headers, for each channel
	if at.After(e.last[k]) {
		e.last[k] = at
	}
	if last, waited := e.after[k]; waited && at.After(last) {
		if i, found := slices.BinarySearchFunc(e.heard[k], at, time.Time.Compare); !found {
			e.heard[k] = slices.Insert(e.heard[k], i, at)
		}
	}
}

// heardSince reads from the stream when a channel was heard after a moment: distinct times, ascending.
func (e *ears) heardSince(ctx context.Context, c *fleet.Channel, since, clock time.Time) ([]time.Time, error) {
	one := ears{after: map[key]time.Time{keyOf(c): since}}
	one.forget()
	place := schema.Token(c.Tenant) + "." + schema.Token(c.Site) + "." + schema.Token(c.Serial) + "." + schema.Token(c.No)
	_, err := e.readings.EventsOnAfter(ctx, e.subjects+"*."+place+".*", checkpoint.Position{}, since.Add(-schema.ClockAhead), func(m checkpoint.StoredEvent) error {
		one.hear(m, clock)
		return nil
	})
	return one.heard[keyOf(c)], err
}

// lastOf returns when a channel was heard last; zero where it never was. A reading without a channel's number, as measurements v1 are,
// may be of any channel of its sensor, and counts for all.
func (e *ears) lastOf(k key) time.Time {
	last := e.last[k]
	if unnumbered := e.last[key{sensor: k.sensor}]; unnumbered.After(last) {
		return unnumbered
	}
	return last
}

// heardOf returns when a channel that is waited for was heard since: distinct times, ascending.
func (e *ears) heardOf(k key) []time.Time {
	if last := e.lastOf(k); len(e.heard[k]) == 0 && last.After(e.after[k]) {
		return []time.Time{last}
	}
	return e.heard[k]
}

// await remembers from now on what is heard of a channel after its last reading.
func (e *ears) await(k key, last time.Time) {
	e.after[k] = last
	delete(e.heard, k)
}

// arrived stops waiting for a channel.
func (e *ears) arrived(k key) {
	delete(e.after, k)
	delete(e.heard, k)
}

package status

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/words"
)

// blindness is why something cannot be read.
type blindness struct {
	stream string
	since  time.Time
	err    error
}

// failed takes note of a try to read that has failed. A stream that is not there holds nothing, and that there is no connection to NATS
// is said already.
func (b *Board) failed(name, stream string, err error) {
	b.dirty = true
	if errors.Is(err, jetstream.ErrStreamNotFound) || !b.js.Conn().IsConnected() {
		delete(b.blind, name)
		return
	}
	since := b.blind[name].since
	if since.IsZero() {
		since = time.Now()
	}
	b.blind[name] = blindness{stream, since, err}
}

// unread are notes of what could not be read for long, one for each stream.
func (b *Board) unread(now time.Time) (notes []Note) {
	said := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(b.blind)) {
		one := b.blind[name]
		if said[one.stream] || now.Sub(one.since) < cmp.Or(b.config.Timings.Blind, time.Minute) {
			continue
		}
		said[one.stream] = true
		text := one.stream + " cannot be read since " + words.Clock(one.since, now) + ", what is shown of it is from before, or missing: " + printable.Public(one.err)
		notes = append(notes, Note{Level: Look, Text: text, Since: one.since.UTC(), Own: true})
	}
	return notes
}

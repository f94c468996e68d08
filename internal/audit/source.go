package audit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Source is where reports are read from. Any number of goroutines may use it.
type Source struct {
	JS       jetstream.JetStream
	Prefix   string                        // first subject token
	Stream   func(feed schema.Feed) string // returns the name of a feed's stream
	Alarms   bool                          // they are audited even where none of a range has been read of them
	Interval time.Duration                 // between two looks at the fleet
	Version  string                        // of the bridge
}

// Report makes the report of a range at a time. It has to be closed. Errors are those of Run.
func (s Source) Report(ctx context.Context, span checkpoint.Span, now time.Time) (*Report, error) {
	c := Config{Span: span, Now: now, Prefix: s.Prefix, Version: s.Version, Readings: s.stream(schema.Readings)}
	var err error
	if c.Alarms, err = s.alarms(ctx, span); err != nil {
		return nil, err
	}
	if c.Inventory, err = s.inventory(ctx, c.Readings, span); err != nil {
		return nil, err
	}
	c.Streams = []string{s.Stream(schema.Readings)}
	if c.Alarms != nil {
		c.Streams = append(c.Streams, s.Stream(schema.Alarms))
	}
	if c.Inventory != nil {
		c.Streams = append(c.Streams, s.Stream(schema.Devices))
	}
	return Run(ctx, c)
}

// Size returns how many readings the days of a range hold by their records, and the most of one day.
func (s Source) Size(ctx context.Context, span checkpoint.Span) (all, day uint64, err error) {
	records, err := checkpoint.NewBook(s.stream(schema.Readings)).Records(ctx, span.Days())
	for _, r := range records {
		all, day = all+r.Rows, max(day, r.Rows)
	}
	return all, day, err
}

func (s Source) stream(feed schema.Feed) *checkpoint.Stream {
	return checkpoint.NewStream(s.JS, s.Stream(feed), s.Prefix, string(feed))
}

// alarms returns the stream of alarms; nil where they need not be audited and none of the range has been read of them.
func (s Source) alarms(ctx context.Context, span checkpoint.Span) (*checkpoint.Stream, error) {
	stream := s.stream(schema.Alarms)
	if s.Alarms {
		return stream, nil
	}
	recorded, err := stream.Recorded(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	for _, day := range span.Days() {
		if slices.Contains(recorded, day) {
			return stream, nil
		}
	}
	return nil, nil
}

// inventory reads what is known of the fleet; without its stream nothing is.
func (s Source) inventory(ctx context.Context, readings *checkpoint.Stream, span checkpoint.Span) ([]Channel, error) {
	channels, err := ReadInventory(ctx, s.stream(schema.Devices), readings, s.Prefix, span, s.Interval)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	return channels, err
}

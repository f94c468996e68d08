package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Feed is a feed and where its events are stored.
type Feed struct {
	Name   schema.Feed
	Stream *checkpoint.Stream
}

// Headers that a replay adds to those of the event, none of which it changes.
const (
	HeaderReplay   = "Saveris-Replay"   // Replayer.Mark
	HeaderSequence = "Saveris-Sequence" // of the event in its stream
	HeaderSubject  = "Saveris-Subject"  // on which it is stored
)

// Replayer publishes the events of some feeds once more. It serves one goroutine.
type Replayer struct {
	Feeds     []Feed // of the events of one time, those of the first come first
	Publisher *Publisher
	To        Target
	Mode      schema.Mode // of what is published; empty = each event as it is stored
	Speed     float64     // how many times faster than it was measured; 0 = as fast as it goes
	Mark      string      // distinguishes this replay from others
	MessageID bool        // the messages get ids, by which a stream with a duplicate window stores none twice
}

// Day is what was done about a UTC day, or the part of it that lies in the span.
type Day struct {
	Day   string
	Parts []Part // one a feed
}

// Part is a feed's part of a Day.
type Part struct {
	Feed        schema.Feed
	Events      uint64   // published, and known to have arrived
	Corrections uint64   // of those
	Removed     uint64   // events of the whole UTC day that retention has removed
	Lost        uint64   // events of the whole UTC day that the index lists and the stream does not hold, or not as such
	Faults      []string // where index and record contradict themselves or each other
}

// Unfinished says that a replay has ended early. It wraps the reason.
type Unfinished struct {
	Next time.Time // all events before it have been published
	// Some is set if events from Next on may have been published too, of which it is not known whether they have arrived.
	Some bool
	Err  error
}

func (e *Unfinished) Error() string { return e.Err.Error() }
func (e *Unfinished) Unwrap() error { return e.Err }

// Run replays what lies in a span, and calls each with the days that hold something, oldest first; if it fails, the day at which
// it failed last. It fails with an Unfinished, or with the error of each. When ctx ends, the events of the time that it is
// at are still published.
func (r *Replayer) Run(ctx context.Context, span checkpoint.Span, each func(Day) error) error {
	days, err := r.days(ctx, span)
	if err != nil {
		return &Unfinished{Next: span.From, Err: err}
	}
	pace := pacer{speed: r.Speed}
	for _, name := range days {
		day, failed := r.day(ctx, name, span, &pace)
		if err := each(day); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// days returns the days of a span that hold something of one of the feeds, oldest first.
func (r *Replayer) days(ctx context.Context, span checkpoint.Span) ([]string, error) {
	var days []string
	for _, feed := range r.Feeds {
		list, err := checkpoint.NewBook(feed.Stream).Days(ctx)
		if err != nil {
			return nil, err
		}
		days = append(days, list...)
	}
	slices.Sort(days)
	days = slices.Compact(days)
	return slices.DeleteFunc(days, func(name string) bool {
		day, err := checkpoint.DaySpan(name)
		return err != nil || day.Cut(span.From, span.Until).Empty()
	}), nil
}

// day replays what of a day lies in the span.
func (r *Replayer) day(ctx context.Context, name string, span checkpoint.Span, pace *pacer) (Day, error) {
	day := Day{Day: name}
	whole, err := checkpoint.DaySpan(name)
	if err != nil {
		return day, err
	}
	span = whole.Cut(span.From, span.Until)
	events := schedule{day: whole.From, corrections: map[uint64]bool{}}
	for _, feed := range r.Feeds {
		day.Parts = append(day.Parts, Part{Feed: feed.Name})
	}
	for i, feed := range r.Feeds {
		if err := events.find(ctx, i, feed, name, span, &day.Parts[i]); err != nil {
			return day, &Unfinished{Next: span.From, Err: fmt.Errorf("find the %s of %s: %w", feed.Name, name, err)}
		}
	}
	events.sort()
	for len(events.list) > 0 {
		if err := r.slice(ctx, &events, &day, pace); err != nil {
			return day, err
		}
	}
	return day, nil
}

// slice replays the next events of a day.
func (r *Replayer) slice(ctx context.Context, events *schedule, day *Day, pace *pacer) error {
	part := events.next()
	from := events.time(part[0])
	held, err := r.read(ctx, part)
	if err == nil {
		part, held, err = r.drop(ctx, part, held, day)
	}
	if err != nil {
		return &Unfinished{Next: from, Err: fmt.Errorf("read the events of %s: %w", day.Day, err)}
	}
	before := r.Publisher.Arrived()
	sent, err := r.send(ctx, events, part, held, pace)
	if flush := r.Publisher.Flush(context.WithoutCancel(ctx)); flush != nil && (err == nil || ctx.Err() != nil) {
		err = flush
	}
	arrived := int(r.Publisher.Arrived() - before)
	for _, p := range part[:arrived] {
		day.Parts[p.feed()].count(events.corrections[p.ref])
	}
	if err == nil || len(part) == 0 {
		return err
	}
	next := part[min(arrived, len(part)-1)]
	if !errors.Is(err, context.Canceled) {
		err = fmt.Errorf("event at sequence %d of the %s: %w", next.seq(), r.Feeds[next.feed()].Name, err)
	}
	return &Unfinished{Next: events.time(next), Some: arrived < sent || arrived > 0 && part[arrived-1].at == next.at, Err: err}
}

// send publishes the events of a slice, and returns how many. It stops between two times only.
func (r *Replayer) send(ctx context.Context, events *schedule, part []eventRef, held []checkpoint.StoredEvent, pace *pacer) (n int, err error) {
	for n < len(part) {
		at := part[n].at
		if err := r.await(ctx, pace, events.time(part[n])); err != nil {
			return n, err
		}
		for ; n < len(part) && part[n].at == at; n++ {
			if err := r.publish(context.WithoutCancel(ctx), held[n]); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// await waits until an event is due. Before it waits it looks whether what was published has arrived.
func (r *Replayer) await(ctx context.Context, pace *pacer, at time.Time) error {
	if pace.left(at) <= 0 {
		return ctx.Err()
	}
	if err := r.Publisher.Flush(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return sleep.For(ctx, pace.left(at))
}

func (p *Part) count(correction bool) {
	p.Events++
	if correction {
		p.Corrections++
	}
}

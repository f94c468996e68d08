package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
)

// lost is what a repair has to put back.
type lost struct {
	events int           // of all feeds
	faulty int           // days whose index is at fault
	width  time.Duration // that is to be read

	mu      sync.Mutex
	altered map[string]string // ids of rows that have other content now, by feed and entry of the event that was removed
}

// alteredIn notes of a feed's events that their rows have other content now.
func (l *lost) alteredIn(feed schema.Feed) func(string, checkpoint.Lacking, string) {
	return func(_ string, event checkpoint.Lacking, id string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.altered == nil {
			l.altered = map[string]string{}
		}
		l.altered[lostKey(feed, event)] = id
	}
}

func lostKey(feed schema.Feed, event checkpoint.Lacking) string {
	return fmt.Sprintf("%s %x", feed, event.Entry)
}

// findLost finds out on which days a feed lacks events, and leaves all other days alone. Rows that cannot be events belong to
// no day: where one of those is lacking all days are read.
func (b *backfill) findLost(ctx context.Context, f *backfillFeed, note io.Writer) error {
	lacking, faulty, err := b.lacking(ctx, f, note)
	if err != nil {
		return err
	}
	b.lost.faulty += len(faulty)
	for _, name := range b.span.Days() {
		day, err := checkpoint.DaySpan(name)
		if err != nil {
			return err
		}
		if len(lacking[name])+len(lacking[checkpoint.RejectedDay]) == 0 || slices.Contains(faulty, name) {
			f.without = append(f.without, day)
			continue
		}
		covered, err := f.reader.Covered(ctx, day.Cut(b.span.From, b.span.Until))
		if err != nil {
			return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(b.pipe.JS.Conn(), err))
		}
		for _, iv := range covered {
			b.lost.width += iv.Span().Width()
		}
	}
	for _, events := range lacking {
		b.lost.events += len(events)
	}
	return nil
}

// lacking returns what a feed lacks, by day, and the days whose index is at fault, which it names.
func (b *backfill) lacking(ctx context.Context, f *backfillFeed, note io.Writer) (lacking map[string][]checkpoint.Lacking, faulty []string, err error) {
	lacking = map[string][]checkpoint.Lacking{}
	for _, day := range append(b.span.Days(), checkpoint.RejectedDay) {
		events, err := f.reader.Lacking(ctx, day)
		switch {
		case errors.Is(err, checkpoint.ErrIndex):
			faulty = append(faulty, day)
			fmt.Fprintf(note, "note: nothing can be put back on this day: %v\n", err)
		case err != nil:
			return nil, nil, fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(b.pipe.JS.Conn(), err))
		case len(events) > 0:
			lacking[day] = events
		}
	}
	return lacking, faulty, nil
}

// repair puts back what is lacking, and lists what cannot be.
func (b *backfill) repair(ctx context.Context, out io.Writer) error {
	within := fmt.Sprintf("from %s until %s", b.span.From.Format(time.RFC3339), b.span.Until.Format(time.RFC3339))
	if b.lost.events == 0 && b.lost.faulty == 0 {
		_, err := fmt.Fprintf(out, "nothing is lacking: %s, nothing was read\n", within)
		return err
	}
	if b.lost.events > 0 {
		err := pipeline.Sharing(ctx, b.vendor, func() error { return b.run(ctx) })
		if b.bar.clear(); err != nil {
			return err
		}
	}
	left, err := b.stillLost(ctx, out)
	if err != nil {
		return err
	}
	state := b.state.now(schema.BackfillFinished)
	fmt.Fprintf(out, "put back: %d events, %s, %d windows, %d rows read\n", b.state.putBack(), within, state.Windows, state.Rows)
	if left+b.lost.faulty > 0 {
		return notRepaired(left, b.lost.faulty)
	}
	return nil
}

// stillLost lists what is still lacking, and counts it.
func (b *backfill) stillLost(ctx context.Context, out io.Writer) (left int, err error) {
	for _, f := range b.feeds {
		lacking, _, err := b.lacking(ctx, f, io.Discard)
		if err != nil {
			return left, err
		}
		for _, day := range append(b.span.Days(), checkpoint.RejectedDay) {
			left += len(lacking[day])
			for _, event := range lacking[day] {
				fmt.Fprintln(out, b.lost.line(f.feed, day, event))
			}
		}
	}
	return left, nil
}

func (l *lost) line(feed schema.Feed, day string, event checkpoint.Lacking) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	what, why := fmt.Sprintf("entry %x", event.Entry), "the vendor shows no row that it is"
	if id := l.altered[lostKey(feed, event)]; id != "" {
		what, why = "id "+id, "the vendor shows its row with other content, which is stored as a correction"
	}
	return printable.Text(fmt.Sprintf("%s  %s  sequence %d  %s: %s", feed, day, event.Seq, what, why))
}

// notRepaired is the error where events cannot be put back, or the index of days is at fault.
func notRepaired(events, days int) error {
	text := fmt.Sprintf("%d events that were removed cannot be put back", events)
	if days > 0 {
		text += fmt.Sprintf(", and the index of %d days is at fault", days)
	}
	return &hint.Error{
		Err: errors.New(text), Code: hint.Failed,
		Hint: "only a backup of the streams may still hold them: keep the list above, and ask who deletes from the streams; from those that BRIDGE_IMMUTABLE=true creates nobody can",
	}
}

// dryRepair prints what a repair would put back.
func (b *backfill) dryRepair(ctx context.Context, std streams) error {
	for _, name := range b.settings.Feeds {
		feed := schema.Feed(name)
		f := &backfillFeed{feed: feed, reader: b.pipe.Writer(feed, b.vendor, backfillPages)}
		lacking, _, err := b.lacking(ctx, f, std.err)
		if err != nil {
			return err
		}
		total := 0
		for _, day := range append(b.span.Days(), checkpoint.RejectedDay) {
			if n := len(lacking[day]); n > 0 {
				total += n
				fmt.Fprintf(std.out, "%-8s  %s  %d events are lacking, the first at sequence %d\n", feed, day, n, lacking[day][0].Seq)
			}
		}
		fmt.Fprintf(std.out, "%s: %d events are lacking from %s until %s\n", feed, total, b.span.From.Format(time.RFC3339), b.span.Until.Format(time.RFC3339))
	}
	return nil
}

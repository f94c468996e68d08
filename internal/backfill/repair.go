package backfill

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
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
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
func (j *job) findLost(ctx context.Context, f *feed) error {
	lacking, faulty, err := j.lacking(ctx, f, j.Notes)
	if err != nil {
		return err
	}
	j.lost.faulty += len(faulty)
	for _, name := range j.span.Days() {
		day, err := checkpoint.DaySpan(name)
		if err != nil {
			return err
		}
		if len(lacking[name])+len(lacking[checkpoint.RejectedDay]) == 0 || slices.Contains(faulty, name) {
			f.excluded = append(f.excluded, day)
			continue
		}
		covered, err := f.reader.Covered(ctx, day.Cut(j.span.From, j.span.Until))
		if err != nil {
			return j.unusable(err)
		}
		for _, iv := range covered {
			j.lost.width += iv.Span().Width()
		}
	}
	for _, events := range lacking {
		j.lost.events += len(events)
	}
	return nil
}

// lacking returns what a feed lacks, by day, and the days whose index is at fault, which it names.
func (j *job) lacking(ctx context.Context, f *feed, note io.Writer) (lacking map[string][]checkpoint.Lacking, faulty []string, err error) {
	lacking = map[string][]checkpoint.Lacking{}
	for _, day := range append(j.span.Days(), checkpoint.RejectedDay) {
		events, err := f.reader.Lacking(ctx, day)
		switch {
		case errors.Is(err, checkpoint.ErrIndex):
			faulty = append(faulty, day)
			fmt.Fprintf(note, "note: nothing can be put back on this day: %v\n", err)
		case err != nil:
			return nil, nil, j.unusable(err)
		case len(events) > 0:
			lacking[day] = events
		}
	}
	return lacking, faulty, nil
}

// repair puts back what is lacking, and lists what cannot be.
func (j *job) repair(ctx context.Context) error {
	within := fmt.Sprintf("from %s until %s", j.span.From.Format(time.RFC3339), j.span.Until.Format(time.RFC3339))
	if j.lost.events == 0 && j.lost.faulty == 0 {
		_, err := fmt.Fprintf(j.Out, "nothing is lacking: %s, nothing was read\n", within)
		return err
	}
	if j.lost.events > 0 {
		err := pipeline.Sharing(ctx, j.vendor, func() error { return j.fill(ctx) })
		if j.clearBar(); err != nil {
			return err
		}
	}
	left, err := j.stillLost(ctx)
	if err != nil {
		return err
	}
	state := j.state.now(schema.BackfillFinished)
	fmt.Fprintf(j.Out, "put back: %s, %s, %s, %s read\n",
		words.Count(int(j.state.putBack()), "event"), within, words.Count(int(state.Windows), "window"), words.Count(int(state.Rows), "row"))
	if left+j.lost.faulty > 0 {
		return notRepaired(left, j.lost.faulty)
	}
	return nil
}

// stillLost lists what is still lacking, and counts it.
func (j *job) stillLost(ctx context.Context) (left int, err error) {
	for _, f := range j.feeds {
		lacking, _, err := j.lacking(ctx, f, io.Discard)
		if err != nil {
			return left, err
		}
		for _, day := range append(j.span.Days(), checkpoint.RejectedDay) {
			left += len(lacking[day])
			for _, event := range lacking[day] {
				fmt.Fprintln(j.Out, j.lost.line(f.name, day, event))
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

// printLost prints what a repair would put back.
func (j *job) printLost(ctx context.Context) error {
	for _, name := range pipeline.Feeds(j.Streams) {
		lacking, _, err := j.lacking(ctx, &feed{reader: j.pipe.Writer(name, j.vendor, days)}, j.Notes)
		if err != nil {
			return err
		}
		total := 0
		for _, day := range append(j.span.Days(), checkpoint.RejectedDay) {
			if n := len(lacking[day]); n > 0 {
				total += n
				fmt.Fprintf(j.Out, "%-8s  %s  %d events are lacking, the first at sequence %d\n", name, day, n, lacking[day][0].Seq)
			}
		}
		fmt.Fprintf(j.Out, "%s: %d events are lacking from %s until %s\n", name, total, j.span.From.Format(time.RFC3339), j.span.Until.Format(time.RFC3339))
	}
	return nil
}

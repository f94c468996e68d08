package verify

import (
	"context"
	"errors"
	"fmt"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Verifier verifies one feed. It serves one goroutine.
type Verifier struct {
	Source     *saveris.Client
	VendorFeed saveris.Feed // what the vendor calls the feed
	Maker      *schema.Maker
	Stream     *checkpoint.Stream
	Feed       schema.Feed
	Rows       int // a window may hold
	Keep       int // differences to name; all are counted

	width     width
	unindexed []unindexedEvent
	rejected  *dayPage
	garbage   *dayReport                // of the page of rejected rows
	lost      map[checkpoint.Entry]bool // rows of it that are missing
}

// unindexedEvent is an event of a bridge that stands in no index.
type unindexedEvent struct {
	seq   uint64
	event schema.Stored
}

// maxUnindexed is how many events outside of any index are worth naming.
const maxUnindexed = 10_000

// ErrUnindexed says that a stream is full of events that no index lists: it is not only bridges that write it.
var ErrUnindexed = errors.New("too many events stand in no index")

// maxTries is how often a day is compared whose page is written to meanwhile.
const maxTries = 3

// Run verifies what lies in a span and hands out the days, oldest first, then the page of rejected rows if there are any.
// It fails if the vendor or the stream cannot be read (saveris.ErrRefused, saveris.ErrAddress, those of ctx), and with the
// error of each.
func (v *Verifier) Run(ctx context.Context, span checkpoint.Span, each func(Day) error) error {
	if err := v.begin(ctx); err != nil {
		return err
	}
	for _, name := range span.Days() {
		day, err := checkpoint.DaySpan(name)
		if err != nil {
			return err
		}
		found, err := v.day(ctx, name, day.Cut(span.From, span.Until))
		if err != nil {
			return fmt.Errorf("verify %s.%s: %w", v.Feed, name, err)
		}
		v.Keep -= len(found.Differences)
		if err := each(found); err != nil {
			return err
		}
	}
	return v.end(ctx, each)
}

// begin reads what belongs to no day.
func (v *Verifier) begin(ctx context.Context) (err error) {
	if err := v.findUnindexed(ctx); err != nil {
		return fmt.Errorf("verify %s: %w", v.Feed, err)
	}
	v.lost = map[checkpoint.Entry]bool{}
	v.garbage = newReport(string(v.Feed), checkpoint.RejectedDay, v.Keep)
	v.rejected, err = v.read(ctx, checkpoint.RejectedDay, checkpoint.Span{}, v.garbage)
	if err != nil {
		return fmt.Errorf("verify %s.%s: %w", v.Feed, checkpoint.RejectedDay, err)
	}
	return nil
}

// end hands out the page of rejected rows.
func (v *Verifier) end(ctx context.Context, each func(Day) error) error {
	if err := v.rejected.leftOver(ctx, v.Stream, v.garbage); err != nil {
		return err
	}
	if day := v.garbage.end(); day.VendorRows+day.RecordRows+day.Total() > 0 {
		if len(day.Differences) > v.Keep {
			day.Differences = day.Differences[:max(0, v.Keep)]
		}
		v.Keep -= len(day.Differences)
		return each(day)
	}
	return nil
}

func (v *Verifier) findUnindexed(ctx context.Context) error {
	gaps, err := v.Stream.Unlisted(ctx)
	if err != nil {
		return err
	}
	for _, gap := range gaps {
		err := v.Stream.Events(ctx, gap, func(m checkpoint.StoredEvent) error {
			if !v.Stream.Own(m) {
				return nil
			}
			event, err := schema.ReadStored(m.Header, m.Data)
			if err != nil {
				return err
			}
			if v.unindexed = append(v.unindexed, unindexedEvent{m.Seq, event}); len(v.unindexed) > maxUnindexed {
				return fmt.Errorf("%w: more than %d on %s", ErrUnindexed, maxUnindexed, m.Subject)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// day compares a day until its page stands still: what is stored between the two readings would seem to be missing.
func (v *Verifier) day(ctx context.Context, name string, span checkpoint.Span) (Day, error) {
	for try := 1; ; try++ {
		report := newReport(string(v.Feed), name, v.Keep)
		page, err := v.compare(ctx, name, span, report)
		if err != nil {
			return Day{}, err
		}
		if report.Missing+report.Changed == 0 || try == maxTries {
			return report.end(), nil
		}
		now, err := v.Stream.Listing(ctx, name)
		if err != nil {
			return Day{}, err
		}
		if now.Record.Rows == page.Record.Rows && now.Record.Digest == page.Record.Digest {
			return report.end(), nil
		}
	}
}

func (v *Verifier) compare(ctx context.Context, name string, span checkpoint.Span, report *dayReport) (*dayPage, error) {
	page, err := v.read(ctx, name, span, report)
	if err != nil {
		return nil, err
	}
	if err := v.readVendor(ctx, span, page, report); err != nil {
		return nil, err
	}
	return page, page.leftOver(ctx, v.Stream, report)
}

// read reads a page and the events that it lists.
func (v *Verifier) read(ctx context.Context, name string, span checkpoint.Span, report *dayReport) (*dayPage, error) {
	list, err := v.Stream.Listing(ctx, name)
	if err != nil {
		return nil, err
	}
	report.RecordRows, report.RecordDigest, report.Removed = list.Record.Rows, list.Record.Digest, list.Removed
	for _, fault := range list.Faults {
		report.add(Difference{Kind: BadIndex, Why: fault})
	}
	page := newPage(list, name, span)
	if err := page.checkEvents(ctx, v.Stream, report); err != nil {
		return nil, err
	}
	for _, u := range v.unindexed {
		switch {
		case u.event.Day() != name || !page.covers(u.event):
		case len(page.find(checkpoint.NewEntry(u.event.ID, 0))) > 0:
			report.event(Doubled, u.seq, u.event, "its id stands in the index, but for another message")
		default:
			report.event(Unexpected, u.seq, u.event, "no index lists it")
		}
	}
	return page, nil
}

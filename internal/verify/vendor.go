package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// The widths that a window may have: the vendor may refuse narrower ones (document), and no day is wider.
const (
	minWidth = 5 * time.Minute
	maxWidth = 24 * time.Hour
)

// width is how wide the next window is.
type width struct{ time.Duration }

func (w *width) now() time.Duration {
	if w.Duration == 0 {
		w.Duration = time.Hour
	}
	return w.Duration
}

// learn adapts the width to what a window held.
func (w *width) learn(rows, most int) {
	if rows < most/2 {
		w.Duration = min(maxWidth, 2*w.now())
	}
}

// halve reports whether the width could be halved.
func (w *width) halve() bool {
	if w.now() < 2*minWidth {
		return false
	}
	w.Duration = w.now() / 2
	return true
}

// tries is how often a window is asked for, over some minutes, before a failure is believed.
const tries = 12

// errFull says that a window holds more rows than it should, so that a narrower one is asked for.
var errFull = errors.New("the window holds too many rows")

// readVendor reads the vendor's rows of a span and compares them with their pages.
func (v *Verifier) readVendor(ctx context.Context, span checkpoint.Span, page *dayPage, report *dayReport) error {
	c := &comparison{Verifier: v, page: page, report: report, unmatched: map[checkpoint.Entry]bool{}}
	around, err := v.around(ctx, span)
	if err != nil {
		return err
	}
	for _, part := range append([]checkpoint.Span{span}, around...) {
		c.beyond = part != span
		for from := part.From; from.Before(part.Until); {
			until, err := c.window(ctx, from, part.Until)
			if err != nil {
				return err
			}
			from = until
		}
	}
	return nil
}

// reach is how far beyond a span the vendor is asked for tasks: it is not known which of their times he compares with a range, and
// steps of one execution may lie on two days. What he shows still further away seems to be stored without a row.
const reach = 24 * time.Hour

// around returns what has to be read beside a span, up to the vendor's now.
func (v *Verifier) around(ctx context.Context, span checkpoint.Span) ([]checkpoint.Span, error) {
	if v.Feed != schema.Tasks {
		return nil, nil
	}
	now, err := v.Source.Now(ctx)
	if err != nil {
		return nil, err
	}
	after := checkpoint.Span{From: span.Until, Until: span.Until.Add(reach)}
	if after.Until.After(now) {
		after.Until = now.Truncate(time.Second)
	}
	return []checkpoint.Span{{From: span.From.Add(-reach), Until: span.From}, after}, nil
}

// comparison holds rows against a day's page and that of rejected rows.
type comparison struct {
	*Verifier
	page      *dayPage
	report    *dayReport
	unmatched map[checkpoint.Entry]bool // rows of the day that are missing or changed
	beyond    bool                      // what is read lies around the span: rejected rows of there are not asked about

	// What the window in hand has brought: it counts once the window has been read to its end.
	rows   int
	hits   []hit
	misses []miss
	trash  []trash
}

// hit is a row that the page knows: the entry of its content, and that of its id.
type hit struct{ of, base uint32 }

// miss is a row that the page does not know in this content.
type miss struct {
	entry checkpoint.Entry // of the row
	known []uint32         // positions of entries that the vendor shows with it
	Difference
}

// trash is a row that cannot be an event.
type trash struct {
	entry checkpoint.Entry
	event schema.Stored
}

// window reads the next window, as wide as can be had, and returns its end.
func (c *comparison) window(ctx context.Context, from, end time.Time) (until time.Time, err error) {
	pause := backoff.WithMaxRetries(backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second),
		backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0)), tries)
	err = backoff.Retry(func() error {
		for {
			if until = from.Add(c.width.now()); until.After(end) {
				until = end
			}
			err := c.ask(ctx, from, until)
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return backoff.Permanent(ctx.Err())
			case errors.Is(err, saveris.ErrRefused), errors.Is(err, saveris.ErrAddress), errors.Is(err, saveris.ErrRetired):
				return backoff.Permanent(err)
			case errors.Is(err, saveris.ErrNotReady):
				return err // the next try goes on waiting for it
			case errors.Is(err, errFull):
				c.width.Duration = max(minWidth, min(until.Sub(from), c.width.now())/2)
				continue
			case errors.Is(err, saveris.ErrTooLarge):
				if c.width.halve() {
					continue
				}
				return backoff.Permanent(err)
			}
			c.width.halve() // it may be too much to be ready in time
			return err
		}
	}, backoff.WithContext(pause, ctx))
	if err != nil {
		return until, fmt.Errorf("read the vendor from %s until %s: %w", from.Format(time.RFC3339), until.Format(time.RFC3339), err)
	}
	c.width.learn(c.rows, c.Rows)
	c.apply()
	return until, nil
}

// ask asks for a window once.
func (c *comparison) ask(ctx context.Context, from, until time.Time) error {
	c.rows, c.hits, c.misses, c.trash = 0, c.hits[:0], c.misses[:0], c.trash[:0]
	asked := schema.Window{From: from, Until: until}
	if least := until.Add(-minWidth); least.Before(from) {
		asked.From = least
	}
	_, err := c.Source.Rows(ctx, saveris.Query{Feed: c.VendorFeed, From: asked.From, Until: asked.Until, Background: true}, func(row *saveris.Row) error {
		if c.rows++; c.rows > c.Rows && until.Sub(from) > minWidth {
			return errFull
		}
		c.compareRow(c.Maker.Event(row, asked, until))
		return nil
	})
	return err
}

// compareRow looks a row up in the page.
func (c *comparison) compareRow(event schema.Event) {
	entry := checkpoint.NewEntry(event.ID, event.Check)
	if event.Rejected {
		if c.beyond {
			return
		}
		c.trash = append(c.trash, trash{entry, schema.Stored{ID: event.ID, Time: event.Time, Subject: string(c.Feed)}})
		return
	}
	if event.Day() != c.page.day || event.Time.Before(c.page.span.From) || !event.Time.Before(c.page.span.Until) {
		return
	}
	known := c.page.find(entry)
	if len(known) == 0 {
		c.miss(event, entry, nil, c.missing(event.Time))
		return
	}
	of := c.page.match(entry)
	if of < 0 {
		revised := event.Revise()
		if of = c.page.match(checkpoint.NewEntry(revised.ID, revised.Check)); of < 0 {
			c.miss(event, entry, known[:1], Difference{Kind: Changed, Why: "its id is stored with other content: a re-read stores this one as a correction"})
			return
		}
	}
	if c.page.state[of]&present == 0 {
		c.miss(event, entry, []uint32{known[0], uint32(of)}, c.gone(of))
		return
	}
	c.hits = append(c.hits, hit{uint32(of), known[0]})
}

// miss notes a row; it costs a name only as long as names are kept.
func (c *comparison) miss(event schema.Event, entry checkpoint.Entry, known []uint32, d Difference) {
	if len(c.report.Differences)+len(c.misses) < c.report.limit {
		header := map[string][]string{}
		event.Header(header, schema.Live, event.Time)
		d.ID, d.Time = event.ID, &event.Time
		if subject := header["ce-subject"]; len(subject) == 1 {
			d.Subject = subject[0]
		}
	}
	c.misses = append(c.misses, miss{entry, known, d})
}

// gone is the difference of a row whose event the index lists in vain.
func (c *comparison) gone(of int) Difference {
	d := Difference{Kind: Missing, Sequence: c.page.Sequence(of), Why: "the index lists it, but its event is not there", gone: true}
	if d.Sequence < c.page.Oldest {
		d.Why, d.gone = "its event has been removed with the beginning of the stream", false
	}
	return d
}

// missing is the difference of a row that is not stored, and says why that may be.
func (c *comparison) missing(at time.Time) Difference {
	covered := slices.ContainsFunc(c.page.Record.Covered, func(iv checkpoint.Interval) bool {
		return !at.Before(iv.From) && at.Before(iv.Until)
	})
	switch {
	case c.page.Removed > 0:
		return Difference{Kind: Missing, Why: "not stored, or removed with the beginning of the stream"}
	case !covered:
		return Difference{Kind: Missing, Why: "this time has not been read yet: it is not covered", unread: true}
	}
	return Difference{Kind: Missing, Why: "this time was read before: a re-read stores it if the vendor showed the row late"}
}

// apply takes over what the window has brought.
func (c *comparison) apply() {
	for _, h := range c.hits {
		if c.page.see(h.of, h.base) {
			c.vendorRow(c.page.Entries[h.of])
		}
	}
	for _, m := range c.misses {
		for _, i := range m.known {
			c.page.state[i] |= idSeen
		}
		if c.unmatched[m.entry] {
			continue
		}
		c.unmatched[m.entry] = true
		c.vendorRow(m.entry)
		c.report.add(m.Difference)
	}
	for _, t := range c.trash {
		c.compareTrash(t)
	}
}

func (c *comparison) vendorRow(e checkpoint.Entry) {
	c.report.VendorRows++
	c.report.VendorDigest = c.report.VendorDigest.Add(e)
}

// compareTrash looks a row up that cannot be an event. It belongs to no day, so windows that meet may both show it.
func (c *comparison) compareTrash(t trash) {
	i := c.rejected.match(t.entry)
	if i >= 0 && c.rejected.state[i]&present != 0 {
		if c.rejected.see(uint32(i), uint32(i)) {
			c.garbage.VendorRows++
			c.garbage.VendorDigest = c.garbage.VendorDigest.Add(t.entry)
		}
		return
	}
	if c.lost[t.entry] {
		return
	}
	c.lost[t.entry] = true
	d := Difference{Kind: Missing, ID: t.event.ID, Time: &t.event.Time, Subject: t.event.Subject, Why: "the vendor shows a row that cannot be an event, and it is not stored"}
	if i >= 0 {
		c.rejected.see(uint32(i), uint32(i))
		d.Sequence, d.Why, d.gone = c.rejected.Sequence(i), "the index lists it, but its event is not there", true
	}
	c.garbage.VendorRows++
	c.garbage.VendorDigest = c.garbage.VendorDigest.Add(t.entry)
	c.garbage.add(d)
}

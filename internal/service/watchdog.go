package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// watchdog notes what the lines of all feeds do. It knows two things that may go wrong: a line that has got stuck, where
// only another start helps, and a feed that stores no polls any more, whatever the reason.
type watchdog struct {
	conditions
	now      func() time.Time // ours
	interval time.Duration    // between polls
	log      *slog.Logger

	mu    sync.Mutex
	feeds map[schema.Feed]*watched
	lost  time.Time // since when NATS is not connected; zero where it is
}

// conditions are what this process asks for at any time to know how it fares. Any goroutine may call them.
type conditions struct {
	leading   func(schema.Feed) bool
	throttled func() time.Time                      // until when the vendor makes everybody wait
	nats      func() (connected bool, state string) // state is the library's word
	store     func() error                          // why nothing can be stored, see natsconn.StoreMonitor; nil where nobody knows
}

// watched is what is known of a feed.
type watched struct {
	lines   map[string]lastStep // by their names, those that run
	leads   time.Time           // since when; zero where it stands by
	polled  time.Time           // when a poll was stored last
	cause   error               // why the last try to poll failed; nil since one was stored
	stalled bool

	interval time.Duration // between polls, where it is another than that of the rest; 0 = it is not
}

// lastStep is what a line did last.
type lastStep struct {
	poller.Step
	at time.Time
}

// A line that waits or plans says for how long. Everything else that it does consists of waits that end by themselves, and
// of steps between them: a look at an export that is not ready, a row in a thousand, a batch, a failure. So a line is stuck
// only when something that ends by itself has not, and stuckAfter has to be longer than the longest silence of a line that is
// well. That is a window for which the vendor takes every request and answers none: the login waits for its turn behind those
// of three other lines (3 minutes each, four tries of 40 s and the waits between them, twice that where the password may be
// spelled in two ways), then logs in itself; a synchronous read (3 minutes), a submission, a poll (3 minutes) and the first
// file (7 minutes, with its stalls): 36 minutes. Committing is quicker, a batch has 15 s. How long the vendor makes everybody
// wait comes on top.
//
// Waiting for an export slot has no bound, since polls go before what can wait. When the vendor takes most of an interval
// for each, a re-read may wait for hours, and that is no fault of ours. Waiting for another line has none either: that one is
// watched, and a broker may take nothing for days.
const (
	stuckAfter = time.Hour
	queueMost  = 6 * time.Hour
)

// newWatchdog makes the watchdog of feeds, which are polled once an interval by whoever leads.
func newWatchdog(feeds []schema.Feed, interval time.Duration, c conditions, log *slog.Logger) *watchdog {
	d := &watchdog{conditions: c, now: time.Now, interval: interval, log: log, feeds: map[schema.Feed]*watched{}}
	for _, feed := range feeds {
		d.feeds[feed] = &watched{lines: map[string]lastStep{}}
	}
	return d
}

// every says how often a feed is polled, if there is such a feed.
func (d *watchdog) every(feed schema.Feed, interval time.Duration) {
	if w := d.feeds[feed]; w != nil {
		w.interval = interval
	}
}

// step notes a step of a feed's line.
func (d *watchdog) step(feed schema.Feed, s poller.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.feeds[feed]
	if s.Doing == poller.Ends {
		delete(w.lines, s.Line)
		return
	}
	w.lines[s.Line] = lastStep{s, d.now()}
	if s.Err != nil && s.Line == poller.TailLine {
		w.cause = s.Err
	}
}

// batch notes that a batch of a feed was stored: a step of the line that commits, and of one that waits to.
func (d *watchdog) batch(feed schema.Feed, _ publish.Batch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, n := range d.feeds[feed].lines {
		if n.Doing == poller.Commits {
			n.at = d.now()
			d.feeds[feed].lines[name] = n
		}
	}
}

// stored notes that a window of a feed was stored.
func (d *watchdog) stored(feed schema.Feed, s poller.StoredWindow) {
	if s.Reason == poller.ReasonTail {
		d.polled(feed)
	}
}

// polled notes that a poll of a feed was stored.
func (d *watchdog) polled(feed schema.Feed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.feeds[feed]
	w.polled, w.cause = d.now(), nil
}

// stuck reports which lines have got stuck: what each did last, and since when.
func (d *watchdog) stuck() (reasons []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, feed := range slices.Sorted(maps.Keys(d.feeds)) {
		w := d.feeds[feed]
		if w.leads.IsZero() || !d.leading(feed) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(w.lines)) {
			if n := w.lines[name]; n.Doing != poller.Waits && d.now().After(d.latest(w, n)) {
				reasons = append(reasons, fmt.Sprintf("the %s line of %s is stuck: %s since %s", name, feed, n.Doing, n.at.UTC().Format(time.RFC3339)))
			}
		}
	}
	return reasons
}

// latest is when a line's next step is due at the latest.
func (d *watchdog) latest(w *watched, n lastStep) time.Time {
	due := latest(n.at.Add(n.For), w.leads, d.throttled())
	if n.Doing == poller.Queues {
		return due.Add(queueMost)
	}
	return due.Add(stuckAfter)
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// run looks once an interval, until ctx ends, whether feeds stall.
func (d *watchdog) run(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		d.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look finds out which feeds stall, and logs when that begins and when it is over.
func (d *watchdog) look() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookForNATS()
	for feed, w := range d.feeds {
		leads := d.leading(feed)
		switch {
		case !leads:
			w.leads, w.cause = time.Time{}, nil
		case w.leads.IsZero():
			w.leads = d.now()
		}
		last := latest(w.polled, w.leads)
		stalled := leads && d.now().Sub(last) > d.stallLimit(w)
		switch log := d.log.With("feed", feed); {
		case stalled && !w.stalled:
			about := []any{"since", last.UTC(), "limit", d.stallLimit(w), "doing", w.lines[poller.TailLine].Doing}
			if cause := d.cause(w); cause != nil {
				about = append(about, "err", cause)
				if advice := pipeline.PollHint(cause); advice != "" {
					about = append(about, "hint", advice)
				}
			}
			log.Error("feed has stalled: no poll has been stored", about...)
		case w.stalled && !stalled:
			log.Info("feed recovered", "polls", leads)
		}
		w.stalled = stalled
	}
}

func (d *watchdog) lookForNATS() {
	switch connected, _ := d.nats(); {
	case connected:
		d.lost = time.Time{}
	case d.lost.IsZero():
		d.lost = d.now()
	}
}

// disconnectedSince is since when there is no connection to NATS; zero where there is one.
func (d *watchdog) disconnectedSince() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lookForNATS()
	return d.lost
}

// failure is why the last try to poll a feed failed; nil since one was stored.
func (d *watchdog) failure(feed schema.Feed) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cause(d.feeds[feed])
}

// cause is what keeps a feed from being polled: a store that is full, the vendor who throttles, an export that is late, what failed
// last, or what the line waits for; nil where nothing is known to.
func (d *watchdog) cause(w *watched) error {
	if err := d.store(); err != nil {
		return err
	}
	tail := w.lines[poller.TailLine]
	until := d.throttled()
	switch {
	case until.After(d.now()):
		return errors.New(status.Throttled(until, d.now()))
	case !d.overdueExport(w).IsZero(), w.cause == nil && tail.Doing == poller.AwaitsExport:
		return fmt.Errorf("waiting for the vendor's export since %s", tail.Since.UTC().Format(time.TimeOnly))
	case w.cause == nil && tail.Doing == poller.Queues:
		return errQueues
	}
	return w.cause
}

var errQueues = errors.New("waiting until fewer exports are in flight (SAVERIS_EXPORTS)")

// overdueExport is when the export was asked for that the poll of a feed waits for, if it is overdue; else the zero time.
func (d *watchdog) overdueExport(w *watched) time.Time {
	if tail := w.lines[poller.TailLine]; tail.Doing == poller.AwaitsExport && d.now().Sub(tail.Since) >= saveris.OverdueAfter {
		return tail.Since
	}
	return time.Time{}
}

// overdueSince is overdueExport of a feed that this process polls.
func (d *watchdog) overdueSince(feed schema.Feed) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.overdueExport(d.feeds[feed])
}

// stallLimit is how long a feed may be without a poll.
func (d *watchdog) stallLimit(w *watched) time.Duration {
	return schema.StalledAfter(cmp.Or(w.interval, d.interval))
}

// stalled reports whether a feed that this process polls has been without a poll for too long, and since when.
func (d *watchdog) stalled(feed schema.Feed) (since time.Time, stalled bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.feeds[feed]
	return latest(w.polled, w.leads), w.stalled
}

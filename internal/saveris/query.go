package saveris

import (
	"fmt"
	"time"
)

// Feed is one kind of rows, in the vendor's word.
type Feed string

// The feeds that the client reads.
const (
	Measurements Feed = "measurements"
	Alarms       Feed = "alarms"
	Tasks        Feed = "tasks" // the steps of executed tasks; it has no synchronous endpoint
)

// Query asks for one window of one feed.
type Query struct {
	Feed Feed
	// From and Until are the window, half-open, in any zone; both are always sent, in UTC, because the vendor fills a missing
	// until with from + 1 h (document). Whether either end belongs to his range he does not say, so he is asked for Margin
	// more at both, and rows from beyond the ends may come. His guidance wants 5 minutes to 7 days.
	From, Until time.Time
	// Background marks what can wait (catch-up, revisit, backfill): it leaves a slot for live polls.
	Background bool
	// Timeout is how long the vendor may take to prepare an export before Rows fails with ErrNotReady, 0 = Config.ExportTimeout.
	// Time that the vendor made us wait (429) and the reading of the files do not count.
	Timeout time.Duration
	// AskedSince is from when on, by the vendor's clock, an export may have been submitted that is adopted; zero = any time.
	AskedSince time.Time
	// OnQueue is called when the query begins to wait for a slot, and when that is over: a wait without a bound, since live
	// queries go first; may be nil.
	OnQueue func(waiting bool)
	// OnNotReady is called after every look at an export that is not ready, or at one of its files that is not there yet, with
	// when the export was asked for by the local clock; may be nil.
	OnNotReady func(since time.Time)
}

// Route says which of the vendor's two ways rows came.
type Route string

// The routes.
const (
	RouteSync   Route = "sync"   // one GET
	RouteExport Route = "export" // submit, poll, download
)

// Answer describes a window that was read to its end.
type Answer struct {
	Endpoint string    // path that was asked, as in /v2/measurements
	AskedAt  time.Time // the vendor's clock at the moment of asking, UTC, up to a second early; of an adopted export, when it was submitted
	Route    Route
	Rows     int // rows handed over, counting a file that was read twice once
}

// check refuses what must never be sent.
func (q *Query) check() error {
	if _, known := endpoints[q.Feed]; !known || isSnapshot(q.Feed) {
		return fmt.Errorf("read rows: no feed is called %q", q.Feed)
	}
	if !q.From.Before(q.Until) {
		return fmt.Errorf("read %s: the window from %s until %s is empty", q.Feed, stamp(q.From), stamp(q.Until))
	}
	return nil
}

func (q *Query) onQueue(waiting bool) {
	if q.OnQueue != nil {
		q.OnQueue(waiting)
	}
}

func (q *Query) onNotReady(since time.Time) {
	if q.OnNotReady != nil {
		q.OnNotReady(since)
	}
}

// Margin is how much is asked for beyond both ends of a window: with an open end, a row that stands on it would be seen by
// neither of two windows that touch there. The vendor's times have whole seconds.
const Margin = time.Second

// widest is what a range may span, by the vendor's guidance (document).
const widest = 7 * 24 * time.Hour

// bounds returns the two ends as the vendor reads them: whole seconds where they are, else milliseconds, wider than what was
// asked for by Margin on both sides, as far as the widest range has room for it.
func (q *Query) bounds() (from, until string) {
	margin := min(Margin, max(0, widest-q.Until.Sub(q.From))/2)
	up := q.Until.Add(margin + time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
	return stamp(q.From.Add(-margin).Truncate(time.Millisecond)), stamp(up)
}

func stamp(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.UTC().Format("2006-01-02T15:04:05Z")
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

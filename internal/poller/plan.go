package poller

import (
	"context"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
)

// Window is what a plan wants read next.
type Window struct {
	checkpoint.Span
	Reason     Reason
	Background bool // leaves the vendor's slots to live polls
	// AskedAt is when it was asked for, by the vendor's clock, where it has been read: earlier than it was planned where an
	// export was adopted that a process before this one had left.
	AskedAt time.Time
	// Storing is how long storing it took, where it has been read.
	Storing time.Duration
}

// Reason says why a window is read.
type Reason string

// The reasons.
const (
	ReasonTail     Reason = "tail"
	ReasonCatchUp  Reason = "catch-up"
	ReasonRevisit  Reason = "revisit"
	ReasonOutage   Reason = "outage" // of a logger, which has ended
	ReasonBackfill Reason = "backfill"
)

// The widths that a window may have, by the vendor's guidance (document): other widths may be refused. The widest leaves
// room for what the client asks for beyond both ends.
const (
	minWindow = 5 * time.Minute
	maxWindow = 7*24*time.Hour - 2*saveris.Margin
)

// Plan says which window is read next. It serves one goroutine.
type Plan interface {
	// Next waits for the next window. It fails with io.EOF when the plan is done, with the context's error, or with
	// what kept it from knowing; then it may be called again.
	Next(ctx context.Context) (Window, error)
	// Done notes how reading the window ended.
	Done(w Window, rows int, err error)
}

// Clock returns the vendor's time in UTC.
type Clock func(ctx context.Context) (time.Time, error)

// Coverage returns the intervals within a span that have been read completely, oldest first.
type Coverage func(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, error)

// maxFailures is how often in a row a plan fails before it looks for a way around.
const maxFailures = 3

// withoutFuture leaves out what claims to have been read in the future: the vendor's clock was ahead for a while.
func withoutFuture(covered []checkpoint.Interval, now time.Time) []checkpoint.Interval {
	return slices.DeleteFunc(covered, func(iv checkpoint.Interval) bool { return iv.ReadAt.After(now.Add(time.Minute)) })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// whole cuts a time to the second: the vendor's times have no finer one.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

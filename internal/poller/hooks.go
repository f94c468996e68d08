package poller

import (
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
)

// StoredWindow is what a line reports of a window that was stored.
type StoredWindow struct {
	Window
	publish.Result // of all its pages

	Route    saveris.Route
	Rows     int // that the vendor answered with
	Known    int // of them that were stored before, or came twice
	Rejected int // of Result.Stored
}

// Doing is what a line does at a time.
type Doing string

// What lines do.
const (
	Plans        Doing = "planning"                        // asks what is next, and waits until something is
	Queues       Doing = "queued for an export slot"       // waits for an export slot, which has no bound
	Fetches      Doing = "fetching"                        // reads a window
	Waits        Doing = "waiting for another to store"    // waits for the room that another line's rows are in, which has no bound
	AwaitsExport Doing = "waiting for the vendor's export" // which is not ready; it is looked at again and again
	Commits      Doing = "committing"                      // stores it
	Retries      Doing = "waiting to retry"                // waits for the next try, after a failure or at a closed gate
	Ends         Doing = "ended"                           // there will be no other step
)

// Step is what a line reports whenever it goes on. A line that reports nothing for long is stuck.
type Step struct {
	Line  string // its name
	Doing Doing  // from now on
	// For is how long it does so by plan: how long a plan waits at most before it looks again, or until the next try.
	For time.Duration

	Since  time.Time // when the export was asked for that the line waits for, by our clock
	Failed Doing     // where it waits after a failure: Plans, Queues, Fetches, AwaitsExport or Commits
	Err    error
}

// The names of the lines of a Live: for the newest window, for what lies behind it, and for what comes after an outage.
const (
	TailLine   = "tail"
	FillLine   = "fill"
	OutageLine = "outage"
)

// manyRows is after how many rows reading them is a step.
const manyRows = 1 << 10

// step reports what the line does from now on.
func (l *Line) step(doing Doing, planned time.Duration) {
	l.doing = doing
	if l.OnStep != nil {
		l.OnStep(Step{Line: l.Name, Doing: doing, For: planned})
	}
}

// failed reports that a try has failed and will be repeated. What was done stays so for the tries that follow.
func (l *Line) failed(err error, wait time.Duration) {
	if l.OnStep != nil {
		l.OnStep(Step{Line: l.Name, Doing: Retries, For: wait, Failed: l.doing, Err: err})
	}
}

func (l *Line) queued(waiting bool) {
	if waiting {
		l.step(Queues, 0)
		return
	}
	l.step(Fetches, 0)
}

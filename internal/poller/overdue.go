package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/saveris"
)

// overdue is how long ago the export was asked for that a line waits for, as far as it has been logged.
type overdue struct {
	since  time.Time
	logged time.Duration
}

// due reports whether an export of so long ago is worth a word, and notes it: one when it is overdue, and others as its age doubles.
func (l *overdue) due(since time.Time) bool {
	if !l.since.Equal(since) {
		*l = overdue{since: since, logged: saveris.OverdueAfter / 2}
	}
	if age := time.Since(since); age >= 2*l.logged {
		l.logged = age
		return true
	}
	return false
}

// exportNotReady notes that the export of a window is not ready, and when it was asked for by our clock.
func (l *Line) exportNotReady(ctx context.Context, w Window, since time.Time) {
	l.doing = AwaitsExport
	if l.OnStep != nil {
		l.OnStep(Step{Line: l.Name, Doing: AwaitsExport, Since: since})
	}
	if l.overdue.due(since) {
		l.Log.WarnContext(ctx, "waiting for the vendor's export", "since", since.UTC().Truncate(time.Second), "reason", w.Reason, "from", w.From, "until", w.Until)
	}
}

package poller

import (
	"context"
	"sync"
	"time"

	"saveris-bridge/internal/saveris"
)

// gate keeps all lines of a feed from asking for what the vendor refuses at present: the licence is missing, or the
// endpoint is retired. One line asks again when it is time, the others wait for what it finds. The zero value is open. Many
// goroutines may use it.
type gate struct {
	licence time.Duration   // see Live.Licence
	changed func(err error) // called when it closes, with the reason, and when it opens, with nil; may be nil

	mu       sync.Mutex
	refusals saveris.Refusals
	err      error // why it is closed, nil while it is open
	again    time.Time
	opened   chan struct{} // closed when it opens
}

// pass waits while the gate is closed, and reports that it had to: what was planned is stale then. When it is time to ask
// again it lets one line through.
func (g *gate) pass(ctx context.Context, waits func(time.Duration)) (waited bool, err error) {
	g.mu.Lock()
	left, opened := time.Until(g.again), g.opened
	if g.err == nil || left <= 0 {
		wait, _ := saveris.RefusalWait(g.err, g.licence)
		g.again = time.Now().Add(wait) // the others wait for what comes of it
		g.mu.Unlock()
		return false, nil
	}
	g.mu.Unlock()
	waits(left)
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-opened:
	case <-ctx.Done():
	}
	return true, ctx.Err()
}

// closed reports whether an error is the reason why the gate is closed, or as good as that.
func (g *gate) closed(err error) bool {
	_, closes := saveris.RefusalWait(err, g.licence)
	g.mu.Lock()
	defer g.mu.Unlock()
	return closes && g.err != nil
}

// learn takes over what came of a try.
func (g *gate) learn(err error) {
	wait, closes := saveris.RefusalWait(err, g.licence)
	g.mu.Lock()
	before := g.err
	switch {
	case closes && !g.refusals.Confirm(err): // it may be a hiccup
	case closes:
		g.err, g.again = err, time.Now().Add(wait)
		if before == nil {
			g.opened = make(chan struct{})
		}
	case err != nil && before != nil:
		g.again = time.Now() // nothing is known: whoever comes next tries
	case err == nil:
		g.refusals.Confirm(nil)
		if g.err = nil; before != nil {
			close(g.opened)
		}
	}
	now := g.err
	g.mu.Unlock()
	if g.changed != nil && (before == nil) != (now == nil) {
		g.changed(now)
	}
}

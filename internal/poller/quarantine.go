package poller

import (
	"slices"

	"saveris-bridge/internal/checkpoint"
)

// Failed is a window that could not be had, and why.
type Failed struct {
	checkpoint.Span
	Err error
}

// failure is a window that fails.
type failure struct {
	tries int
	after int // windows that had been read when it failed first
}

// maxLoneTries is how often a window fails that nothing else is read beside: it may be the vendor's outage.
const maxLoneTries = 20

// fail notes that a window has failed, and quarantines it once it is sure that it cannot be had.
func (b *Backlog) fail(w Window, err error) {
	f, before := b.failed[w.Span]
	if !before {
		f.after = b.read
	}
	f.tries++
	if b.failed == nil {
		b.failed = map[checkpoint.Span]failure{}
	}
	b.failed[w.Span] = f
	tries := f.tries
	if b.read == f.after && tries < maxLoneTries {
		tries = 1
	}
	if cannotBeHad(w, tries, err) && (lasting(err) || tries >= maxFailures) { // a query fails now and then
		b.quarantined = append(b.quarantined, Failed{w.Span, err})
	}
}

// Quarantined returns the windows that are quarantined because they cannot be had.
func (b *Backlog) Quarantined() []Failed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.quarantined)
}

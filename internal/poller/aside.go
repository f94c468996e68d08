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

// lonely is how often a window fails that nothing else is read beside: it may be the vendor's outage.
const lonely = 20

// fail notes that a window has failed, and sets it aside once it is sure that it cannot be had.
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
	if b.read == f.after && tries < lonely {
		tries = 1
	}
	if cannotBeHad(w, tries, err) && (lasting(err) || tries >= maxFailures) { // a query fails now and then
		b.aside = append(b.aside, Failed{w.Span, err})
	}
}

// Aside returns the windows that were set aside because they cannot be had.
func (b *Backlog) Aside() []Failed {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.aside)
}

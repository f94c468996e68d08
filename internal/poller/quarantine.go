package poller

import (
	"errors"

	"saveris-bridge/internal/checkpoint"
)

// Exclusion is a span that a Backlog does not read, and why.
type Exclusion struct {
	checkpoint.Span
	Err error
}

// quarantined reports whether it is a window that cannot be had.
func (x Exclusion) quarantined() bool { return x.Err != nil && !x.removed() }

// removed reports whether it is a day that retention has removed.
func (x Exclusion) removed() bool { return errors.Is(x.Err, ErrRemoved) }

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
		b.Excluded = append(b.Excluded, Exclusion{w.Span, err})
	}
}

// Quarantined returns the windows that cannot be had.
func (b *Backlog) Quarantined() []Exclusion { return b.excluded(Exclusion.quarantined) }

// RemovedMeanwhile returns the days that retention has removed while they were filled.
func (b *Backlog) RemovedMeanwhile() []Exclusion { return b.excluded(Exclusion.removed) }

func (b *Backlog) excluded(which func(Exclusion) bool) (found []Exclusion) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range b.Excluded {
		if which(x) {
			found = append(found, x)
		}
	}
	return found
}

// DayExcluded reports whether nothing is to be stored on a day, whatever window shows it.
func (b *Backlog) DayExcluded(day string) bool {
	return len(b.excluded(func(x Exclusion) bool { return !x.quarantined() && checkpoint.DayOf(x.From) == day })) > 0
}

package views

import (
	"context"
	"time"
)

// hurried looks and tries again ten times as often as usual and at least each second, and writes to the end however busy the machine is.
var hurried = pace{look: usual.look / 10, pass: usual.pass / 10, most: time.Second, last: time.Minute}

// Hurry has the view look and try again sooner.
func (v *View) Hurry() {
	v.pace = hurried
}

// LookNever has the view look at nothing by itself.
func (v *View) LookNever() { v.pace.look = time.Hour }

// Wake has the view do what there is to do.
func (v *View) Wake() { v.wake() }

// Idle reports whether nothing is pending.
func (v *View) Idle() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pending) == 0
}

// Hurry has the fold look and try again sooner.
func (f *Fold) Hurry() {
	f.pace = hurried
}

// ReadTogether has a view of the newest readings begin with what is stored of all channels, however few there are.
func (f *Fold) ReadTogether() {
	if l, ok := f.events.(*latest); ok {
		l.few = 0
	}
}

// Step does once what Keep does again and again.
func (f *Fold) Step(ctx context.Context) error { return f.step(ctx) }

package views

import (
	"context"
	"time"
)

// Hurry has the view wait a tenth of what it usually does.
func (v *View) Hurry() {
	v.pace = pace{look: usual.look / 10, pass: usual.pass / 10, most: usual.most / 10}
}

// LookNever has the view look at nothing by itself.
func (v *View) LookNever() { v.pace.look = time.Hour }

// Idle reports whether nothing is pending.
func (v *View) Idle() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.pending) == 0
}

// Hurry has the fold wait a tenth of what it usually does.
func (f *Fold) Hurry() {
	f.pace = pace{look: usual.look / 10, pass: usual.pass / 10, most: usual.most / 10}
}

// ReadTogether has a view of the newest readings begin with what is stored of all channels, however few there are.
func (f *Fold) ReadTogether() {
	if l, ok := f.events.(*latest); ok {
		l.few = 0
	}
}

// Step does once what Keep does again and again.
func (f *Fold) Step(ctx context.Context) error { return f.step(ctx) }

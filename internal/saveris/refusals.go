package saveris

import (
	"cmp"
	"errors"
	"time"
)

// enoughRefusals is how often in a row the vendor has to refuse what he has given before: one refusal may be a hiccup of his.
const enoughRefusals = 3

// Refusals decides when a refusal is believed: at once where nothing has worked before, else the third time without a success in
// between. Other failures count for nothing. It serves one goroutine at a time.
type Refusals struct {
	Worked bool // the vendor has given what is asked for before
	n      int  // refusals since then
}

// Confirm takes over how a try ended, and reports whether it is a refusal (ErrRefused, ErrForbidden, ErrRetired) that counts.
func (r *Refusals) Confirm(err error) bool {
	if err == nil {
		r.Worked, r.n = true, 0
	}
	if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrRetired) {
		return false
	}
	r.n++
	return !r.Worked || r.n >= enoughRefusals
}

// How long the vendor is left alone with what he refuses.
const (
	LicenceWait = time.Hour
	RetiredWait = 10 * time.Minute
)

// RefusalWait returns for how long what the vendor refuses is not asked for again: licence (0 = LicenceWait) where the licence lacks it
// (ErrForbidden), RetiredWait but no longer than that where the endpoint is retired (ErrRetired). All else is no such refusal.
func RefusalWait(err error, licence time.Duration) (wait time.Duration, refused bool) {
	licence = cmp.Or(licence, LicenceWait)
	switch {
	case errors.Is(err, ErrForbidden):
		return licence, true
	case errors.Is(err, ErrRetired):
		return min(RetiredWait, licence), true
	}
	return 0, false
}

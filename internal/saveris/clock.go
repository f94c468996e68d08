package saveris

import (
	"net/http"
	"sync"
	"time"
)

// clock is the vendor's clock, learned from the Date of his answers. It may be up to a second early, and an answer's
// way more, but never late: a window must not end in the vendor's future.
type clock struct {
	mu      sync.Mutex
	moment         // zero while nothing is known
	claimed moment // a Date that was too far ahead to be believed alone
}

// moment is the vendor's time at a local one.
type moment struct{ vendor, local time.Time }

func (m moment) at(local time.Time) time.Time { return m.vendor.Add(local.Sub(m.local)) }

// A newer Date replaces the estimate when it says it is later (Dates have whole seconds, the latest is the best), when
// it is so much earlier that the clock was set back, or when the estimate is old enough for the clocks to have drifted.
// One that is far ahead has to be confirmed by the next answer: what is asked for up to a time that has not come yet would
// count as read.
const (
	setBack  = 5 * time.Second
	oldAge   = 15 * time.Minute
	farAhead = time.Hour
)

// learn reads the Date of an answer whose head has just come in.
func (c *clock) learn(h http.Header) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	next := moment{date.UTC(), now}
	ahead := date.Sub(c.at(now))
	switch known := !c.vendor.IsZero(); {
	case known && ahead > farAhead && date.Sub(c.claimed.at(now)).Abs() > setBack:
		c.claimed = next
	case !known || ahead > 0 || ahead < -setBack || now.Sub(c.local) > oldAge:
		c.moment = next
	}
}

// tell gives the vendor's time at a local moment; ok is false while nothing is known.
func (c *clock) tell(local time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(local), !c.vendor.IsZero()
}

package saveris

import (
	"net/http"
	"sync"
	"time"
)

// clock is the vendor's clock, learned from the Date of his answers. It may be up to a second early, and an answer's
// way more, but never late: a window must not end in the vendor's future.
type clock struct {
	mu     sync.Mutex
	vendor time.Time // his time at the local moment; zero while nothing is known
	local  time.Time
}

// A newer Date replaces the estimate when it says it is later (Dates have whole seconds, the latest is the best), when
// it is so much earlier that the clock was set back, or when the estimate is old enough for the clocks to have drifted.
const (
	setBack = 5 * time.Second
	oldAge  = 15 * time.Minute
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
	ahead := date.Sub(c.vendor.Add(now.Sub(c.local)))
	if c.vendor.IsZero() || ahead > 0 || ahead < -setBack || now.Sub(c.local) > oldAge {
		c.vendor, c.local = date.UTC(), now
	}
}

// at gives the vendor's time at a local moment; ok is false while nothing is known.
func (c *clock) at(local time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.vendor.Add(local.Sub(c.local)), !c.vendor.IsZero()
}

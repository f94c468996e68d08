package saveris

import (
	"net/http"
	"sync"
	"time"
)

// clock is the vendor's clock, learned from the Date of his answers. It may be up to a second early, and an answer's
// way more, but never late: a window must not end in the vendor's future. Where his answers have no Date to go by, it is
// the local clock, or what his was last.
type clock struct {
	mu      sync.Mutex
	moment         // zero while nothing is known
	claimed moment // a Date that was too far ahead to be believed alone

	date    time.Time // the last Date
	since   time.Time // local: when it came first
	lacking time.Time // local: since when answers have had no Date; zero where the last one had
	moves   bool      // the Date has been seen to go on
	lost    string    // what is wrong with the Date, empty while it is of use
}

// moment is the vendor's time at a local one.
type moment struct{ vendor, local time.Time }

func (m moment) at(local time.Time) time.Time { return m.vendor.Add(local.Sub(m.local)) }

// A newer Date replaces the estimate when it says it is later (Dates have whole seconds, the latest is the best), when
// it is so much earlier that the clock was set back, or when the estimate is old enough for the clocks to have drifted.
// One that is far ahead has to be confirmed by the next answer: what is asked for up to a time that has not come yet would
// count as read.
//
// A Date that comes again says nothing new. Where it does so for longer than stillAfter it stands still: a cache or a proxy
// on the way, or a clock that has stopped.
const (
	setBack    = 5 * time.Second
	oldAge     = 15 * time.Minute
	farAhead   = time.Hour
	stillAfter = 30 * time.Second
)

// What may be wrong with the Date.
const (
	noDate      = "the vendor's answers have no readable Date"
	dateIsStill = "the Date of the vendor's answers stands still"
)

// learn reads the Date of an answer whose head has just come in, and reports whether the clock was lost or found by it.
func (c *clock) learn(h http.Header) (changed bool) {
	date, err := http.ParseTime(h.Get("Date"))
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.lost
	switch {
	case err != nil:
		c.lack(now)
	case date.Equal(c.date):
		c.stand(now)
	default:
		c.goOn(date.UTC(), now)
	}
	return c.lost != before
}

// lack takes note of an answer without a Date. One may be of a proxy on the way.
func (c *clock) lack(now time.Time) {
	if c.lacking.IsZero() {
		c.lacking = now
	}
	if c.vendor.IsZero() || now.Sub(c.lacking) > oldAge {
		c.lose(noDate, now)
	}
}

// stand takes note of a Date that has come before.
func (c *clock) stand(now time.Time) {
	if c.lacking = (time.Time{}); now.Sub(c.since) > stillAfter {
		c.lose(dateIsStill, now)
	}
}

// lose goes by the local clock from now on, unless the vendor's was known to go: then it goes on as it did.
func (c *clock) lose(why string, now time.Time) {
	if c.lost == "" && !c.moves {
		c.moment = moment{now.UTC(), now}
	}
	c.lost = why
}

// goOn takes a Date over that is another than the last one.
func (c *clock) goOn(date, now time.Time) {
	if c.moves = c.moves || !c.date.IsZero() && date.After(c.date); c.lost != "" && !c.moves {
		c.vendor = time.Time{} // it was ours
	}
	c.date, c.since, c.lacking, c.lost = date, now, time.Time{}, ""
	next := moment{date, now}
	ahead := date.Sub(c.at(now))
	switch known := !c.vendor.IsZero(); {
	case known && ahead > farAhead && date.Sub(c.claimed.at(now)).Abs() > setBack:
		c.claimed = next
	case !known || ahead > 0 || ahead < -setBack || now.Sub(c.local) > oldAge:
		c.moment = next
	}
}

// vendorTime returns the vendor's time at a local moment; ok is false while nothing is known.
func (c *clock) vendorTime(local time.Time) (t time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(local), !c.vendor.IsZero()
}

// trouble is what is wrong with the vendor's Date; empty where it is of use.
func (c *clock) trouble() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

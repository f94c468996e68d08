package checkpoint

import (
	"time"

	"saveris-bridge/internal/schema"
)

// Settled is how old a row is when it should have reached the vendor: his communication cycle, in which a logger delivers what it has
// measured, a quarter of an hour by default, and five minutes for the way. The cycle is not in the rows.
const Settled = 20 * time.Minute

// Late counts the events whose time lies in what is covered already, and that came when they were no longer to be expected: they
// reached the vendor after Settled, or are stored after it, at now, where they do not say when they did. What is merely read by the
// second of two polls is not late. A correction is not late either, what it revises was there. Covered is sorted; so are the events
// as a rule, and then it is one walk through both.
func Late(events []schema.Event, covered []Interval, now time.Time) (n uint64) {
	if len(covered) == 0 {
		return 0
	}
	next := 0 // the first interval that ends after the event
	for i := range events {
		at := events[i].Time
		if next > 0 && at.Before(covered[next-1].Until) {
			next = 0
		}
		for next < len(covered) && !at.Before(covered[next].Until) {
			next++
		}
		if next < len(covered) && !at.Before(covered[next].From) && !events[i].Correction() && arrival(&events[i], now).Sub(at) > Settled {
			n++
		}
	}
	return n
}

// arrival is when the vendor received the row of an event; now where it does not say.
func arrival(e *schema.Event, now time.Time) time.Time {
	if at := e.ProcessedAt(); !at.IsZero() {
		return at
	}
	return now
}

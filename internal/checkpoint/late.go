package checkpoint

import "saveris-bridge/internal/schema"

// Late counts the events whose time lies in what is covered already: rows that were not there when their time was read.
// A correction is not late, what it revises was there. Covered is sorted; so are the events as a rule, and then it is one
// walk through both.
func Late(events []schema.Event, covered []Interval) (n uint64) {
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
		if next < len(covered) && !at.Before(covered[next].From) && !events[i].Correction() {
			n++
		}
	}
	return n
}

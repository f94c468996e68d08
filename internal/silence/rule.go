package silence

import (
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
)

// Rule is BRIDGE_SILENT_AFTER: how many measuring cycles without a reading make a channel silent, beyond its communication cycle.
// 0 is never.
type Rule int

// Now is as of when channels are judged.
type Now struct {
	Clock   time.Time             // the vendor's
	Covered []checkpoint.Interval // what has been read of the feed, oldest first, at least from Since on
	Since   time.Time             // nobody answers for what lies before
}

// lookback is how long before its due time a channel of the fleet was heard last, at most.
func (r Rule) lookback(channels []fleet.Channel) (longest time.Duration) {
	for _, c := range channels {
		longest = max(longest, r.patience(c))
	}
	return longest
}

// mostPatience is longer than anybody waits; a sum with it is a time.
const mostPatience = 100 * 365 * 24 * time.Hour

// patience is how long a channel may be without a reading.
func (r Rule) patience(c fleet.Channel) time.Duration {
	if r > 0 && c.Cycle > mostPatience/time.Duration(r) {
		return mostPatience
	}
	return min(time.Duration(r)*c.Cycle+min(c.Communication, mostPatience), mostPatience)
}

// Due returns when a channel is due to be heard, at the latest: so long after its last reading by time, or where it has had none
// (zero) after the inventory first knew it. The zero time is never: so are channels that are inactive or of which no cycle is known.
func (r Rule) Due(last time.Time, c fleet.Channel) time.Time {
	if last.IsZero() {
		last = c.Known
	}
	if r <= 0 || c.Cycle <= 0 || c.Inactive || last.IsZero() {
		return time.Time{}
	}
	return last.Add(r.patience(c))
}

// Overdue reports whether the vendor's clock is past a moment at which a channel was due, whatever has been read.
func Overdue(due, clock time.Time) bool { return !due.IsZero() && clock.After(due) }

// Silent reports whether a channel with this last reading (zero: none) is silent: it is overdue, and the feed has been read without
// a gap from that reading to when it was due, so that no reading of it can be waiting to be read.
func (r Rule) Silent(last time.Time, c fleet.Channel, now Now) bool {
	due := r.Due(last, c)
	if !Overdue(due, now.Clock) {
		return false
	}
	from := last
	if last.IsZero() {
		from = c.Known
	}
	if from.Before(now.Since) {
		from = now.Since
	}
	return now.reaches(due) && len(checkpoint.Gaps(now.Covered, from, due)) == 0
}

// reaches reports whether the newest of what has been read ends at a moment or later.
func (n Now) reaches(at time.Time) bool {
	return len(n.Covered) > 0 && !n.Covered[len(n.Covered)-1].Until.Before(at)
}

// Missing returns how many readings were due between the last one and the one with which the channel was heard again, both left
// out, and are not stored. Clocks drift: a slot is the nearest multiple of the cycle.
func Missing(last, resumed time.Time, cycle time.Duration, stored int) int {
	if last.IsZero() || cycle <= 0 {
		return 0
	}
	slots := int((resumed.Sub(last) + cycle/2) / cycle)
	return max(0, slots-1-stored)
}

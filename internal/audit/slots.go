package audit

import (
	"cmp"
	"slices"
)

// slots knows when the next reading of a channel is due. Times and cycles are milliseconds, times since 1970.
type slots struct {
	next  int64 // 0 = not known
	loose bool  // there was no reading yet: next is the first moment from which one is due, not a slot
}

// edge is how long before a midnight, or the end of a range, a slot is left to the day behind it, so that a reading that comes a moment
// later than the day before fills it.
const edge = 5000

// counting is the time in which slots are counted, and what has been counted.
type counting struct {
	from, end    int64 // half-open; an unfilled slot outside of it is not missing, but for those that the range before has left
	due, missing uint32
}

func (c *counting) miss(at int64) {
	if at >= c.from-edge && at < c.end {
		c.due++
		c.missing++
	}
}

// read counts the slots up to a reading, and the one that it fills.
func (s *slots) read(at int64, inForce func(at int64) state, n *counting) {
	if s.next != 0 && !s.pass(at, inForce, n) {
		return
	}
	if at >= n.from {
		n.due++
	}
	s.next, s.loose = 0, false
	if c := inForce(at).cycle; c > 0 {
		s.next = at + c
	}
}

// pass counts the slots that stayed empty before a reading, and reports whether that fills one.
func (s *slots) pass(at int64, inForce func(at int64) state, n *counting) (fills bool) {
	for {
		now := inForce(s.next)
		c := now.cycle
		switch {
		case now.off && now.until > at: // it was on after all
			return s.loose || 2*(s.next-at) <= c
		case now.off:
			s.next, s.loose = now.until, true
			continue
		case c <= 0:
			return true
		case s.loose && at-s.next < c:
			return true
		case !s.loose && 2*(at-s.next) <= c:
			return 2*(s.next-at) <= c
		}
		n.miss(s.next)
		s.next += c
	}
}

// close counts the slots that stayed empty until the end of a day, or of the range.
func (s *slots) close(end int64, inForce func(at int64) state, n *counting) {
	if s.next == 0 {
		return
	}
	if !s.loose {
		end -= edge
	}
	for s.next < end {
		now := inForce(s.next)
		switch {
		case now.off:
			s.next, s.loose = now.until, true
		case now.cycle <= 0:
			return
		default:
			n.miss(s.next)
			s.next += now.cycle
		}
	}
}

// mostFrequent returns the distance between neighbours that is most frequent, in whole seconds, as milliseconds, and how often it is
// there; of several the shortest. The times are sorted.
func mostFrequent(times []int64) (distance int64, n int) {
	distances := make([]int64, 0, len(times))
	for i := 1; i < len(times); i++ {
		if d := (times[i] - times[i-1] + 500) / 1000; d > 0 {
			distances = append(distances, d)
		}
	}
	slices.Sort(distances)
	for len(distances) > 0 {
		same := 1
		for same < len(distances) && cmp.Compare(distances[same], distances[0]) == 0 {
			same++
		}
		if same > n {
			distance, n = distances[0]*1000, same
		}
		distances = distances[same:]
	}
	return distance, n
}

package status

import (
	"slices"
	"time"
)

// A channel is silent when nothing of it has come for three of its measuring cycles, what its readings have taken to the
// vendor's cloud, and a quarter of an hour at least. One with a single reading may measure every hour.
const (
	silentCycles = 3
	leastSilence = 15 * time.Minute
	unknownCycle = time.Hour
)

// silentIn reports whether the channel is silent, by what has been read of its feed since and by no clock: a feed that stands
// still, or is catching up, makes nobody silent.
func (s *sensor) silentIn(readings Feed) bool {
	newest := time.Unix(0, s.points[len(s.points)-1].at)
	read := readings.readSince(newest)
	return read > leastSilence && read > s.patience()
}

// readSince is how much of the time after a moment has been read.
func (f Feed) readSince(at time.Time) time.Duration {
	if f.CoveredUntil == nil || !f.CoveredUntil.After(at) {
		return 0
	}
	read := f.CoveredUntil.Sub(at)
	for _, gap := range f.Gaps {
		if gap.From.Before(at) {
			gap.From = at
		}
		read -= max(0, gap.Until.Sub(gap.From))
	}
	return read
}

// patience is how long nothing may come of the channel before it is silent.
func (s *sensor) patience() time.Duration {
	var distances [mostPoints]int64
	slow, n := int64(0), 0
	for i, p := range s.points {
		slow = max(slow, p.slow)
		if i > 0 {
			distances[n] = p.at - s.points[i-1].at
			n++
		}
	}
	cycle := int64(unknownCycle)
	if n > 0 {
		slices.Sort(distances[:n])
		cycle = distances[n/2]
	}
	return max(leastSilence, time.Duration(silentCycles*cycle+slow))
}

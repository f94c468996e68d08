package replay

import (
	"math"
	"time"
)

// pacer lets time pass between events as it did when they were measured, times faster. It begins with the first event.
type pacer struct {
	speed float64   // 0: no waiting
	began time.Time // when the first event was due
	first time.Time // and when it was measured
}

// left returns how long an event is still to be waited for.
func (p *pacer) left(at time.Time) time.Duration {
	if p.speed == 0 {
		return 0
	}
	if p.began.IsZero() {
		p.began, p.first = time.Now(), at
	}
	after := min(float64(at.Sub(p.first))/p.speed, math.MaxInt64/2)
	return time.Duration(after) - time.Since(p.began)
}

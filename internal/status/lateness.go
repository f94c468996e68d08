package status

import (
	"slices"
	"time"
)

// measured is of how many events, the newest, the lateness is shown.
const measured = 1000

// delays are how long the newest events were under way.
type delays struct {
	arrival, storing []float64 // seconds, rings
	next             int
}

// add adds an event. One that was measured after it was received comes from a clock that is ahead; it counts as it is.
func (d *delays) add(happened, received, stored time.Time) {
	arrival, storing := received.Sub(happened).Seconds(), stored.Sub(received).Seconds()
	if len(d.arrival) < measured {
		d.arrival, d.storing = append(d.arrival, arrival), append(d.storing, storing)
		return
	}
	d.arrival[d.next], d.storing[d.next] = arrival, storing
	d.next = (d.next + 1) % measured
}

// lateness is nil while nothing has been measured.
func (d *delays) lateness() *Lateness {
	if len(d.arrival) == 0 {
		return nil
	}
	return &Lateness{Events: len(d.arrival), Arrival: quantiles(d.arrival), Storing: quantiles(d.storing)}
}

// quantiles are by the nearest rank. There is at least one value.
func quantiles(values []float64) Quantiles {
	sorted := slices.Sorted(slices.Values(values))
	rank := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1)+0.5)] }
	return Quantiles{Median: rank(0.5), P95: rank(0.95), Max: sorted[len(sorted)-1]}
}

package status

import (
	"cmp"
	"slices"
)

// severities, the worst first. Any other comes last.
var severities = []string{"alarm", "warning"}

// rank is the place of an alarm's severity.
func (a Alarm) rank() int {
	if i := slices.Index(severities, a.Severity); i >= 0 {
		return i
	}
	return len(severities)
}

// Together puts the alarms of one channel and condition together, of each severity one: a warning and an alarm are two alarms
// of the vendor's, and one thing to look at. The severe ones come first, also within a group, and the newest of each severity
// as list has them. No group is empty.
func Together(list []Alarm) [][]Alarm {
	type channel struct{ tenant, site, serial, quantity, condition string }
	type band struct {
		channel
		severity string
	}
	groups := [][]Alarm{}
	of := map[channel][]int{} // its groups
	seen := map[band]int{}    // so many of a severity
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(x, y Alarm) int { return cmp.Compare(x.rank(), y.rank()) })
	for _, a := range sorted {
		c := channel{a.Tenant, a.Site, a.Serial, a.Quantity, a.Condition}
		n := seen[band{c, a.Severity}]
		seen[band{c, a.Severity}]++
		if n == len(of[c]) {
			of[c] = append(of[c], len(groups))
			groups = append(groups, nil)
		}
		at := of[c][n]
		groups[at] = append(groups[at], a)
	}
	return groups
}

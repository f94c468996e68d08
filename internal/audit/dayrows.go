package audit

import (
	"cmp"
	"fmt"
)

// close makes the rows of a day out of its samples and adds them to the table, unless the day lies before the range.
func (a *auditor) close(d *day) error {
	midnight, until := d.span.From.UnixMilli(), min(d.span.Until.UnixMilli(), a.config.Span.Until.UnixMilli())
	sorted, begin := d.byChannel(len(a.channels))
	rows := make([]row, len(a.channels))
	for i, c := range a.channels {
		rows[i] = a.rowOf(c, midnight, until, sorted[begin[i]:begin[i+1]])
	}
	if d.span.Until.After(a.config.Span.From) {
		for i := range rows {
			a.channels[i].add(&rows[i])
			a.report.Missing += uint64(rows[i].Missing)
		}
		return a.report.table.add(rows)
	}
	return nil
}

// rowOf sums up a channel's day. Times are milliseconds since 1970.
func (a *auditor) rowOf(c *channel, midnight, until int64, samples []sample) (r row) {
	from, end := a.config.Span.From.UnixMilli(), a.config.Span.Until.UnixMilli()
	n := counting{from: from, end: a.dueUntil}
	cycle := c.cycleOf(midnight, until, samples, &r)
	begin := max(midnight, from)
	on := c.firstOn(begin, min(until, a.dueUntil))
	if c.slots.next == 0 {
		if first := c.dueFrom(begin, until); first != never && cycle(first).cycle > 0 {
			c.slots = slots{next: first, loose: true}
		}
	}
	var all sums
	for i, s := range samples {
		at := midnight + s.millis()
		if at >= end {
			break
		}
		c.slots.read(at, cycle, &n)
		if at < from {
			c.expected = true
			continue
		}
		if r.Stored++; r.First == 0 {
			r.First = at
		}
		if r.Last = at; s.late() {
			r.Late++
		}
		if i+1 < len(samples) && samples[i+1].millis() == s.millis() {
			continue // the same moment once more
		}
		all.add(s.value, c.kelvin(s.value))
		stands := cycle(at).cycle
		if i+1 < len(samples) {
			stands = min(stands, midnight+samples[i+1].millis()-at)
		}
		c.judge(at, stands, s.value, &r)
	}
	c.slots.close(until, cycle, &n)
	r.Due, r.Missing = n.due, n.missing
	r.N, r.Least, r.Most, r.Total, r.Kinetic = all.n, all.least, all.most, all.total, all.kinetic
	if c.temperature() {
		r.Known |= isTemperature
	}
	if r.Stored > 0 {
		c.expected = true
	}
	if begin < min(until, a.dueUntil) && (on != never || c.expected && c.period(begin) < 0) {
		r.Known |= isActive
	}
	return r
}

// dueFrom returns the moment of a half-open time from which a reading is due although there was none yet.
func (c *channel) dueFrom(begin, until int64) int64 {
	if c.expected && c.period(begin) < 0 {
		return begin
	}
	return c.firstOn(begin, until)
}

// cycleOf returns what is in force at a time, and notes the cycle of a day in the day's row: where the inventory does not know it, the
// most frequent distance of readings.
func (c *channel) cycleOf(midnight, until int64, samples []sample, r *row) func(at int64) state {
	usual := int64(0) // where the inventory knows nothing
	if r.Cycle, r.Basis = c.at(until-1).cycle, fromInventory; r.Cycle == 0 || c.period(midnight) < 0 {
		usual = c.fromReadings(samples)
	}
	if r.Cycle == 0 {
		r.Cycle, r.Basis = usual, fromReadings
	}
	if r.Cycle == 0 {
		r.Basis = noBasis
	}
	usual = cmp.Or(usual, r.Cycle)
	return func(at int64) state {
		s := c.at(at)
		s.cycle = cmp.Or(s.cycle, usual)
		return s
	}
}

// fromReadings returns the distance between readings of a day that is most frequent, in milliseconds; where there are few, that of a
// day before.
func (c *channel) fromReadings(samples []sample) int64 {
	times := make([]int64, len(samples))
	for i, s := range samples {
		times[i] = s.millis()
	}
	const enough = 3 // of the same distance, to believe a day rather than the days before
	if distance, n := mostFrequent(times); n >= enough || c.cycle == 0 {
		c.cycle = distance
	}
	return c.cycle
}

// judge adds the time that a value stands for to what lies outside of the limits.
func (c *channel) judge(at, stands int64, value float64, r *row) {
	limits := c.limitsAt(at)
	if limits == nil || r.Cycle == 0 {
		return
	}
	if limits.LowerWarning != nil || limits.UpperWarning != nil {
		if r.Known |= knownWarning; outside(value, limits.LowerWarning, limits.UpperWarning) {
			r.Warning += float64(stands)
		}
	}
	if limits.LowerAlarm != nil || limits.UpperAlarm != nil {
		if r.Known |= knownAlarm; outside(value, limits.LowerAlarm, limits.UpperAlarm) {
			r.Alarm += float64(stands)
		}
	}
}

// faults returns what a page says of itself that is not well.
func (d *day) faults(name string) (list []string) {
	for _, fault := range d.list.Faults {
		list = append(list, fmt.Sprintf("readings of %s: %s", name, fault))
	}
	found := make([]bool, len(d.samples))
	for i, s := range d.samples {
		found[i] = s.channel != nobody
	}
	lost, removed := uint64(0), d.list.Removed
	for _, i := range d.list.Lost(found) {
		if d.list.Sequence(i) < d.list.Oldest {
			removed++
			continue
		}
		lost++
	}
	if lost > 0 {
		list = append(list, fmt.Sprintf("readings of %s: the index lists %d events that are not there as readings of this day; bridge backfill --repair puts back what was removed", name, lost))
	}
	if removed > 0 {
		list = append(list, fmt.Sprintf("readings of %s: retention has removed %d events", name, removed))
	}
	return list
}

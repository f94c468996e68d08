package schema

import (
	"cmp"
	"slices"
	"time"
)

// AlarmPeriod is an alarm from the event that began it to its end.
type AlarmPeriod struct {
	AlarmEvent           // that began it
	EndedAt    time.Time // UTC; zero while it is open
}

// Periods returns the alarms whose beginning is remembered, open or ended, the oldest first. What it has forgotten meanwhile was
// handed to OnForget.
func (o *OpenAlarms) Periods() []AlarmPeriod {
	list := []AlarmPeriod{}
	for _, row := range o.rows {
		if p, ok := o.period(row); ok {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(x, y AlarmPeriod) int { return cmp.Or(x.RaisedAt.Compare(y.RaisedAt), cmp.Compare(x.ID, y.ID)) })
	return list
}

// period returns the alarm that a row began; ok is false where it began none.
func (o *OpenAlarms) period(row *pairedRow) (p AlarmPeriod, ok bool) {
	i := slices.IndexFunc(row.changes, func(c pairedEvent) bool { return c.transition == transitionBegin })
	if i < 0 {
		return p, false
	}
	begin, last := row.changes[i], row.changes[len(row.changes)-1]
	series := o.series[begin.series]
	if series == nil {
		return p, false
	}
	p.AlarmEvent = begin.event(series)
	var ended int64
	switch {
	case row.open:
	case row.endedBy > 0:
		ended = row.named.changed
	case row.pair != nil:
		ended = row.pair.now.order.changed
	case last.transition == transitionEnd:
		ended = last.order.changed
	}
	if ended != 0 {
		p.EndedAt = time.UnixMicro(ended).UTC()
	}
	return p, true
}

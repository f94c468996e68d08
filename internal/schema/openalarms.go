package schema

import (
	"cmp"
	"slices"
	"unique"
)

// OpenAlarms pairs the events of alarms and knows which of them are open. What it lists depends on which events it has
// taken, and on nothing else: neither their order nor how often each came matters, so that late rows, backfills and
// corrections need no care. One goroutine at a time may use it.
//
// An end that names the row of its beginning ends that one, whatever the clocks of the two say, and no other. Otherwise the
// newest event of a row that is updated in place says whether it is open. What is left is paired within its series, which is
// tenant, site, serial number, condition, severity, quantity and extension: an end closes the newest alarm that began before
// it and is open. An end without a beginning closes nothing. No alarm is too old to be open.
//
// It remembers so many rows at most, and forgets the oldest of those that are closed. What comes later and had begun before
// something that was forgotten of its series counts as closed.
type OpenAlarms struct {
	// OnForget is called with each alarm that is forgotten, open or ended; nil = nobody needs to know.
	OnForget func(AlarmPeriod)

	rows   map[digest]*pairedRow
	series map[digest]*pairedSeries

	mostRows, mostSeries int
}

// Bounds of what OpenAlarms remembers. A chain of 1,500 sites has 100,000 series. 60,000 rows that are mostly open take
// 30 MB.
const (
	maxAlarmRows     = 60_000
	maxAlarmSeries   = 150_000
	maxRowsOfASeries = 64
	maxChangesOfARow = 8
	forgottenAtOnce  = 4 // a quarter goes
)

// NewOpenAlarms returns one that has taken no event.
func NewOpenAlarms() *OpenAlarms {
	return &OpenAlarms{rows: map[digest]*pairedRow{}, series: map[digest]*pairedSeries{}, mostRows: maxAlarmRows, mostSeries: maxAlarmSeries}
}

// Take takes an event over.
func (o *OpenAlarms) Take(e AlarmEvent) {
	c := e.change()
	series := o.seriesAt(&e)
	row := o.rows[e.row]
	if row == nil && c.transition == transitionBegin && series.forgotten.compare(c.order) >= 0 {
		return
	}
	if row == nil {
		row = o.rowAt(e.row)
	}
	old, took := row.put(c)
	if !took {
		return
	}
	o.place(row)
	if old.ended != c.ended {
		o.name(old.ended, -1, old.order)
		o.name(c.ended, 1, c.order)
	}
	if len(o.rows) > o.mostRows || len(o.series) > o.mostSeries {
		o.forget()
	}
}

// List returns the events that began the alarms which are open, the newest first.
func (o *OpenAlarms) List() []AlarmEvent {
	list := []AlarmEvent{}
	for _, row := range o.rows {
		if row.open {
			list = append(list, row.now.event(row.place))
		}
	}
	slices.SortFunc(list, func(x, y AlarmEvent) int { return cmp.Or(y.RaisedAt.Compare(x.RaisedAt), cmp.Compare(x.ID, y.ID)) })
	return list
}

// seriesAt returns the event's series, a new one where it is unknown.
func (o *OpenAlarms) seriesAt(e *AlarmEvent) *pairedSeries {
	s := o.series[e.series]
	if s == nil {
		s = &pairedSeries{
			tenant: unique.Make(e.Tenant), site: unique.Make(e.Site), severity: unique.Make(e.Severity), condition: unique.Make(e.Condition),
			quantity: unique.Make(e.Quantity), serial: e.Serial,
		}
		o.series[e.series] = s
	}
	return s
}

func (o *OpenAlarms) rowAt(key digest) *pairedRow {
	row := o.rows[key]
	if row == nil {
		row = &pairedRow{key: key}
		o.rows[key] = row
	}
	return row
}

// name counts who names a row as ended, which may be one that has not come yet.
func (o *OpenAlarms) name(key digest, n int, at alarmOrder) {
	if key == (digest{}) {
		return
	}
	row := o.rowAt(key)
	row.endedBy += n
	if at.compare(row.named) > 0 {
		row.named = at
	}
	o.place(row)
}

// place puts the row where it belongs after it has changed.
func (o *OpenAlarms) place(row *pairedRow) {
	from := row.place
	if from != nil {
		from.remove(row)
	}
	row.place, row.open, row.pair = nil, false, nil
	if now, ok := row.standing(); ok && o.series[now.series] != nil { // a series of which nothing was left may be forgotten
		to := o.series[now.series]
		row.now, row.place = now, to
		to.insert(row)
		to.settle()
		o.trim(to)
	}
	if from != nil && from != row.place {
		from.settle()
	}
}

package schema

import (
	"bytes"
	"cmp"
	"slices"
	"time"
	"unique"
)

// pairedRow is one of the vendor's rows, whatever content it has had.
type pairedRow struct {
	key     digest
	changes []pairedEvent // one for each first content, in their order
	endedBy int           // changes of other rows that name this one as ended
	named   alarmOrder    // the newest of these
	place   *pairedSeries // in which it is paired; nil where that is not needed
	now     *pairedEvent  // of the changes: with which it is paired
	pair    *pairedRow    // with whom, nil for nobody
	open    bool
}

// pairedEvent is an event, as compact as can be: the texts of its alarm are those of the series.
type pairedEvent struct {
	first, ended, series digest
	transition           transition
	again                bool
	seq                  uint64
	raised               time.Time
	order                alarmOrder
	id, value            string
	kind, reason, unit   unique.Handle[string]
	name, siteName       unique.Handle[string]
}

// alarmOrder puts events in the order in which they happened. The time of the change comes second: it is that of another
// clock, which has been seen minutes apart, and is alone in telling the changes of a row that is updated in place.
type alarmOrder struct{ raised, changed, received int64 } // microseconds since 1970, 0 for none

func (x alarmOrder) compare(y alarmOrder) int {
	return cmp.Or(cmp.Compare(x.raised, y.raised), cmp.Compare(x.changed, y.changed), cmp.Compare(x.received, y.received))
}

// compare leaves no two changes equal. Within a second an alarm begins before it ends.
func (x *pairedEvent) compare(y *pairedEvent) int {
	return cmp.Or(x.order.compare(y.order), cmp.Compare(x.transition, y.transition), bytes.Compare(x.first[:], y.first[:]))
}

// pairedSeries is what may be paired with each other.
type pairedSeries struct {
	tenant, site, severity, condition, quantity unique.Handle[string]

	serial    string
	rows      []*pairedRow // in their order
	forgotten alarmOrder   // the newest of what was
}

func (e *AlarmEvent) change() pairedEvent {
	order := alarmOrder{raised: e.RaisedAt.UnixMicro(), changed: e.ChangedAt.UnixMicro()}
	if !e.Received.IsZero() {
		order.received = e.Received.UnixMicro()
		order.raised = min(order.raised, e.Received.Add(ClockAhead).UnixMicro())
	}
	return pairedEvent{
		first: e.first, ended: e.ended, series: e.series, transition: e.transition, again: e.again, seq: e.Seq, raised: e.RaisedAt, order: order,
		id: e.ID, value: e.Value, kind: unique.Make(e.Kind), reason: unique.Make(e.Reason), unit: unique.Make(e.Unit),
		name: unique.Make(e.Name), siteName: unique.Make(e.SiteName),
	}
}

func (c *pairedEvent) event(s *pairedSeries) AlarmEvent {
	e := AlarmEvent{
		ID: c.id, Seq: c.seq, Tenant: s.tenant.Value(), Site: s.site.Value(), Serial: s.serial, Severity: s.severity.Value(),
		Kind: c.kind.Value(), Condition: s.condition.Value(), Quantity: s.quantity.Value(), Reason: c.reason.Value(), Value: c.value, Unit: c.unit.Value(),
		Name: c.name.Value(), SiteName: c.siteName.Value(),
		RaisedAt: c.raised, ChangedAt: time.UnixMicro(c.order.changed).UTC(),
		first: c.first, ended: c.ended, series: c.series, transition: c.transition, again: c.again,
	}
	if c.order.received != 0 {
		e.Received = time.UnixMicro(c.order.received).UTC()
	}
	return e
}

// put puts a change in its place. A correction replaces what it corrects, and of several the last that was stored counts.
func (r *pairedRow) put(c pairedEvent) (old pairedEvent, took bool) {
	i := slices.IndexFunc(r.changes, func(known pairedEvent) bool { return known.first == c.first })
	if i >= 0 {
		old = r.changes[i]
		if old.again && !c.again || old.again == c.again && c.seq <= old.seq {
			return old, false
		}
		r.changes[i] = c
	} else {
		r.changes = append(r.changes, c)
	}
	slices.SortFunc(r.changes, func(x, y pairedEvent) int { return x.compare(&y) })
	if len(r.changes) > maxChangesOfARow {
		r.changes = slices.Delete(r.changes, 0, 1)
	}
	return old, true
}

// standing is the change with which the row is paired; ok is false where its end is known without, or it is the end of what
// is known.
func (r *pairedRow) standing() (now *pairedEvent, ok bool) {
	begun := false
	for i := range r.changes {
		c := &r.changes[i]
		if c.transition != transitionNone {
			now = c
		}
		begun = begun || c.transition == transitionBegin
	}
	switch {
	case now == nil:
	case now.transition == transitionBegin:
		ok = r.endedBy <= 0
	case now.transition == transitionEnd:
		ok = !begun && now.ended == digest{}
	}
	return now, ok
}

func (s *pairedSeries) insert(row *pairedRow) {
	i, _ := slices.BinarySearchFunc(s.rows, row, func(x, y *pairedRow) int { return x.now.compare(y.now) })
	s.rows = slices.Insert(s.rows, i, row)
}

func (s *pairedSeries) remove(row *pairedRow) {
	if i := slices.Index(s.rows, row); i >= 0 {
		s.rows = slices.Delete(s.rows, i, i+1)
	}
}

// settle pairs: an end closes the newest before it that is open.
func (s *pairedSeries) settle() {
	var open []*pairedRow
	for _, row := range s.rows {
		row.open, row.pair = row.now.transition == transitionBegin, nil
		switch {
		case row.open:
			open = append(open, row)
		case len(open) > 0:
			row.pair = open[len(open)-1]
			row.pair.pair, row.pair.open = row, false
			open = open[:len(open)-1]
		}
	}
}

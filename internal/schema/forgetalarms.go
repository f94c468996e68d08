package schema

import (
	"cmp"
	"slices"
)

// trim forgets the oldest of a series that has too many rows: what is closed, if there is any. A pair goes together, so that
// the end does not close somebody else.
func (o *OpenAlarms) trim(s *pairedSeries) {
	for len(s.rows) > maxRowsOfASeries {
		o.drop(s.rows[max(0, slices.IndexFunc(s.rows, func(r *pairedRow) bool { return !r.open }))])
	}
}

// forget makes room where there is too much: the oldest rows of those that are closed go, then those that are open, then
// series of which nothing is left.
func (o *OpenAlarms) forget() {
	type candidate struct {
		row  *pairedRow
		open int
		last alarmOrder
	}
	rows := make([]candidate, 0, len(o.rows))
	for _, row := range o.rows {
		rows = append(rows, candidate{row, row.rank(), row.last()})
	}
	slices.SortFunc(rows, func(x, y candidate) int { return cmp.Or(cmp.Compare(x.open, y.open), x.last.compare(y.last)) })
	for _, next := range rows {
		if len(o.rows) <= o.mostRows-o.mostRows/forgottenAtOnce {
			break
		}
		o.drop(next.row)
	}
	if len(o.series) > o.mostSeries {
		o.forgetSeries()
	}
}

func (o *OpenAlarms) forgetSeries() {
	var empty []digest
	for key, s := range o.series {
		if len(s.rows) == 0 {
			empty = append(empty, key)
		}
	}
	slices.SortFunc(empty, func(x, y digest) int { return o.series[x].forgotten.compare(o.series[y].forgotten) })
	for _, key := range empty[:min(len(empty), o.mostSeries/forgottenAtOnce)] {
		delete(o.series, key)
	}
}

// rank is lower for what goes first.
func (r *pairedRow) rank() int {
	if r.open {
		return 1
	}
	return 0
}

// last is when the newest of the row happened.
func (r *pairedRow) last() alarmOrder {
	last := r.named
	for _, c := range r.changes {
		if c.order.compare(last) > 0 {
			last = c.order
		}
	}
	return last
}

// drop forgets a row, and the one that it is paired with.
func (o *OpenAlarms) drop(row *pairedRow) {
	pair := row.pair
	if o.OnForget != nil {
		if p, ok := o.period(row); ok {
			o.OnForget(p)
		}
	}
	for _, c := range row.changes {
		if s := o.series[c.series]; s != nil && c.transition != transitionNone && c.order.compare(s.forgotten) > 0 {
			s.forgotten = c.order
		}
	}
	if row.place != nil {
		row.place.remove(row)
	}
	delete(o.rows, row.key)
	if pair != nil && o.rows[pair.key] == pair {
		o.drop(pair)
	}
}

package schema

import (
	"slices"
	"strings"
	"time"
)

// Outage is a time in which a logger could not deliver what it had measured, and which has ended. Times are UTC.
type Outage struct {
	Raised time.Time // of its connection-timeout alarm; zero where that is not known
	Begun  time.Time // its last communication before, where the fleet has shown that; zero where the alarm tells of the outage
	Ended  time.Time // when the alarm's end came in at the vendor's cloud, or the logger was heard again
}

// LongestOutage is how far back a logger delivers when it is back: its memory holds 100 days of readings every quarter of an
// hour (inferred).
const LongestOutage = 100 * 24 * time.Hour

// Outages finds the outages in the events of alarms, whatever their order and however often each comes. One goroutine at a
// time may use it.
type Outages struct {
	turns map[digest]outageTurn // by the id of the first content
}

// outageTurn is the beginning or the end of a connection-timeout alarm.
type outageTurn struct {
	row, ended, series digest
	transition         transition
	raised, came       time.Time
}

// NewOutages returns one that has taken no event.
func NewOutages() *Outages { return &Outages{turns: map[digest]outageTurn{}} }

// clocksApart is how far the vendor's clock may be ahead of the bridge's.
const clocksApart = 24 * time.Hour

// Take takes an event over if it is of a connection-timeout alarm, with when it was made by the bridge's clock: what was there to be
// read cannot have come in much later by the vendor's, whatever the row says. A zero time says that this is not known. An end
// that is taken to be too late has rows read again later, one that is taken to be too early has none.
func (o *Outages) Take(e AlarmEvent, made time.Time) {
	if e.transition == transitionNone || !connectionTimeout(e.Condition) {
		return
	}
	came := e.Received
	if came.IsZero() {
		came = e.ChangedAt
	}
	if latest := made.Add(clocksApart); !made.IsZero() && came.After(latest) {
		came = latest
	}
	o.turns[e.first] = outageTurn{row: e.row, ended: e.ended, series: e.series, transition: e.transition, raised: e.RaisedAt, came: came}
}

// connectionTimeout knows the condition by its first words: the vendor's whole sentence has a mistake in it that he may mend.
func connectionTimeout(condition string) bool {
	return strings.HasPrefix(string(appendFolded(nil, condition)), "connection timeout")
}

// Ended returns the outages whose end came in after a moment, the oldest first, and forgets what is too old to be part of
// any. Which beginning an end belongs to is decided generously: too long an outage costs a little reading, too short a one
// loses rows.
func (o *Outages) Ended(after time.Time) []Outage {
	rows, series := map[digest]time.Time{}, map[digest][]time.Time{}
	for _, t := range o.turns {
		if t.transition == transitionBegin {
			rows[t.row] = t.raised
			series[t.series] = append(series[t.series], t.raised)
		}
	}
	for _, raised := range series {
		slices.SortFunc(raised, time.Time.Compare)
	}
	var outages []Outage
	for id, t := range o.turns {
		switch {
		case t.transition == transitionEnd && t.came.After(after):
			outages = append(outages, Outage{Raised: t.beginning(rows, series[t.series]), Ended: t.came})
		case t.transition == transitionEnd, t.came.Before(after.Add(-LongestOutage)):
			delete(o.turns, id)
		}
	}
	slices.SortFunc(outages, func(a, b Outage) int { return a.Ended.Compare(b.Ended) })
	return outages
}

// beginning returns when the alarm was raised that an end belongs to: the row that it names, else the newest before it of the
// same kind. A row that is updated in place has its own beginning.
func (t *outageTurn) beginning(rows map[digest]time.Time, series []time.Time) time.Time {
	if raised, ok := rows[t.ended]; ok {
		return raised
	}
	if raised, ok := rows[t.row]; ok {
		return raised
	}
	if i, _ := slices.BinarySearchFunc(series, t.raised, time.Time.Compare); i > 0 {
		return series[i-1]
	}
	return time.Time{}
}

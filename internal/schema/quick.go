package schema

import (
	"unicode/utf8"

	"saveris-bridge/internal/saveris"
)

// quick makes an event of an ordinary reading of a known channel, as nearly all are: what the vendor wrote in the columns
// of its series he has written before, so those texts need not be judged again, and the others are in the form that events
// have them in. It leaves every other row to read and writeReading, which would make the same event of this one.
func (m *Maker) quick(fields []saveris.Field) (e Event, ok bool) {
	var cell [colReceived + 1][]byte // up to the last column of a reading
	if !m.sort(fields, &cell) {
		return e, false
	}
	if e.series = m.find(cell[:], readingSeries[:]); e.series == nil && m.respell(&cell) {
		e.series = m.find(cell[:], readingSeries[:])
	}
	value, local := cell[colValue], cell[colLocal]
	if e.series == nil || value != nil && !isNumber(value) || !jsonSafe(local) || !utf8.Valid(local) {
		return e, false
	}
	stamp, at, ok := m.timeOf(colTime, cell[colTime])
	if !ok {
		return e, false
	}
	received, _, ok := m.timeOf(colReceived, cell[colReceived])
	if !ok && cell[colReceived] != nil {
		return e, false
	}
	e.Time = at
	id := cell[colUUID]
	switch {
	case id == nil:
		id = m.hashID(stamp, cell[colSensor], cell[colChannel], cell[colProperty], cell[colExtension])
	case isNil(id):
		return e, false
	case !spelledUUID(id):
		if id = m.uuidOf(id); !spelledUUID(id) {
			return e, false
		}
	}
	e.said = m.say(e.series, cell[:], at)
	e.Check = m.readingCheck(e.series, value, stamp)
	ok = m.texts.keep(&e, id, stamp, value, local, received, m.other.members)
	return e, ok && e.fits()
}

// respell brings those columns of a series that have several spellings into the form of events: a vendor who writes uuids in
// capitals does so in every row. It gives up on what has no such form.
func (m *Maker) respell(cell *[colReceived + 1][]byte) bool {
	for _, c := range [...]column{colTenant, colSite, colSensor, colChannel} {
		if cell[c] == nil {
			continue
		}
		value, _, ok := m.cellOf(c, saveris.Field{Kind: saveris.String, Text: cell[c]})
		if !ok || len(value) == 0 {
			return false
		}
		cell[c] = value
	}
	return true
}

// sort puts the columns of a row into cells as they are, those that the bridge does not know into other. It gives up on
// a row that has a column twice, or a bool, a list or a blob in one that the bridge knows.
func (m *Maker) sort(fields []saveris.Field, cell *[colReceived + 1][]byte) bool {
	m.other.reset()
	m.columnNames.begin()
	m.arena = m.arena[:0]
	for i := range fields {
		f := &fields[i]
		switch c := m.column(f.Name); {
		case c == colNone:
			m.other.add(*f)
		case f.Kind == saveris.Null || len(f.Text) == 0:
		case cell[c] != nil || f.Kind != saveris.String && f.Kind != saveris.Number:
			return false
		default:
			cell[c] = f.Text
		}
	}
	return true
}

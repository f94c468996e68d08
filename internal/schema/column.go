package schema

import (
	"bytes"
	"time"
	"unicode/utf8"

	"saveris-bridge/internal/saveris"
)

// column is a place in an event that one of the vendor's columns fills, under whatever name he sends it.
type column uint8

const (
	colNone column = iota // no column that the bridge knows
	colUUID
	colTenant
	colSite
	colSensor // sensor_uuid of a reading, alarm_source_uuid of an alarm
	colSerial
	colModel
	colChannel
	colProperty
	colExtension
	colValue
	colUnit
	colTime // of the event: timestamp of a reading, alarm_time of an alarm
	colLocal
	colReceived
	colReason
	colStatus
	colChanged
	colCondition
	colSeverity
	colKind
	colCause // source_alarm_event_uuid
	columns
)

// maxNames bounds what is remembered of columns' names; the vendor's widest table has 40.
const maxNames = 64

// columnNames remembers where columns belong. It guesses: rows name their columns in one order, some left out.
type columnNames struct {
	known []columnName
	next  int // the likely next one
}

type columnName struct {
	text   string
	column column
}

// begin starts a row.
func (n *columnNames) begin() { n.next = 0 }

// find returns the column of a name; ok is false where the name is new.
func (n *columnNames) find(text string) (c column, ok bool) {
	for i := n.next; i < len(n.known); i++ {
		if n.known[i].text == text {
			n.next = i + 1
			return n.known[i].column, true
		}
	}
	for i := range min(n.next, len(n.known)) {
		if n.known[i].text == text {
			n.next = i + 1
			return n.known[i].column, true
		}
	}
	return colNone, false
}

// column is where the feed has the vendor's column.
func (m *Maker) column(text string) column {
	c, ok := m.columnNames.find(text)
	if ok {
		return c
	}
	table := readingColumns
	if m.feed == Alarms {
		table = alarmColumns
	}
	m.tmp = appendSquashed(m.tmp[:0], text)
	c = table[string(m.tmp)]
	if len(m.columnNames.known) < maxNames && len(text) < 128 {
		m.columnNames.known = append(m.columnNames.known, columnName{text, c})
	}
	return c
}

// take fills the column's cell. It says no if the field has no place there and belongs into "other": it cannot be read,
// or the cell holds another value already, or the cell does not say all of it.
func (m *Maker) take(c column, f saveris.Field) bool {
	if f.Kind == saveris.Null || len(f.Text) == 0 {
		return true
	}
	value, at, ok := m.cellOf(c, f)
	if !ok {
		m.keepChanged(c, f.Text)
		return false
	}
	if len(value) == 0 { // blanks around a uuid that is not there
		return true
	}
	if m.cell[c] != nil {
		return bytes.Equal(m.cell[c], value)
	}
	m.cell[c] = value
	if c == colTime || c == colReceived {
		m.at[c] = at
	}
	return c != colSeverity || knownSeverity(value)
}

// keepChanged remembers the time of an alarm's change that is no time: it is part of the alarm's id all the same.
func (m *Maker) keepChanged(c column, text []byte) {
	if c == colChanged && m.changed == nil {
		m.changed = validUTF8(text)
	}
}

// cellOf brings a value into the form that events have it in.
func (m *Maker) cellOf(c column, f saveris.Field) (value []byte, at time.Time, ok bool) {
	if f.Kind != saveris.String && f.Kind != saveris.Number {
		return nil, at, false
	}
	switch c {
	case colValue:
		value = trimBlanks(f.Text)
		return value, at, isNumber(value)
	case colChannel:
		value, ok = m.integerOf(trimBlanks(f.Text))
		return value, at, ok
	case colUUID, colTenant, colSensor, colCause:
		if spelledUUID(f.Text) {
			return f.Text, at, !isNil(f.Text)
		}
		value = m.uuidOf(validUTF8(f.Text))
		return value, at, !notFinite(value) && !isNothing(value)
	case colSite: // opaque text, mostly a uuid
		if spelledUUID(f.Text) {
			return f.Text, at, true
		}
		value = validUTF8(f.Text)
		if uuid := m.uuidOf(value); isUUID(uuid) {
			value = uuid
		}
		return value, at, true
	case colTime, colChanged, colReceived:
		return m.timeOf(c, f.Text)
	default:
		return validUTF8(f.Text), at, true
	}
}

// timeOf brings a time into the form that events have it in.
func (m *Maker) timeOf(c column, text []byte) (stamp []byte, at time.Time, ok bool) {
	if at, ok = m.clocks[c].read(text); ok {
		return text, at, true
	}
	n := len(m.arena)
	m.arena, at, ok = m.zones.appendTime(m.arena, trimBlanks(text))
	return m.arena[n:len(m.arena):len(m.arena)], at, ok
}

// integerOf brings a whole number into the form of an integer.
func (m *Maker) integerOf(text []byte) (value []byte, ok bool) {
	if isInteger(text) && string(text) != "-0" {
		return text, true
	}
	n := len(m.arena)
	m.arena, ok = appendInteger(m.arena, text)
	return m.arena[n:len(m.arena):len(m.arena)], ok
}

// validUTF8 is the text with every byte that is no UTF-8 as U+FFFD.
func validUTF8(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return []byte(string([]rune(string(text))))
}

// trimBlanks cuts what JSON takes for blanks.
func trimBlanks(text []byte) []byte {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// blank says that the text is no use as an attribute.
func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

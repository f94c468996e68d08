package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"saveris-bridge/internal/saveris"
)

// separator stands between texts that are hashed together: U+001F.
const separator = '\x1f'

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendJoined appends the texts with the separator between them; nil is empty.
func appendJoined(b []byte, texts ...[]byte) []byte {
	for i, text := range texts {
		if i > 0 {
			b = append(b, separator)
		}
		b = append(b, text...)
	}
	return b
}

// appendHash appends the first half of the SHA-256 over the content, as 32 hex digits.
func appendHash(b, content []byte) []byte {
	sum := sha256.Sum256(content)
	return hex.AppendEncode(b, sum[:16])
}

// readingID is the row's uuid, or a hash over what makes a reading the one it is.
func (m *Maker) readingID() []byte {
	c := &m.cell
	if !blank(c[colUUID]) {
		return c[colUUID]
	}
	return m.hashID(c[colTime], c[colSensor], c[colChannel], c[colProperty], c[colExtension])
}

// hashID makes an id of texts and a time, which comes last.
func (m *Maker) hashID(stamp []byte, texts ...[]byte) []byte {
	m.tmp = append(appendJoined(m.tmp[:0], texts...), separator)
	m.tmp = appendMoment(m.tmp, stamp)
	m.id = appendHash(m.id[:0], m.tmp)
	return m.id
}

// alarmID names a change of an alarm's state: the vendor may update a row in place. It is the row's uuid, or a hash in
// its place, then the status in lower case, then the time of the change.
func (m *Maker) alarmID() []byte {
	c := &m.cell
	var id []byte
	if blank(c[colUUID]) {
		id = m.hashID(c[colTime], c[colSensor], c[colSerial], c[colCondition], []byte(severityOf(c[colSeverity])))
	} else {
		id = append(m.id[:0], c[colUUID]...)
	}
	id = append(id, '.')
	id = appendLower(id, bytes.TrimSpace(c[colStatus]))
	id = append(id, '.')
	m.id = m.appendChanged(id)
	return m.id
}

func appendLower(b, text []byte) []byte {
	for i, c := range text {
		if c >= 0x80 {
			return append(b, bytes.ToLower(text[i:])...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// appendChanged appends the time of an alarm's change as yyyymmddThhmmssZ; as the vendor wrote it if it is no time.
func (m *Maker) appendChanged(b []byte) []byte {
	if m.cell[colChanged] == nil {
		return append(b, m.changed...)
	}
	at := m.cell[colChanged]
	b = append(append(append(b, at[:4]...), at[5:7]...), at[8:11]...)
	b = append(append(append(b, at[11:13]...), at[14:16]...), at[17:19]...)
	return append(b, 'Z')
}

// readingCheck is the checksum over the content of a reading (contract section 6): 4.7 and 4.70 are the same content,
// and so are …:00Z and …:00.000Z.
func (m *Maker) readingCheck(s *series, value, stamp []byte) uint32 {
	b := m.tmp[:0]
	if value != nil {
		b = appendCanonical(b, value)
	}
	b = append(b, s.checked...)
	b = appendMoment(b, stamp)
	m.tmp = b
	return crc32.Checksum(b, castagnoli)
}

// alarmCheck is the checksum over the content of an alarm (contract section 6).
func (m *Maker) alarmCheck(state string) uint32 {
	c := &m.cell
	m.tmp = m.tmp[:0]
	if c[colValue] != nil {
		m.tmp = appendCanonical(m.tmp, c[colValue])
	}
	m.tmp = m.appendCheckedUnit(m.tmp)
	for _, word := range [...]string{state, severityOf(c[colSeverity])} {
		m.tmp = append(m.tmp, word...)
		m.tmp = append(m.tmp, separator)
	}
	m.tmp = append(appendMoment(m.tmp, c[colTime]), separator)
	m.tmp = appendMoment(m.tmp, c[colChanged])
	return crc32.Checksum(m.tmp, castagnoli)
}

// appendCheckedUnit appends the unit for a checksum, between separators: °C and CELSIUS are the same content.
func (m *Maker) appendCheckedUnit(b []byte) []byte {
	b = append(b, separator)
	if code := unitCode(m.cell[colUnit]); code != "" {
		b = append(b, code...)
	} else {
		b = append(b, m.cell[colUnit]...)
	}
	return append(b, separator)
}

// objection says why the row can be no event, empty if it can.
func (m *Maker) objection(fields []saveris.Field) string {
	switch {
	case m.cell[colTime] == nil:
		return m.timeObjection(fields)
	case !blank(m.cell[colUUID]) || !blank(m.cell[colSensor]):
		return ""
	case m.feed == Readings:
		return "no uuid, and no sensor_uuid to make an id of"
	case blank(m.cell[colSerial]):
		return "no uuid, and no alarm_source_uuid or serial_no to make an id of"
	default:
		return ""
	}
}

func (m *Maker) timeObjection(fields []saveris.Field) string {
	for _, f := range fields {
		if m.column(f.Name) == colTime {
			if said := noTime(f); said != "" {
				return said
			}
		}
	}
	if m.feed == Alarms {
		return "no alarm_time"
	}
	return "no timestamp"
}

// noTime says of a column that belongs to a time that it is none; empty where it has nothing.
func noTime(f saveris.Field) string {
	if f.Kind == saveris.Null || len(f.Text) == 0 {
		return ""
	}
	return fmt.Sprintf("%s is no time: %q", f.Name, f.Text[:min(len(f.Text), 60)])
}

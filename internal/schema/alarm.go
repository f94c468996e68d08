package schema

import "bytes"

// writeAlarm makes an event of the cells. It fails where that is too long.
func (m *Maker) writeAlarm(e *Event) bool {
	state := stateOf(m.cell[colStatus])
	if e.series = m.find(m.cell[:], alarmSeries[:]); e.series == nil {
		e.series = m.learnAlarm(state)
	}
	e.kind = alarmKind(state)
	e.said = m.say(e.series, m.cell[:], e.Time)
	m.buf = m.appendAlarm(m.buf[:0], e, state)
	e.Check = m.alarmCheck(state)
	var cause []byte
	if e.kind == alarmCleared {
		cause = orNothing(m.cell[colCause])
	}
	return m.keepWhole(e, m.alarmID(), cause)
}

// learnAlarm makes the series of a sensor's alarms: <tenant>.<site>.<severity>.<state>.<serial>.
func (m *Maker) learnAlarm(state string) *series {
	c := &m.cell
	tail := append(appendToken(nil, c[colTenant]), '.')
	tail = append(appendToken(tail, c[colSite]), '.')
	tail = append(append(tail, severityOf(c[colSeverity])...), '.')
	tail = append(append(tail, state...), '.')
	tail = appendToken(tail, c[colSerial])
	partitionKey := c[colSensor] // keeps the alarms of one source together
	if blank(partitionKey) {
		partitionKey = orNothing(c[colSerial])
	}
	subject := appendPercent(nil, orMissing(c[colSerial]))
	s := m.make(tail, subject, partitionKey, appendQuantity(nil, c[colExtension], c[colProperty]))
	m.learn(s)
	return s
}

func alarmKind(state string) kind {
	switch state {
	case "raised":
		return alarmRaised
	case "cleared":
		return alarmCleared
	default:
		return alarmUnknown
	}
}

// stateOf is what an alarm row announces, by its status.
func stateOf(status []byte) string {
	switch status = bytes.TrimSpace(status); {
	case bytes.EqualFold(status, []byte("alarm")):
		return "raised"
	case bytes.EqualFold(status, []byte("ok")):
		return "cleared"
	default:
		return "unknown"
	}
}

// severityOf is the band of an alarm. Beware that Alarm is also a status.
func severityOf(severity []byte) string {
	switch severity = bytes.TrimSpace(severity); {
	case bytes.EqualFold(severity, []byte("alarm")):
		return "alarm"
	case bytes.EqualFold(severity, []byte("warning")):
		return "warning"
	default:
		return "unknown"
	}
}

// knownSeverity reports whether the mapped severity holds all that the vendor's text does.
func knownSeverity(severity []byte) bool {
	return severityOf(severity) != "unknown" || bytes.EqualFold(bytes.TrimSpace(severity), []byte("unknown"))
}

// appendAlarm appends an alarm's data.
func (m *Maker) appendAlarm(b []byte, e *Event, state string) []byte {
	c := &m.cell
	b = append(b, `{"uuid":`...)
	b = appendText(b, c[colUUID])
	b = append(b, `,"tenant":`...)
	b = appendText(b, c[colTenant])
	b = append(b, `,"site":`...)
	b = appendText(b, c[colSite])
	b = append(b, `,"state":`...)
	b = appendName(b, state)
	b = append(b, `,"severity":`...)
	b = appendName(b, severityOf(c[colSeverity]))
	b = append(b, `,"status":`...)
	b = appendText(b, c[colStatus])
	b = append(b, `,"kind":`...)
	b = appendText(b, m.alarmType())
	b = append(b, `,"condition":`...)
	b = appendText(b, c[colCondition])
	b = append(b, `,"reason":`...)
	b = appendText(b, c[colReason])
	b = append(b, `,"sensor":{"serial_no":`...)
	b = appendText(b, c[colSerial])
	b = append(b, `},"alarm_source":`...)
	b = appendText(b, c[colSensor])
	b = append(b, `,"source_alarm_event":`...)
	b = appendText(b, c[colCause])
	b = m.appendQuantities(b, e.series)
	b = append(b, `,"value":`...)
	b = appendNumber(b, c[colValue])
	b = m.appendUnits(b)
	b = append(b, `,"raised_at":`...)
	b = appendName(b, c[colTime])
	b = append(b, `,"raised_at_local":`...)
	b = appendText(b, c[colLocal])
	b = append(b, `,"status_changed_at":`...)
	b = appendName(b, c[colChanged])
	b = append(b, `,"received_at":`...)
	b = appendName(b, c[colReceived])
	return appendOther(e.said.append(b), m.other.members)
}

// alarmType is the vendor's alarm_type in the spelling with blanks: he has used both.
func (m *Maker) alarmType() []byte {
	text := m.cell[colKind]
	if bytes.IndexByte(text, '_') < 0 {
		return text
	}
	m.tmp = append(m.tmp[:0], text...)
	for i, c := range m.tmp {
		if c == '_' {
			m.tmp[i] = ' '
		}
	}
	return m.tmp
}

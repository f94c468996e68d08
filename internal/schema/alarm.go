package schema

import "bytes"

// writeAlarm writes the parts of an alarm's text.
func (m *Maker) writeAlarm(e *Event) {
	c := &m.cell
	state := stateOf(c[colStatus])
	e.kind = alarmKinds[state]
	e.series = m.join(c[colTenant], m.alarmTail(state))
	m.buf = m.appendAlarm(m.buf[:0], state)
	m.mark(e, partData)
	m.identify(e, m.alarmID())
	m.attribute(e, partSubject, orMissing(c[colSerial]))
	m.attribute(e, partTime, c[colTime])
	m.attribute(e, partKey, m.alarmKey())
	if e.kind == alarmCleared {
		m.buf = appendPercent(m.buf, orNothing(c[colCause]))
	}
	m.mark(e, partCause)
	e.Check = m.alarmCheck(state)
}

var alarmKinds = map[string]kind{"raised": alarmRaised, "cleared": alarmCleared, "unknown": alarmUnknown}

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

// knownSeverity says whether the mapped severity tells all that the vendor's text does.
func knownSeverity(severity []byte) bool {
	return severityOf(severity) != "unknown" || bytes.EqualFold(bytes.TrimSpace(severity), []byte("unknown"))
}

// alarmKey keeps the alarms of one source together.
func (m *Maker) alarmKey() []byte {
	if blank(m.cell[colSensor]) {
		return orNothing(m.cell[colSerial])
	}
	return m.cell[colSensor]
}

// alarmTail is <tenant>.<site>.<severity>.<state>.<serial>. It stays valid as long as m.arena does.
func (m *Maker) alarmTail(state string) []byte {
	n := len(m.arena)
	m.arena = append(appendToken(m.arena, m.cell[colTenant]), '.')
	m.arena = append(appendToken(m.arena, m.cell[colSite]), '.')
	m.arena = append(append(m.arena, severityOf(m.cell[colSeverity])...), '.')
	m.arena = append(append(m.arena, state...), '.')
	m.arena = appendToken(m.arena, m.cell[colSerial])
	return m.arena[n:]
}

// appendAlarm appends an alarm's data.
func (m *Maker) appendAlarm(b []byte, state string) []byte {
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
	b = appendText(b, m.alarmKind())
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
	b = m.appendMeasured(b)
	b = append(b, `,"raised_at":`...)
	b = appendName(b, c[colTime])
	b = append(b, `,"raised_at_local":`...)
	b = appendText(b, c[colLocal])
	b = append(b, `,"status_changed_at":`...)
	b = appendName(b, c[colChanged])
	b = append(b, `,"received_at":`...)
	b = appendName(b, c[colReceived])
	return m.other.appendTo(b)
}

// alarmKind is the vendor's alarm_type in the spelling with blanks: he has used both.
func (m *Maker) alarmKind() []byte {
	kind := m.cell[colKind]
	if bytes.IndexByte(kind, '_') < 0 {
		return kind
	}
	return bytes.ReplaceAll(kind, []byte{'_'}, []byte{' '})
}

package schema

// writeReading fills an event from the cells and writes its text.
func (m *Maker) writeReading(e *Event) {
	if e.series = m.find(readingSeries[:]); e.series == nil {
		e.series = m.learnReading()
	}
	e.kind = reading
	m.buf = m.appendReading(m.buf[:0], e.series)
	m.mark(e, partData)
	m.identify(e, m.readingID(), m.cell[colTime])
	m.mark(e, partCause)
	e.Check = m.readingCheck()
}

// learnReading makes the series of a channel: <tenant>.<site>.<serial>.<channel>.<quantity>.
func (m *Maker) learnReading() *series {
	c := &m.cell
	quantity := appendQuantity(nil, c[colExtension], c[colProperty])
	var tail []byte
	for _, text := range [...][]byte{c[colTenant], c[colSite], c[colSerial], c[colChannel]} {
		tail = append(appendToken(tail, text), '.')
	}
	tail = appendToken(tail, quantity)
	subject := append(appendPercent(nil, orMissing(c[colSerial])), '/')
	subject = append(subject, orMissing(c[colChannel])...)
	return m.learn(tail, subject, orNothing(c[colSensor]), quantity)
}

// appendReading appends a reading's data.
func (m *Maker) appendReading(b []byte, s *series) []byte {
	c := &m.cell
	b = append(b, `{"uuid":`...)
	b = appendText(b, c[colUUID])
	b = append(b, `,"tenant":`...)
	b = appendText(b, c[colTenant])
	b = append(b, `,"site":`...)
	b = appendText(b, c[colSite])
	b = append(b, `,"sensor":{"uuid":`...)
	b = appendText(b, c[colSensor])
	b = append(b, `,"serial_no":`...)
	b = appendText(b, c[colSerial])
	b = append(b, `,"model_code":`...)
	b = appendText(b, c[colModel])
	b = append(b, `,"channel_no":`...)
	b = appendNumber(b, c[colChannel])
	b = append(b, '}')
	b = m.appendMeasured(b, s)
	b = append(b, `,"measured_at":`...)
	b = appendName(b, c[colTime])
	b = append(b, `,"measured_at_local":`...)
	b = appendText(b, c[colLocal])
	b = append(b, `,"received_at":`...)
	b = appendName(b, c[colReceived])
	return m.other.appendTo(b)
}

// appendMeasured appends what was measured, which readings and alarms have in common.
func (m *Maker) appendMeasured(b []byte, s *series) []byte {
	c := &m.cell
	b = append(b, `,"quantity":`...)
	b = appendName(b, s.quantity)
	b = append(b, `,"property":`...)
	b = appendText(b, c[colProperty])
	b = append(b, `,"extension":`...)
	b = appendText(b, c[colExtension])
	b = append(b, `,"value":`...)
	b = appendNumber(b, c[colValue])
	b = append(b, `,"unit":`...)
	b = appendName(b, unitCode(c[colUnit]))
	b = append(b, `,"vendor_unit":`...)
	return appendText(b, c[colUnit])
}

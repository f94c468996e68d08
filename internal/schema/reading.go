package schema

// writeReading writes the parts of a reading's text.
func (m *Maker) writeReading(e *Event) {
	c := &m.cell
	e.kind = reading
	e.series = m.join(c[colTenant], m.readingTail())
	m.buf = m.appendReading(m.buf[:0])
	m.mark(e, partData)
	m.identify(e, m.readingID())
	m.buf = appendPercent(m.buf, orMissing(c[colSerial]))
	m.buf = append(m.buf, '/')
	m.attribute(e, partSubject, orMissing(c[colChannel]))
	m.attribute(e, partTime, c[colTime])
	m.attribute(e, partKey, orNothing(c[colSensor]))
	m.mark(e, partCause)
	e.Check = m.readingCheck()
}

// readingTail is <tenant>.<site>.<serial>.<channel>.<quantity>. It stays valid as long as m.arena does.
func (m *Maker) readingTail() []byte {
	n := len(m.arena)
	for _, text := range [...][]byte{m.cell[colTenant], m.cell[colSite], m.cell[colSerial], m.cell[colChannel], m.quantity} {
		m.arena = append(appendToken(m.arena, text), '.')
	}
	return m.arena[n : len(m.arena)-1]
}

// appendReading appends a reading's data.
func (m *Maker) appendReading(b []byte) []byte {
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
	b = m.appendMeasured(b)
	b = append(b, `,"measured_at":`...)
	b = appendName(b, c[colTime])
	b = append(b, `,"measured_at_local":`...)
	b = appendText(b, c[colLocal])
	b = append(b, `,"received_at":`...)
	b = appendName(b, c[colReceived])
	return m.other.appendTo(b)
}

// appendMeasured appends what was measured, which readings and alarms have in common.
func (m *Maker) appendMeasured(b []byte) []byte {
	c := &m.cell
	b = append(b, `,"quantity":`...)
	b = appendName(b, m.quantity)
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

// orMissing is the text for a place that must not be empty.
func orMissing(text []byte) []byte {
	if blank(text) {
		return []byte{'_'}
	}
	return text
}

// orNothing is the text for an attribute that is left out where there is nothing to say.
func orNothing(text []byte) []byte {
	if blank(text) {
		return nil
	}
	return text
}

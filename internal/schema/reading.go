package schema

// writeReading makes an event of the cells. It fails where that is too long.
func (m *Maker) writeReading(e *Event) bool {
	c := &m.cell
	if e.series = m.find(c[:], readingSeries[:]); e.series == nil {
		e.series = m.learnReading()
	}
	e.kind = reading
	id := m.readingID()
	e.said = m.say(e.series, c[:], e.Time)
	e.Check = m.readingCheck(e.series, c[colValue], c[colTime])
	if sameAsID(c[colUUID]) && jsonSafe(c[colLocal]) &&
		m.texts.keep(e, id, c[colTime], c[colValue], c[colLocal], c[colReceived], m.other.members) {
		return e.fits()
	}
	m.buf = m.appendReading(m.buf[:0], e.series, e.said)
	return m.keepWhole(e, id, nil)
}

// sameAsID says that a uuid stands alike in the id, in a header and in JSON. No uuid stands nowhere.
func sameAsID(uuid []byte) bool { return headerSafe(uuid) && jsonSafe(uuid) }

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
	s := m.make(tail, subject, orNothing(c[colSensor]), quantity)
	s.noUUID = c[colUUID] == nil
	m.buf = m.appendPlace(m.buf[:0], s)
	s.place = string(m.buf)
	m.buf = m.appendUnit(m.buf[:0])
	s.unit = shared(m.buf)
	m.buf = m.appendCheckedUnit(m.buf[:0])
	s.checked = shared(m.buf)
	m.learn(s)
	return s
}

// appendReading appends a reading's data.
func (m *Maker) appendReading(b []byte, s *series, said *said) []byte {
	c := &m.cell
	b = append(b, `{"uuid":`...)
	b = appendText(b, c[colUUID])
	b = append(b, s.place...)
	b = appendNumber(b, c[colValue])
	b = append(b, s.unit...)
	b = append(b, c[colTime]...)
	b = append(b, `","measured_at_local":`...)
	b = appendText(b, c[colLocal])
	b = append(b, `,"received_at":`...)
	b = appendName(b, c[colReceived])
	return appendOther(said.append(b), m.other.members)
}

// appendPlace appends what a reading's data has between uuid and value.
func (m *Maker) appendPlace(b []byte, s *series) []byte {
	c := &m.cell
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
	b = m.appendQuantities(b, s)
	return append(b, `,"value":`...)
}

// appendUnit appends what a reading's data has between value and time.
func (m *Maker) appendUnit(b []byte) []byte { return append(m.appendUnits(b), `,"measured_at":"`...) }

// appendQuantities appends what was measured, which readings and alarms have in common.
func (m *Maker) appendQuantities(b []byte, s *series) []byte {
	b = append(b, `,"quantity":`...)
	b = appendName(b, s.quantity)
	b = append(b, `,"property":`...)
	b = appendText(b, m.cell[colProperty])
	b = append(b, `,"extension":`...)
	return appendText(b, m.cell[colExtension])
}

// appendUnits appends the unit as UCUM and as the vendor have it.
func (m *Maker) appendUnits(b []byte) []byte {
	b = append(b, `,"unit":`...)
	b = appendName(b, unitCode(m.cell[colUnit]))
	b = append(b, `,"vendor_unit":`...)
	return appendText(b, m.cell[colUnit])
}

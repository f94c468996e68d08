package saveristest

import (
	"iter"
	"strconv"
	"time"
)

// scene is the world under one set of switches: everything that rows depend on.
type scene struct {
	world   World
	sw      Switches
	late    float64   // share of late transmissions
	loggers []*logger // ordered by the moment within the cycle, which is that of their places too
	extra   *handMade
}

// span is a half-open range of nanoseconds since 1970.
type span struct{ from, until int64 }

func (p span) has(t time.Time) bool {
	n := t.UnixNano()
	return p.from <= n && n < p.until
}

const second = int64(time.Second)

// Measurements yields the truth: the rows with from <= timestamp < until that a
// query at asOf would find, each once, with the content of that moment, ordered
// by timestamp. It follows the switches in force when it is called. Safe for
// concurrent use.
func (s *Server) Measurements(from, until, asOf time.Time) iter.Seq[Measurement] {
	sc := s.scene()
	return func(yield func(Measurement) bool) {
		sc.measurements(span{from.UnixNano(), until.UnixNano()}, asOf, nil,
			func(m Measurement, _ uint64, _ int) bool { return yield(m) })
	}
}

// emit receives a row, a hash that belongs to it for ever (which file, which
// fault), and how often it stands in a result.
type emit func(m Measurement, spread uint64, copies int) bool

// measurements emits the rows of the event range; part, if not nil, leaves out
// rows before they are built.
func (sc *scene) measurements(p span, asOf time.Time, part func(spread uint64) bool, yield emit) {
	if len(sc.extra.revisions) > 0 {
		inner := yield
		yield = func(m Measurement, spread uint64, copies int) bool {
			return inner(sc.revised(m, asOf), spread, copies)
		}
	}
	extra := sc.extra.measurements
	flush := func(before int64) bool { // hand-made rows up to a moment
		for len(extra) > 0 && extra[0].Timestamp.UnixNano() < before {
			m, spread := extra[0], spreadOf(extra[0].key())
			extra = extra[1:]
			if p.has(m.Timestamp) && !m.VisibleAt.After(asOf) && (part == nil || part(spread)) && !yield(m, spread, 1) {
				return false
			}
		}
		return true
	}
	if sc.worldMeasurements(p, asOf, part, flush, yield) {
		flush(p.until)
	}
}

// worldMeasurements walks cycle by cycle, logger by logger, which is the order of time.
func (sc *scene) worldMeasurements(p span, asOf time.Time, part func(uint64) bool, flush func(int64) bool, yield emit) bool {
	cycle := int64(sc.world.Cycle) / second
	from := max(ceilSecond(p.from), sc.world.Start.Unix())
	until := min(ceilSecond(p.until), asOf.Unix()+1) // nothing is seen before it is measured
	if len(sc.loggers) == 0 || from >= until {
		return true
	}
	for k := floorDiv(from, cycle) - 1; k*cycle < until; k++ {
		for _, l := range sc.loggers {
			at := k*cycle + l.offset
			if at < from || at >= until {
				continue
			}
			if !flush(at*second) || !sc.transmission(l, k, at, asOf.Unix(), part, yield) {
				return false
			}
		}
	}
	return true
}

// transmission yields what one logger measured in one cycle. It works in whole
// seconds, so asOf is cut to the second: every moment of the world is whole.
func (sc *scene) transmission(l *logger, k, at, asOf int64, part func(uint64) bool, yield emit) bool {
	processed := sc.arrival(l, k, at)
	if processed > asOf || !sc.world.measures(l, at) {
		return true
	}
	for i := range l.channels {
		c := &l.channels[i]
		spread := hash(c.key, k)
		if part == nil || part(spread) {
			if !yield(sc.reading(c, k, at, spread, processed, asOf), spread, sc.copies(spread, processed, asOf)) {
				return false
			}
		}
		if !sc.retransmission(c, k, at, spread, processed, asOf, part, yield) {
			return false
		}
	}
	return true
}

// retransmission yields the second row of a reading that was sent again under a new uuid.
func (sc *scene) retransmission(c *channel, k, at int64, spread uint64, processed, asOf int64, part func(uint64) bool, yield emit) bool {
	again, resent := sc.resent(spread, processed)
	if !resent || again > asOf || !sc.newUUID(spread) {
		return true
	}
	if spread = mix(spread ^ 0xa6a1); part != nil && !part(spread) {
		return true
	}
	m := sc.reading(c, k, at, spread, again, asOf)
	m.Measurement = sc.literal(c, k, at, hash(c.key, k))
	return yield(m, spread, 1)
}

// copies is how often a row stands in a result: twice after a retransmission
// under the same uuid.
func (sc *scene) copies(spread uint64, processed, asOf int64) int {
	if again, resent := sc.resent(spread, processed); resent && again <= asOf && !sc.newUUID(spread) {
		return 2
	}
	return 1
}

// arrival is when the cloud received what l measured at at (behaviour 5): at the
// next communication, after the outage, late, plus some processing.
func (sc *scene) arrival(l *logger, k, at int64) int64 {
	if sc.sw.RowsLate == "off" {
		return at
	}
	w := &sc.world
	h := hash(l.key^0x1a7e, k)
	sent := at
	if comm := int64(w.CommCycle) / second; w.CommCycle > w.Cycle {
		sent = l.offset + (at-l.offset+comm-1)/comm*comm
	}
	if begin, end := w.outage(l, sent); begin <= sent && sent < end {
		sent = end + int64(h%uint64(min(20, w.Cycle/time.Second)))
	} else if u := share(h); u < sc.late {
		v := share(mix(h))
		sent += int64(float64(w.LateMax/time.Second) * v * v * v)
	}
	return sent + int64(mix(h^2)%uint64(w.Delay/time.Second+1))
}

// outage is the outage of l in the stretch of time that holds at; empty if there
// is none. Half-open, unix seconds.
func (w *World) outage(l *logger, at int64) (begin, end int64) {
	if w.OutageEvery < 0 {
		return 0, 0
	}
	every := int64(w.OutageEvery) / second
	block := floorDiv(at, every)
	h := hash(l.key^0x0a7a6e, block)
	if h&1 == 0 {
		return 0, 0
	}
	length := int64(float64(w.OutageMax/time.Second) * (0.1 + 0.9*share(mix(h))))
	begin = block*every + int64(float64(every-length-1)*share(mix(h^3)))
	return begin, begin + length
}

// maxLateness bounds VisibleAt minus event time of the world's rows.
func (w *World) maxLateness() time.Duration {
	return w.CommCycle + 2*w.LateMax + max(0, w.OutageMax) + w.Delay + time.Minute
}

// resent says whether a row is sent a second time, and when.
func (sc *scene) resent(spread uint64, processed int64) (int64, bool) {
	h := mix(spread ^ 0x5e7d)
	if sc.sw.RowsLate == "off" || share(h) >= sc.world.RetransmitShare {
		return 0, false
	}
	return processed + 1 + int64(float64(sc.world.LateMax/time.Second)*share(mix(h))), true
}

// newUUID says whether a retransmission gets another uuid.
func (sc *scene) newUUID(spread uint64) bool {
	return sc.sw.RowsRetransmit == "new" && spread&1 == 0
}

func (sc *scene) reading(c *channel, k, at int64, spread uint64, processed, asOf int64) Measurement {
	l := c.logger
	visible := processed
	literal := sc.literal(c, k, at, spread)
	if sc.sw.RowsChanged == "on" {
		if h := mix(spread ^ 0xc0de); share(h) < sc.world.ReviseShare {
			changed := processed + 1 + int64(float64(sc.world.LateMax/time.Second)*share(mix(h)))
			if changed <= asOf {
				literal, visible = sc.literal(c, k, at, spread^0xff), changed
			}
		}
	}
	stampAt := time.Unix(at, 0).UTC()
	device := sc.world.device(l, at)
	return Measurement{
		UUID: uuid(mix(spread), mix(spread^c.key)), SensorUUID: device.sensorUUID, ChannelNo: c.no, SerialNo: device.serial,
		ModelCode: l.sort.model, TenantUUID: l.tenant, CustomerSite: sc.site(l, at), Timestamp: stampAt,
		TimestampLocal: localText(stampAt, sc.sw.LocalSuffix), Measurement: literal,
		PhysicalPropertyName: c.property, PhysicalUnit: sc.unit(c.unit, spread), PhysicalExtension: c.extension,
		ProcessedAt: time.Unix(processed, 0).UTC(), VisibleAt: time.Unix(visible, 0).UTC(),
		DeviceUUID: device.deviceUUID, DeviceSerialNo: device.deviceSerial, ChannelID: c.id + device.shift,
	}
}

// literal writes a value as live rows do: a float32 as decimal, trailing zeros
// cut (behaviour 8.2).
func (sc *scene) literal(c *channel, k, at int64, spread uint64) string {
	if broken := sc.brokenProbe(spread); broken != "" {
		return broken
	}
	var b [16]byte
	return string(strconv.AppendFloat(b[:0], float64(float32(sc.value(c, k, at, spread))), 'f', -1, 32))
}

// brokenProbe is what stands in place of a number where value.broken_probe says so.
func (sc *scene) brokenProbe(spread uint64) string {
	if sc.sw.BrokenProbe == "never" {
		return ""
	}
	switch h := mix(spread ^ 0xb40be); {
	case share(h) >= 0.05:
		return ""
	case sc.sw.BrokenProbe == "Infinity":
		return [...]string{"Infinity", "-Infinity"}[h&1]
	}
	return "NaN"
}

func notFinite(literal string) bool {
	return literal == "NaN" || literal == "Infinity" || literal == "-Infinity"
}

// revised applies the revisions that tests asked for.
func (sc *scene) revised(m Measurement, asOf time.Time) Measurement {
	for _, r := range sc.extra.revisions[m.UUID] {
		if !r.at.After(asOf) {
			m.Measurement, m.VisibleAt = r.value, r.at
		}
	}
	return m
}

// site is customer_site of what came from l at a moment.
func (sc *scene) site(l *logger, at int64) string {
	if sc.sw.SiteValue == "null" {
		return ""
	}
	id, text := l.site, l.siteText
	if no, _ := sc.world.siteAt(l, at); no != l.siteNo {
		id, text = l.siteOf(no)
	}
	if sc.sw.SiteValue == "text" {
		return text
	}
	return id
}

func (sc *scene) unit(unit string, spread uint64) string {
	if unit != "°C" {
		return unit
	}
	if sc.sw.UnitText == "mixed" {
		return [...]string{"°C", "CELSIUS", "celsius"}[spread>>8%3]
	}
	return sc.sw.UnitText
}

// spreadOf is the spread of a row that the world did not make.
func spreadOf(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return mix(h)
}

func ceilSecond(nano int64) int64 { return -floorDiv(-nano, second) }

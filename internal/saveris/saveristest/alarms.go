package saveristest

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Texts of the alarms feed (push document; live rows agree, behaviour 7).
const (
	statusAlarm    = "Alarm"
	statusOk       = "Ok"
	unknownWord    = "Unknown" // of status, severity and reason
	reasonViolated = "Alarm condition is violated"
	reasonAdhered  = "Alarm condition is adhered"
	reasonGone     = "The alarm condition does no longer exist"
	reasonEnded    = "The time period for alarm supervision has ended"
	typeMeasuring  = "measurement alarm"
	typeDevice     = "device system alarm"
	typeSensor     = "sensor system alarm"
	conditionHigh  = "Upper limit"
	conditionLow   = "Lower limit"
	conditionLost  = "Connection timeout, device did not communicated in expected time"
)

// systemAlarm is a condition of a device or sensor that comes once in `every`
// stretches of world.alarm_every (the battery's in one of world.battery_every), in one case of three.
type systemAlarm struct {
	salt      uint64
	kind      string
	condition string
	severity  string
	every     int64
	length    float64 // share of the time between two; it ends before the next may begin
}

// The conditions that the status of a device agrees with.
var (
	batteryEmpty = systemAlarm{0xba77, typeDevice, "The battery of the device is nearly empty", "Warning", 30, 0.1}
	powerLost    = systemAlarm{0xb0e4, typeDevice, "Lost external power supply for device", "Alarm", 20, 0.01}
)

var systemAlarms = []systemAlarm{
	batteryEmpty,
	powerLost,
	{0xb4c0, typeSensor, "Sensor is broken", "Alarm", 60, 0.02},
	{0xca11, typeSensor, "Calibration is too old", "Warning", 120, 0.75}, // three months, until somebody calibrates it
}

// incident is an alarm with its recovery: what becomes two rows or three, or one
// that is updated in place.
type incident struct {
	key             uint64
	begin, end      int64 // unix seconds
	alarm           Alarm // columns that both rows share
	value, endValue string
	cloud           bool // made by the cloud itself: an outage does not hold it back
	logger          *logger
}

// Alarms yields the truth of the alarms feed: rows with from <= alarm_time < until
// that a query at asOf would find, ordered by alarm_time. With alarm.rows=in-place
// a row has the content of the moment asOf. Safe for concurrent use.
func (s *Server) Alarms(from, until, asOf time.Time) iter.Seq[Alarm] {
	sc := s.scene()
	return func(yield func(Alarm) bool) {
		sc.alarms(span{from.UnixNano(), until.UnixNano()}, asOf, func(a Alarm, _ uint64) bool { return yield(a) })
	}
}

// alarms works day by day: a day's rows are collected, sorted, and emitted.
func (sc *scene) alarms(p span, asOf time.Time, yield func(a Alarm, spread uint64) bool) {
	const day = 86400
	from := max(ceilSecond(p.from), sc.world.Start.Unix())
	until := min(ceilSecond(p.until), asOf.Unix()+1)
	extra := slices.DeleteFunc(slices.Clone(sc.extra.alarms), func(a Alarm) bool {
		return !p.has(a.AlarmTime) || a.VisibleAt.After(asOf)
	})
	for from < until && len(sc.loggers) > 0 {
		next := min(until, (floorDiv(from, day)+1)*day)
		rows := sc.alarmsOf(from, next, asOf.Unix())
		for len(extra) > 0 && extra[0].AlarmTime.Unix() < next {
			rows, extra = append(rows, extra[0]), extra[1:]
		}
		slices.SortStableFunc(rows, func(a, b Alarm) int {
			return cmp.Or(a.AlarmTime.Compare(b.AlarmTime), cmp.Compare(a.UUID, b.UUID))
		})
		for _, a := range rows {
			if !yield(a, spreadOf(a.key())) {
				return
			}
		}
		from = next
	}
	for _, a := range extra {
		if !yield(a, spreadOf(a.key())) {
			return
		}
	}
}

// alarmsOf are the world's rows of one stretch of time, in no order.
func (sc *scene) alarmsOf(from, until, asOf int64) (rows []Alarm) {
	sc.incidents(from, until, func(i incident) {
		for _, a := range sc.transitions(i, asOf) {
			if at := a.AlarmTime.Unix(); from <= at && at < until && a.VisibleAt.Unix() <= asOf {
				rows = append(rows, a)
			}
		}
	})
	return rows
}

// lengthOf is the length of the stretches, in seconds; 0 where none come.
func (k systemAlarm) lengthOf(w *World) int64 {
	every := time.Duration(k.every) * w.AlarmEvery
	if k == batteryEmpty {
		every = w.BatteryEvery
	}
	return max(0, int64(every)/second)
}

// of is the case of one stretch; it ends before the stretch does, and is empty in two of three.
func (k systemAlarm) of(l *logger, every, block int64) (key uint64, begin, end int64) {
	h := hash(l.key^k.salt, block)
	if h%3 != 0 {
		return h, 0, 0
	}
	begin = block*every + int64(float64(every)*min(0.7, 0.95-k.length)*share(mix(h)))
	return h, begin, begin + int64(float64(every)*k.length) + 1
}

// incidents are all that may have a row in a stretch of time, and some more.
func (sc *scene) incidents(from, until int64, every func(incident)) {
	add := func(i incident) { // no longer than there is a device to tell of it
		if !sc.world.measures(i.logger, i.begin) {
			return
		}
		if end := sc.world.deviceEnds(i.logger, i.begin, i.end); end < i.end {
			i.end, i.endValue = end, ""
		}
		every(i)
	}
	cycle := int64(sc.world.Cycle) / second
	for _, l := range sc.loggers {
		for i := range l.channels {
			sc.channelIncidents(&l.channels[i], from-2*cycle, until, add)
		}
		sc.loggerIncidents(l, from-2*cycle, until, add)
	}
}

// channelIncidents are the limit violations of c: a warning, and an alarm inside
// it if the second limit is passed. Both are independent (seen).
func (sc *scene) channelIncidents(c *channel, from, until int64, add func(incident)) {
	every := int64(sc.world.AlarmEvery) / second
	if sc.world.AlarmEvery < 0 || c.band == 0 {
		return
	}
	for block := floorDiv(from, every); block*every < until; block++ {
		e := c.episodeOf(block, every)
		sc.violation(c, e, "Warning", e.begin, e.end, add)
		if begin, end := e.alarmed(); !c.door {
			sc.violation(c, e, "Alarm", begin, end, add)
		}
	}
}

// violation is noticed at the first measurement beyond the limit and ends with
// the first one inside.
func (sc *scene) violation(c *channel, e episode, severity string, begin, end int64, add func(incident)) {
	l := c.logger
	cycle := int64(sc.world.Cycle) / second
	first, last := l.measuredFrom(begin, cycle), l.measuredFrom(end, cycle)
	if begin >= end || first >= last {
		return
	}
	begin, end = first*cycle+l.offset, last*cycle+l.offset
	device := sc.world.device(l, begin)
	condition := conditionHigh
	if e.low {
		condition = conditionLow
	}
	value := func(k int64) string { return sc.literal(c, k, k*cycle+l.offset, hash(c.key, k)) }
	add(incident{
		key: mix(e.key ^ uint64(len(severity))), begin: begin, end: end, logger: l,
		value: value(first), endValue: value(last),
		alarm: Alarm{
			AlarmConditionType: condition, AlarmSeverity: severity, AlarmType: typeMeasuring,
			PhysicalPropertyName: c.alarmProperty, PhysicalExtension: c.alarmExtension, PhysicalUnit: sc.unit(c.unit, e.key),
			AlarmSourceUUID: sc.alarmSource(device), SerialNo: device.serial,
		},
	})
}

// measuredFrom is the first cycle in which l measures at or after a moment.
func (l *logger) measuredFrom(at, cycle int64) int64 { return -floorDiv(-(at - l.offset), cycle) }

// alarmSource is the source of measurement alarms: "sensor or empty" (behaviour 7).
// Empty text and null are told apart when the row is written.
func (sc *scene) alarmSource(device *identity) string {
	if sc.sw.AlarmSourceUUID == "sensor" {
		return device.sensorUUID
	}
	return ""
}

// loggerIncidents are system alarms and connection timeouts.
func (sc *scene) loggerIncidents(l *logger, from, until int64, add func(incident)) {
	w := &sc.world
	cycle := int64(w.Cycle) / second
	if w.OutageEvery > 0 && sc.sw.RowsLate == "on" {
		every := int64(w.OutageEvery) / second
		for block := floorDiv(from, every); block*every < until; block++ {
			begin, end := w.outage(l, block*every)
			if begin += 2 * cycle; begin < end { // two communications missed
				add(sc.system(l, typeDevice, conditionLost, "Alarm", hash(l.key^0x10577, block), begin, end, true))
			}
		}
	}
	if w.AlarmEvery < 0 {
		return
	}
	for _, kind := range systemAlarms {
		every := kind.lengthOf(w)
		for block := floorDiv(from, max(every, 1)); every > 0 && block*every < until; block++ {
			if h, begin, end := kind.of(l, every, block); begin < end {
				add(sc.system(l, kind.kind, kind.condition, kind.severity, h, begin, end, false))
			}
		}
	}
}

func (sc *scene) system(l *logger, kind, condition, severity string, key uint64, begin, end int64, cloud bool) incident {
	device := sc.world.device(l, begin)
	a := Alarm{AlarmType: kind, AlarmConditionType: condition, AlarmSeverity: severity, AlarmSourceUUID: device.deviceUUID, SerialNo: device.deviceSerial}
	if kind == typeSensor {
		a.AlarmSourceUUID, a.SerialNo = device.sensorUUID, device.serial
	}
	return incident{key: key, begin: begin, end: end, alarm: a, cloud: cloud, logger: l}
}

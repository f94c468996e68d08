package saveristest

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"
)

// FleetChange is one thing of the fleet that is different from a moment on: what Fleet says before it and from it on.
type FleetChange struct {
	At            time.Time
	Kind          string // tenant, location, equipment, device, device_status, sensor_status, measuring_object
	UUID          string
	Before, After any // the structs of Fleet; Before is nil for what is new, After for what is gone
}

// FleetChanges lists what changes in (from, until], ordered by time. Times of contact, of processing and of the last change
// are no change by themselves. What exists at from is not listed: see Fleet. Safe for concurrent use.
func (s *Server) FleetChanges(from, until time.Time) (changes []FleetChange) {
	sc := s.scene()
	for _, l := range sc.loggers {
		last := sc.things(l, from.Unix())
		for _, m := range sc.moments(l, from.Unix(), until.Unix()) {
			changes = append(changes, sc.compare(l, m, last)...)
		}
	}
	slices.SortStableFunc(changes, func(a, b FleetChange) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UUID, b.UUID))
	})
	return changes
}

// turning is a moment at which something of a place may change: its status, or everything.
type turning struct {
	at         int64
	everything bool
}

// moments are the turnings of l in (from, until].
func (sc *scene) moments(l *logger, from, until int64) (list []turning) {
	w := &sc.world
	add := func(at int64, everything bool) {
		if from < at && at <= until {
			list = append(list, turning{at, everything})
		}
	}
	comm, delay := int64(max(w.CommCycle, w.Cycle))/second, sc.statusDelay(l)
	for slot := floorDiv(from-delay-l.offset, comm); slot*comm+l.offset+delay <= until; slot++ {
		add(slot*comm+l.offset+delay, false)
	}
	if every := int64(w.OutageEvery) / second; every > 0 {
		for block := floorDiv(from, every) - 1; block*every <= until; block++ {
			_, end := w.outage(l, block*every)
			add(end+delay, false)
		}
	}
	if every := int64(w.ChangeEvery) / second; every > 0 {
		for block := floorDiv(from, every) - 1; block*every <= until; block++ {
			c := w.changeIn(l, block)
			add(c.at, true)
			add(c.gone, true)
			add(c.back, true)
		}
	}
	slices.SortFunc(list, func(a, b turning) int { return cmp.Compare(a.at, b.at) })
	return list
}

// compare lists what differs from last, and brings that up to date.
func (sc *scene) compare(l *logger, m turning, last map[string]any) (changes []FleetChange) {
	if m.everything {
		now := sc.things(l, m.at)
		changes = differences(last, now)
		clear(last)
		maps.Copy(last, now)
	} else if sc.world.listed(l, m.at) {
		before, now := map[string]any{}, map[string]any{}
		sc.addStatuses(now, l, m.at)
		for id := range now {
			before[id] = last[id]
		}
		changes = differences(before, now)
		maps.Copy(last, now)
	}
	for i := range changes {
		changes[i].At = wholeSeconds(m.at)
	}
	return changes
}

func differences(before, after map[string]any) (changes []FleetChange) {
	for id, thing := range after {
		if was, known := before[id]; !known || !reflect.DeepEqual(was, thing) {
			changes = append(changes, FleetChange{Kind: kindOf(thing), UUID: id[len(kindOf(thing)):], Before: was, After: thing})
		}
	}
	for id, thing := range before {
		if _, still := after[id]; !still {
			changes = append(changes, FleetChange{Kind: kindOf(thing), UUID: id[len(kindOf(thing)):], Before: thing})
		}
	}
	return changes
}

// things are what there is of l at a moment by kind and uuid, without the times that are no change.
func (sc *scene) things(l *logger, at int64) map[string]any {
	e := sc.equipment(l, at)
	e.ProcessedAt, e.LastModifiedAt = time.Time{}, time.Time{}
	things := map[string]any{kindOf(e) + e.EquipmentUUID: e}
	for _, m := range sc.measuringObjects(l, at) {
		m.VersionTimestamp = time.Time{}
		things[kindOf(m)+m.MeasuringObjectUUID] = m
	}
	if !sc.world.listed(l, at) {
		return things
	}
	d := sc.deviceOf(l, at)
	d.LastModified = time.Time{}
	for i := range d.Sensors {
		d.Sensors[i].LastModified = time.Time{}
		for n := range d.Sensors[i].Channels {
			d.Sensors[i].Channels[n].LastModified = time.Time{}
		}
	}
	things[kindOf(d)+d.DeviceUUID] = d
	sc.addStatuses(things, l, at)
	return things
}

// addStatuses adds those of l, which has to be listed.
func (sc *scene) addStatuses(things map[string]any, l *logger, at int64) {
	ds, ss := sc.statuses(l, at)
	ds.LastCommunication, ds.NextCommunication, ds.LastMeasurement, ds.ProcessedAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	ss.LastCommunication, ss.NextCommunication, ss.ProcessedAt = time.Time{}, time.Time{}, time.Time{}
	things[kindOf(ds)+ds.DeviceUUID], things[kindOf(ss)+ss.SensorUUID] = ds, ss
}

func kindOf(thing any) string {
	switch thing.(type) {
	case Equipment:
		return "equipment"
	case Device:
		return "device"
	case DeviceStatus:
		return "device_status"
	case SensorStatus:
		return "sensor_status"
	}
	return "measuring_object"
}

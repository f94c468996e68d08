package fleet

import (
	"bytes"
	"time"
)

// Directory says what channels are called and which limits they have, as the fleet was known when it was made. It does not
// change, and any number of goroutines may use it.
type Directory struct {
	sensors map[string]*sensorEntry // by uuid
	serials map[string]*sensorEntry // of sensors; nil where several have it
	devices map[string]*Place       // by uuid
	loggers map[string]*Place       // by serial number; nil where several have it

	channels []Channel
}

// sensorEntry is a sensor with its channels.
type sensorEntry struct {
	place    *Place // of the sensor as a whole
	inactive bool
	channels []channelEntry
}

type channelEntry struct {
	no, property, extension string
	place                   *Place
}

// Place is what people call a channel, a sensor or a device, and a channel's limits. Nil is one of which nothing is known.
type Place struct {
	names  string
	unit   string // UCUM, of the channel; empty where it is not known: then the event's decides
	zone   *time.Location
	limits []limit
}

// Names returns the object "names" of an event as JSON: tenant, site, device, sensor, equipment, part and area, or null where
// nothing is known.
func (p *Place) Names() string {
	if p == nil {
		return "null"
	}
	return p.names
}

// Limits returns the object "limits" of an event as JSON: those that are in force at a moment by the clock of the tenant, in a
// unit of UCUM; null where none is known. Of several the one of the shortest time of day counts. It allocates nothing.
func (p *Place) Limits(at time.Time, unit string) string {
	if p == nil {
		return "null"
	}
	found, shortest := "null", day+1
	for i := range p.limits {
		l := &p.limits[i]
		if p.unit != "" && l.in(p.unit) == "" || l.span() >= shortest || !l.inForce(at, p.zone) {
			continue // of another quantity, or not now
		}
		if text := l.in(unit); text != "" {
			found, shortest = text, l.span()
		}
	}
	return found
}

// Steady reports whether Limits says the same at all times of day.
func (p *Place) Steady() bool {
	for i := range p.limits {
		if p.limits[i].span() < day {
			return false
		}
	}
	return true
}

// Channel returns the place of a reading: by the sensor's uuid in lower case and the channel's number, without which it is that of the
// sensor. Nil is a channel that is not known. It allocates nothing.
func (d *Directory) Channel(sensor, channel []byte) *Place {
	s := d.sensors[string(sensor)]
	switch {
	case s == nil:
		return nil
	case len(channel) == 0:
		return s.place
	}
	for i := range s.channels {
		if s.channels[i].no == string(channel) {
			return s.channels[i].place
		}
	}
	return nil
}

// Alarm is what an alarm says of its place, in the vendor's words.
type Alarm struct {
	Kind                string // alarm_type
	Source              string // alarm_source_uuid, in lower case
	Serial              string
	Property, Extension string
}

// Alarm returns the place of an alarm: by its source, else by the serial number, and of measurements by the quantity. A system
// alarm has the names of its device or sensor, and no limits; so has an alarm whose channel cannot be told. Nil is a place
// that is not known.
func (d *Directory) Alarm(a Alarm) *Place {
	if place := d.devices[a.Source]; place != nil {
		return place
	}
	s := d.sensors[a.Source]
	if s == nil {
		s = d.serials[a.Serial]
	}
	switch {
	case s == nil:
		return d.loggers[a.Serial]
	case same(a.Kind, "sensor system alarm"), same(a.Kind, "device system alarm"):
		return s.place
	}
	if place := s.quantity(a.Property, a.Extension); place != nil {
		return place
	}
	return s.place
}

// alarmQuantities are those whose channel the vendor's notice names (behaviour notes, 7).
var alarmQuantities = []struct{ property, extension, channelProperty, channelExtension string }{
	{"Temperature", "Unknown", "Temperature", "Air Temperature"},
}

// quantity returns the only channel of a quantity as alarms name it; nil where there is none or several. Alarms of all
// quantities may lack the extension that the channel has, or have its extension beside another property.
func (s *sensorEntry) quantity(property, extension string) *Place {
	if place := s.only(func(c *channelEntry) bool { return same(c.property, property) && same(c.extension, extension) }); place != nil {
		return place
	}
	for _, q := range alarmQuantities {
		if same(property, q.property) && same(extension, q.extension) {
			return s.only(func(c *channelEntry) bool {
				return same(c.property, q.channelProperty) && same(c.extension, q.channelExtension)
			})
		}
	}
	switch {
	case !unknown(extension):
		return s.only(func(c *channelEntry) bool { return same(c.extension, extension) })
	case !unknown(property):
		return s.only(func(c *channelEntry) bool { return same(c.property, property) || same(c.extension, property) })
	}
	return nil
}

// only returns the place of the only channel that is meant; nil where there is none or several.
func (s *sensorEntry) only(meant func(*channelEntry) bool) (place *Place) {
	for i := range s.channels {
		if c := &s.channels[i]; meant(c) {
			if place != nil {
				return nil
			}
			place = c.place
		}
	}
	return place
}

// same compares names of the vendor: in any case, with _ for a blank, and Unknown for nothing.
func same(a, b string) bool {
	if unknown(a) || unknown(b) {
		return unknown(a) && unknown(b)
	}
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	switch {
	case c == '_':
		return ' '
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

func unknown(name string) bool {
	return name == "" || len(name) == 7 && bytes.EqualFold([]byte(name), []byte("unknown"))
}

// Directory makes the directory of what is known now.
func (inv *Inventory) Directory() *Directory {
	m := makerOf(inv)
	d := &Directory{sensors: map[string]*sensorEntry{}, serials: map[string]*sensorEntry{}, devices: map[string]*Place{}, loggers: map[string]*Place{}}
	devices := inv.devices()
	d.channels = make([]Channel, 0, 2*len(devices)) // as most have
	for _, thing := range devices {
		device := thing.doc
		place := m.place(device, nil, nil)
		put(d.devices, device.get("device_uuid"), place)
		put(d.loggers, device.get("device_serial_no"), place)
		for _, sensor := range device.inner {
			entry := &sensorEntry{place: m.place(device, sensor, nil), inactive: inactive(device, sensor)}
			for _, channel := range sensor.inner {
				place := m.place(device, sensor, channel)
				entry.channels = append(entry.channels, channelEntry{
					no: channel.get("channel_no"), property: channel.get("channel_physical_property_name"),
					extension: channel.get("channel_physical_extension"), place: place,
				})
				d.channels = append(d.channels, channelOf(thing, sensor, channel, place))
			}
			putSensor(d.sensors, sensor.get("sensor_uuid"), entry)
			putSensor(d.serials, sensor.get("sensor_serial_no"), entry)
		}
	}
	return d
}

// put puts a value under its key, and nil where there is one already: which of them is meant cannot be told.
func put[V any](m map[string]*V, key string, v *V) {
	if _, taken := m[key]; taken {
		v = nil
	}
	if key != "" {
		m[key] = v
	}
}

// putSensor is put for sensors: an inactive one gives way to one that is active.
func putSensor(m map[string]*sensorEntry, key string, s *sensorEntry) {
	switch have := m[key]; {
	case have == nil || have.inactive == s.inactive:
		put(m, key, s)
	case have.inactive:
		m[key] = s
	}
}

// living are the documents of a kind, those that are removed left out, in the order of their places.
func (inv *Inventory) living(kind Kind) (all []*object) {
	inv.unpack(kind)
	for _, place := range sortedKeys(inv.kinds[kind]) {
		if t := inv.kinds[kind][place]; !t.removed {
			all = append(all, t.doc)
		}
	}
	return all
}

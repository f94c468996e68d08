package status

import (
	"cmp"
	"encoding/json"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"unique"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Bounds of what is remembered of sensors. A chain of 1,500 sites has 36,000 channels. The more there are, the fewer points
// has each.
const (
	maxSensors  = 50_000
	maxPoints   = 200_000 // of all sensors
	mostPoints  = 32      // of one
	leastPoints = 4
	mostShown   = 500 // sensors in one answer
	longestText = 200 // characters of a name that are kept
)

// sensors remembers the newest readings of each channel.
type sensors struct {
	byKey map[string]*sensor // by subject behind the lane
	order []*sensor          // all of them by their names; nil while that is not known
	clock uint64             // counts readings
	born  uint64             // counts sensors
	seed  maphash.Seed
}

type sensor struct {
	tenant, site, quantity, unit unique.Handle[string] // many share them
	name, siteName               unique.Handle[string] // what people call it
	limits                       unique.Handle[string] // as the newest reading has them
	called                       uint64                // hash of the names as the newest reading has them
	serial, channel              string
	names                        string  // all of these in lower case, to be searched and sorted by, a line each
	points                       []point // oldest first
	heard                        uint64  // the clock at its last reading
	born                         uint64  // of two with the same names the first comes first
}

type point struct {
	at    int64 // ns since 1970
	slow  int64 // ns to the vendor's cloud
	value string
}

func newSensors() *sensors { return &sensors{byKey: map[string]*sensor{}, seed: maphash.MakeSeed()} }

// take takes a reading over, the body of its message in either content mode, and returns it; ok is false where it is none.
func (s *sensors) take(key string, body []byte) (read schema.Point, ok bool) {
	if read, ok = schema.ReadPoint(body); !ok {
		return read, false
	}
	one := s.byKey[key]
	if one == nil {
		if one = newSensor(body); one == nil {
			return read, false
		}
		s.add(strings.Clone(key), one)
	}
	names := schema.ReadNames(body)
	if called := maphash.Bytes(s.seed, names); called != one.called {
		one.call(names)
		one.called = called
		s.order = nil
	}
	if limits := schema.ReadLimits(body); string(limits) != one.limits.Value() {
		one.limits = unique.Make(string(limits))
	}
	s.clock++
	one.heard = s.clock
	p := point{at: read.MeasuredAt.UnixNano(), value: read.Value}
	if !read.Received.IsZero() {
		p.slow = int64(read.Received.Sub(read.MeasuredAt))
	}
	one.put(p, min(mostPoints, max(leastPoints, maxPoints/len(s.byKey))))
	return read, true
}

// add adds a sensor. Where there are too many, the tenth that has been silent for longest goes.
func (s *sensors) add(key string, one *sensor) {
	if len(s.byKey) >= maxSensors {
		heard := make([]uint64, 0, len(s.byKey))
		for _, other := range s.byKey {
			heard = append(heard, other.heard)
		}
		slices.Sort(heard)
		limit := heard[len(heard)/10]
		for key, other := range s.byKey {
			if other.heard <= limit {
				delete(s.byKey, key)
			}
		}
	}
	s.byKey[key], s.order = one, nil
	s.born++
	one.born = s.born
}

// ordered returns all sensors by tenant, site, serial number and channel, whatever they measure and when: rows that stay where
// they are can be read.
func (s *sensors) ordered() []*sensor {
	if s.order == nil {
		s.order = slices.SortedFunc(maps.Values(s.byKey), func(x, y *sensor) int {
			return cmp.Or(strings.Compare(x.names, y.names), cmp.Compare(x.born, y.born))
		})
	}
	return s.order
}

// sensorNames is what of a reading's data names a sensor.
type sensorNames struct {
	Tenant, Site, Quantity, Unit string
	VendorUnit                   string `json:"vendor_unit"`
	Sensor                       struct {
		Serial  string      `json:"serial_no"`
		Channel json.Number `json:"channel_no"`
	}
}

// newSensor reads what names a sensor; nil where that cannot be read.
func newSensor(body []byte) *sensor {
	var event struct {
		sensorNames              // in binary mode
		Data        *sensorNames // in structured mode; no data has a field of this name
	}
	if json.Unmarshal(body, &event) != nil {
		return nil
	}
	d := event.sensorNames
	if event.Data != nil {
		d = *event.Data
	}
	one := &sensor{
		tenant: shared(d.Tenant), site: shared(d.Site), quantity: shared(d.Quantity), unit: shared(cmp.Or(d.Unit, d.VendorUnit)),
		serial: words.Shortened(d.Sensor.Serial, longestText), channel: words.Shortened(d.Sensor.Channel.String(), longestText),
	}
	one.limits = unique.Make("")
	one.call(nil)
	return one
}

// call takes over the names of a reading.
func (s *sensor) call(names []byte) {
	var n schema.PlaceNames
	_ = json.Unmarshal(names, &n) // else it has none
	s.name, s.siteName = shared(n.Label()), shared(n.Site)
	channel := strings.Repeat(" ", max(0, 3-len(s.channel))) + s.channel // 2 before 10
	s.names = strings.ToLower(strings.Join([]string{s.tenant.Value(), s.site.Value(), s.serial, channel, s.quantity.Value(), s.name.Value(), s.siteName.Value()}, "\n"))
}

func shared(text string) unique.Handle[string] {
	return unique.Make(words.Shortened(text, longestText))
}

// put keeps the newest points, in the order of time. One of the same time is a correction.
func (s *sensor) put(p point, most int) {
	i := len(s.points)
	for i > 0 && s.points[i-1].at > p.at {
		i--
	}
	switch {
	case i > 0 && s.points[i-1].at == p.at:
		s.points[i-1] = p
	case i == 0 && len(s.points) >= most: // older than all
	default:
		s.points = slices.Insert(s.points, i, p)
	}
	if over := len(s.points) - most; over > 0 {
		s.points = slices.Delete(s.points, 0, over)
	}
}

// number returns a JSON number; nil for what is none, of which a vendor's row holds null.
func number(literal string) *json.Number {
	n := json.Number(literal)
	if literal == "" || !json.Valid([]byte(literal)) {
		return nil
	}
	if _, err := n.Float64(); err != nil {
		return nil
	}
	return &n
}

// readLimits reads the limits of a reading; nil where it has none.
func readLimits(text string) *Limits {
	var l struct {
		LowerViolation json.Number `json:"lower_violation"`
		LowerWarning   json.Number `json:"lower_warning"`
		UpperWarning   json.Number `json:"upper_warning"`
		UpperViolation json.Number `json:"upper_violation"`
	}
	if text == "" || json.Unmarshal([]byte(text), &l) != nil {
		return nil
	}
	limits := Limits{number(string(cmp.Or(l.LowerWarning, l.LowerViolation))), number(string(cmp.Or(l.UpperWarning, l.UpperViolation)))}
	if limits == (Limits{}) {
		return nil
	}
	return &limits
}

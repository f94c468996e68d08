package schema

import (
	"slices"
	"time"
)

// Names has the Directory that is in force. Any number of goroutines may use it.
type Names interface {
	// Directory returns what is known now, nil while the fleet is not known.
	Directory() Directory
}

// Directory says what people call the places of events. It does not change.
type Directory interface {
	// Channel returns the place of a reading, nil if it is not known: by the sensor's uuid in lower case and the channel's number.
	Channel(sensor, channel []byte) Place
	// Alarm returns the place of an alarm, nil if it is not known.
	Alarm(AlarmPlace) Place
	// Version tells it apart from those before it: it is large, and nobody keeps one to compare it with the next.
	Version() uint64
}

// AlarmPlace is what an alarm says of its place, in the vendor's words; Source is the uuid in lower case.
type AlarmPlace struct{ Kind, Source, Serial, Property, Extension string }

// Place is a channel, a sensor or a device. What it returns is JSON in UTF-8, an object or null, and lives on.
type Place interface {
	// Names returns the field names of an event.
	Names() string
	// Limits returns the field limits of an event: those in force at a moment, in a unit of UCUM.
	Limits(at time.Time, unit string) string
	// Steady reports whether Limits says the same at all times.
	Steady() bool
}

// maxSaid bounds names and limits in bytes; longer ones are left out. What is shorter never makes an event too long, see fits.
const maxSaid = 8 << 10

// said is names and limits as events have them. Those of a channel share it.
type said struct{ names, limits string }

// nothing is said where nothing is known.
var nothing = &said{"null", "null"}

func (s *said) append(b []byte) []byte {
	b = append(b, `,"names":`...)
	b = append(b, s.names...)
	b = append(b, `,"limits":`...)
	return append(b, s.limits...)
}

func (s *said) size() int { return len(`,"names":,"limits":`) + len(s.names) + len(s.limits) }

// called is what a series remembers of its place. It does not change.
type called struct {
	version uint64  // of the directory in which place was looked up
	place   Place   // nil: not known
	steady  bool    // one of said is enough
	said    []*said // by it until now: one, unless limits change with the time of day
}

// WithNames lets events have the names and limits that are known when they are made, and returns the Maker. It comes before the
// first event and before Another. Without it they are null. They are in no id and no check.
func (m *Maker) WithNames(n Names) *Maker {
	m.names = n
	return m
}

// say returns names and limits of an event of a series at a time. The cells are those of its row.
func (m *Maker) say(s *series, cell [][]byte, at time.Time) *said {
	if m.names == nil {
		return nothing
	}
	d := m.names.Directory()
	if d == nil {
		return nothing
	}
	known := s.called.Load()
	if known == nil || known.version != d.Version() {
		known = &called{version: d.Version(), place: m.place(d, cell)}
		known.steady = known.place != nil && known.place.Steady()
		s.called.Store(known)
	}
	if known.place == nil {
		return nothing
	}
	if known.steady && len(known.said) > 0 {
		return known.said[0]
	}
	limits := known.place.Limits(at, s.code)
	for _, said := range known.said {
		if said.limits == limits {
			return said
		}
	}
	now := &said{known.place.Names(), limits}
	if now.size() > maxSaid {
		now = &said{"null", limits}
	}
	s.called.Store(&called{known.version, known.place, known.steady, append(slices.Clip(known.said), now)})
	return now
}

func (m *Maker) place(d Directory, cell [][]byte) Place {
	if m.feed == Readings {
		return d.Channel(cell[colSensor], cell[colChannel])
	}
	return d.Alarm(AlarmPlace{
		Kind: string(cell[colKind]), Source: string(cell[colSensor]), Serial: string(cell[colSerial]),
		Property: string(cell[colProperty]), Extension: string(cell[colExtension]),
	})
}

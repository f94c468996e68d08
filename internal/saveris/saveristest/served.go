package saveristest

import (
	"maps"
	"slices"
	"time"
)

// Served is what left the server in completed responses: every distinct content
// of every row, and every line that is no row. It is the lower bound of what a
// reader must hold; Measurements and Alarms are the upper one. A response that
// a fault broke adds nothing, even if rows of it arrived.
type Served struct {
	Measurements map[string][]Measurement // by uuid (or sensor/channel/time without one): contents, in the order served
	Alarms       map[string][]Alarm       // by uuid, likewise
	Tasks        map[string][]Task        // likewise
	Raw          map[string][]string      // by feed: hand-made and garbage lines verbatim, each once, in the order served
}

// tally collects one response's rows until it is known to have left.
type tally struct {
	measurements []Measurement
	alarms       []Alarm
	tasks        []Task
	raw          []string
}

// Served returns what was served so far. Without Config.Record it is empty. It
// waits for responses that are about to end, so a client that has read a body to
// its end finds its rows here.
func (s *Server) Served() Served {
	s.finishing.Lock()
	defer s.finishing.Unlock()
	out := Served{
		Measurements: make(map[string][]Measurement, len(s.served.Measurements)),
		Alarms:       make(map[string][]Alarm, len(s.served.Alarms)),
		Tasks:        make(map[string][]Task, len(s.served.Tasks)),
		Raw:          map[string][]string{},
	}
	maps.Copy(out.Measurements, s.served.Measurements)
	maps.Copy(out.Alarms, s.served.Alarms)
	maps.Copy(out.Tasks, s.served.Tasks)
	maps.Copy(out.Raw, s.served.Raw)
	return out
}

// record adds a response's rows. Lists grow by copy: a copy of them may be out.
func (s *Server) record(feed string, t *tally) {
	s.servedMu.Lock()
	defer s.servedMu.Unlock()
	for _, m := range t.measurements {
		have := s.served.Measurements[m.key()]
		if !slices.ContainsFunc(have, func(o Measurement) bool { return sameMeasurement(o, m) }) {
			s.served.Measurements[m.key()] = append(slices.Clip(have), m)
		}
	}
	for _, a := range t.alarms {
		have := s.served.Alarms[a.key()]
		if !slices.ContainsFunc(have, func(o Alarm) bool { return sameAlarm(o, a) }) {
			s.served.Alarms[a.key()] = append(slices.Clip(have), a)
		}
	}
	for _, x := range t.tasks {
		have := s.served.Tasks[x.UUID]
		if !slices.ContainsFunc(have, func(o Task) bool { return sameTask(o, x) }) {
			s.served.Tasks[x.UUID] = append(slices.Clip(have), x)
		}
	}
	for _, line := range t.raw {
		if key := [2]string{feed, line}; !s.servedRaw[key] {
			s.servedRaw[key] = true
			s.served.Raw[feed] = append(slices.Clip(s.served.Raw[feed]), line)
		}
	}
}

// sameMeasurement compares contents; when a row became visible is not content.
func sameMeasurement(a, b Measurement) bool {
	a.VisibleAt, b.VisibleAt = time.Time{}, time.Time{}
	return a == b
}

func sameAlarm(a, b Alarm) bool {
	a.VisibleAt, b.VisibleAt = time.Time{}, time.Time{}
	return a == b
}

func sameTask(a, b Task) bool {
	a.VisibleAt, b.VisibleAt = time.Time{}, time.Time{}
	return a == b
}

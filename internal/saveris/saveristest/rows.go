package saveristest

import (
	"fmt"
	"slices"
	"time"
)

// The two feeds, as the vendor's paths name them.
const (
	FeedMeasurements = "measurements"
	FeedAlarms       = "alarms"
)

// Measurement is one row of the measurements feed as it is true in the world:
// the 14 columns of v2 (document 8.1), the three that only v1 has, and the moment
// from which it can be seen. Empty text, a zero time and channel 0 are nulls.
// Times are UTC. Values are comparable with ==.
type Measurement struct {
	UUID                 string
	SensorUUID           string
	ChannelNo            int
	SerialNo             string // of the sensor
	ModelCode            string
	TenantUUID           string
	CustomerSite         string
	Timestamp            time.Time
	TimestampLocal       string // text as served: wall clock with a false Z, or with an offset
	Measurement          string // the literal as it stands in the file
	PhysicalPropertyName string
	PhysicalUnit         string
	PhysicalExtension    string
	ProcessedAt          time.Time

	DeviceUUID     string // v1 only
	DeviceSerialNo string // v1 only
	ChannelID      int64  // v1 only

	VisibleAt time.Time // first moment at which a query finds the row with this content
}

// key identifies the row among the served ones.
func (m Measurement) key() string {
	if m.UUID != "" {
		return m.UUID
	}
	return fmt.Sprintf("%s/%d/%s", m.SensorUUID, m.ChannelNo, formatTime(m.Timestamp))
}

// Alarm is one row of the alarms feed: the 19 columns (document 8.2) under their
// live names (seen), and the moment from which it can be seen. Empty text and a
// zero time are nulls. Values are comparable with ==.
type Alarm struct {
	UUID                 string
	AlarmReason          string
	AlarmStatus          string
	LastStatusChangeTime time.Time
	AlarmConditionType   string
	AlarmSeverity        string
	AlarmTime            time.Time
	AlarmTimeLocal       string
	AlarmValue           string // the literal; served as string or number, see alarm.value
	PhysicalUnit         string
	PhysicalPropertyName string // "physical_value" in the document
	PhysicalExtension    string // "physical_value_extension" in the document
	AlarmSourceUUID      string
	SerialNo             string
	TenantUUID           string
	CustomerSite         string // "customer_site_uuid" in the document
	AlarmType            string
	SourceAlarmEventUUID string
	ProcessedAt          time.Time

	VisibleAt time.Time // first moment at which a query finds the row with this content
}

func (a Alarm) key() string {
	if a.UUID != "" {
		return a.UUID
	}
	return fmt.Sprintf("%s/%s/%s", a.AlarmSourceUUID, a.AlarmConditionType, formatTime(a.AlarmTime))
}

// rawLine is a line that is served verbatim.
type rawLine struct {
	at   time.Time
	line string
}

// revision is another content of a row, from a moment on.
type revision struct {
	at    time.Time
	value string
}

// handMade are the rows on top of the world. A value is never changed after it
// was published in Server.extra, so readers need no lock.
type handMade struct {
	measurements []Measurement // sorted by Timestamp
	alarms       []Alarm       // sorted by AlarmTime
	raw          map[string][]rawLine
	revisions    map[string][]revision // by uuid, sorted by at
}

// AddMeasurement adds a row on top of the world. ProcessedAt defaults to
// VisibleAt, VisibleAt to ProcessedAt, both to the timestamp; TimestampLocal to
// the wall clock of the world. A row with a uuid that exists is a second row.
// Safe for concurrent use, as are the other methods that change the world.
func (s *Server) AddMeasurement(m Measurement) {
	m.Timestamp = m.Timestamp.UTC()
	fillMoments(m.Timestamp, &m.ProcessedAt, &m.VisibleAt)
	if m.TimestampLocal == "" {
		m.TimestampLocal = localText(m.Timestamp, s.settings.Load().sw.LocalSuffix)
	}
	s.change(func(h *handMade) {
		h.measurements = insert(h.measurements, m, func(o Measurement) time.Time { return o.Timestamp })
	})
}

// AddAlarm adds an alarm row on top of the world, with the defaults of
// AddMeasurement; LastStatusChangeTime defaults to AlarmTime.
func (s *Server) AddAlarm(a Alarm) {
	a.AlarmTime = a.AlarmTime.UTC()
	fillMoments(a.AlarmTime, &a.ProcessedAt, &a.VisibleAt)
	if a.LastStatusChangeTime.IsZero() {
		a.LastStatusChangeTime = a.AlarmTime
	}
	a.LastStatusChangeTime = a.LastStatusChangeTime.UTC()
	if a.AlarmTimeLocal == "" {
		a.AlarmTimeLocal = localText(a.AlarmTime, s.settings.Load().sw.LocalSuffix)
	}
	s.change(func(h *handMade) {
		h.alarms = insert(h.alarms, a, func(o Alarm) time.Time { return o.AlarmTime })
	})
}

// AddRaw adds a line that is served verbatim in every window of the feed that
// contains at, from now on. In a JSON array a line that is no JSON value is
// served as a JSON string.
func (s *Server) AddRaw(feed string, at time.Time, line string) {
	s.change(func(h *handMade) {
		raw := make(map[string][]rawLine, len(h.raw)+1)
		for k, v := range h.raw {
			raw[k] = v
		}
		raw[feed] = append(slices.Clone(raw[feed]), rawLine{at.UTC(), line})
		h.raw = raw
	})
}

// ReviseMeasurement returns the row with this uuid another value from the moment
// at on. Whether it is a row of the world or a hand-made one makes no difference.
func (s *Server) ReviseMeasurement(uuid string, at time.Time, newValue string) {
	s.change(func(h *handMade) {
		revs := make(map[string][]revision, len(h.revisions)+1)
		for k, v := range h.revisions {
			revs[k] = v
		}
		revs[uuid] = insert(revs[uuid], revision{at.UTC(), newValue}, func(r revision) time.Time { return r.at })
		h.revisions = revs
	})
}

// change replaces the hand-made rows by a changed copy.
func (s *Server) change(f func(*handMade)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.extra.Load()
	f(&next)
	s.extra.Store(&next)
}

// insert returns a new slice with v behind everything that is not later.
func insert[T any](list []T, v T, at func(T) time.Time) []T {
	i, _ := slices.BinarySearchFunc(list, at(v), func(e T, t time.Time) int {
		if at(e).After(t) {
			return 1
		}
		return -1
	})
	return slices.Insert(slices.Clone(list), i, v)
}

func fillMoments(event time.Time, processed, visible *time.Time) {
	if processed.IsZero() {
		*processed = *visible
	}
	if processed.IsZero() {
		*processed = event
	}
	if visible.IsZero() {
		*visible = *processed
	}
	*processed, *visible = processed.UTC(), visible.UTC()
}

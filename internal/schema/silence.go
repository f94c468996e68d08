package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The kinds of what can be silent, as subjects name them.
const (
	silentSensor = "sensor"
	silentBridge = "bridge"
)

// StalledAfter is how long a feed that is polled once an interval may be without a poll: three intervals, a minute at least.
func StalledAfter(interval time.Duration) time.Duration { return max(3*interval, time.Minute) }

// Silence is that a channel, or the bridge itself, should have been heard and was not, or that it is heard again.
type Silence struct {
	Resumed bool
	Feed    Feed // of the bridge that polls it; empty where a channel is meant, and then the next ones are

	Tenant, Site string // empty where they are not known
	Sensor       string // uuid
	Serial       string
	Model        string
	Channel      string // a number's literal
	Names        string // JSON, see FleetChange; empty for null

	LastAt  time.Time     // of the last reading, or when the last poll was stored; zero where there was none
	DueAt   time.Time     // when it was due at the latest
	Cycle   time.Duration // between two measurements, or two polls
	Missing int           // readings that were due and have not come; where a channel is heard again
	At      time.Time     // when it was heard again, by the vendor's clock, a bridge by its own; a silence counts from DueAt

	Before uint64 // sequence of the newest message on the subject, 0 for none
}

// kind is the first token of the subject behind the feed.
func (s *Silence) kind() string {
	if s.Feed != "" {
		return silentBridge
	}
	return silentSensor
}

// ID returns the CloudEvents id: one for each silence, and one for its end.
func (s *Silence) ID() string {
	id := Token(s.Serial) + "." + Token(s.Channel)
	if s.Feed != "" {
		id = silentBridge + "." + string(s.Feed)
	}
	if s.LastAt.IsZero() {
		id += ".never"
	} else {
		id += "." + rfc3339(s.LastAt)
	}
	if s.Resumed {
		id += ".resumed"
	}
	return id
}

// Subject is the NATS subject on which the event is stored, and read.
func (s *Silence) Subject(prefix string) string {
	if s.Feed != "" {
		return prefix + "." + string(Health) + "." + silentBridge + "." + string(s.Feed)
	}
	return prefix + "." + string(Health) + "." + silentSensor + "." + Token(s.Tenant) + "." + Token(s.Site) + "." + Token(s.Serial) + "." + Token(s.Channel)
}

// Ingest is the NATS subject on which the event is published: the stream gives it the Subject.
func (s *Silence) Ingest(prefix string) string { return s.Subject(IngestPrefix(prefix)) }

// Follows is the sequence of the newest message on the subject, 0 for none.
func (s *Silence) Follows() uint64 { return s.Before }

// AppendData appends the data of the event.
func (s *Silence) AppendData(b []byte) []byte {
	if s.Feed != "" {
		b = append(append(append(b, `{"feed":"`...), s.Feed...), '"')
		return append(s.appendTimes(b, "interval_seconds"), '}')
	}
	b = append(b, `{"sensor":{"uuid":`...)
	b = appendTextOrNull(b, s.Sensor)
	b = appendTextOrNull(append(b, `,"serial_no":`...), s.Serial)
	b = appendTextOrNull(append(b, `,"model_code":`...), s.Model)
	b = append(b, `,"channel_no":`...)
	if s.Channel == "" {
		b = append(b, "null"...)
	}
	b = append(b, s.Channel...)
	b = append(b, `},"names":`...)
	if s.Names == "" {
		b = append(b, "null"...)
	}
	b = s.appendTimes(append(b, s.Names...), "cycle_seconds")
	if s.Resumed {
		b = strconv.AppendInt(append(b, `,"missing":`...), int64(s.Missing), 10)
	}
	return append(b, '}')
}

func (s *Silence) appendTimes(b []byte, cycle string) []byte {
	b = append(b, `,"last_at":`...)
	if s.LastAt.IsZero() {
		b = append(b, "null"...)
	} else {
		b = appendText(b, []byte(rfc3339(s.LastAt)))
	}
	b = appendText(append(b, `,"due_at":`...), []byte(rfc3339(s.DueAt)))
	b = append(append(append(b, `,"`...), cycle...), `":`...)
	return strconv.AppendFloat(b, s.Cycle.Seconds(), 'f', -1, 64)
}

func appendTextOrNull(b []byte, text string) []byte {
	if text == "" {
		return append(b, "null"...)
	}
	return appendText(b, []byte(text))
}

// Message returns the event as a message in a content mode: headers and body. BaseURL is the vendor's address without the version
// part, recorded is when the bridge builds the message.
func (s *Silence) Message(mode Mode, baseURL string, recorded time.Time) (header map[string][]string, body []byte) {
	kind, what, at := s.kind(), "silent", s.DueAt
	if s.Resumed {
		what, at = "resumed", s.At
	}
	source, subject := baseURL, kind+"/"+string(s.Feed)
	if s.Feed == "" {
		source, subject = sourceOf(baseURL, s.Tenant), kind+"/"+s.Serial+"/"+s.Channel
	}
	return Message(mode, map[string]string{
		"specversion":     specVersion,
		"id":              s.ID(),
		"source":          source,
		"type":            "saveris." + kind + "." + what + ".v1",
		"subject":         subject,
		"time":            rfc3339(at),
		"datacontenttype": contentType,
		"dataschema":      "urn:saveris-bridge:" + kind + ":v1",
		"recordedtime":    rfc3339(recorded),
	}, s.AppendData(nil))
}

// StoredSilence is what a stored event of SAVERIS_HEALTH says.
type StoredSilence struct {
	Silence
	ID string
}

// silenceText is the data of a silence.
type silenceText struct {
	Feed   Feed `json:"feed"`
	Sensor *struct {
		UUID    string          `json:"uuid"`
		Serial  string          `json:"serial_no"`
		Model   string          `json:"model_code"`
		Channel json.RawMessage `json:"channel_no"`
	} `json:"sensor"`
	Names    json.RawMessage `json:"names"`
	LastAt   string          `json:"last_at"`
	DueAt    string          `json:"due_at"`
	Cycle    float64         `json:"cycle_seconds"`
	Interval float64         `json:"interval_seconds"`
	Missing  int             `json:"missing"`
}

// ReadSilence reads the message that is stored on a subject, in either content mode. It fails where that is no silence, or one that
// belongs on another subject. Tenant and Site are tokens of the subject, and Before is not known.
func ReadSilence(subject string, header map[string][]string, body []byte) (StoredSilence, error) {
	attributes, data, err := Unwrap(header, body)
	if err != nil {
		return StoredSilence{}, err
	}
	var d silenceText
	if err := json.Unmarshal(data, &d); err != nil {
		return StoredSilence{}, fmt.Errorf("data of a silence: %w", err)
	}
	s := StoredSilence{ID: strings.Clone(attributes["id"]), Silence: Silence{
		Feed: d.Feed, Resumed: strings.HasSuffix(attributes["type"], ".resumed.v1"), Names: string(d.Names), LastAt: readTime(d.LastAt), DueAt: readTime(d.DueAt),
		Cycle: time.Duration((d.Cycle + d.Interval) * float64(time.Second)), Missing: d.Missing, At: readTime(attributes["time"]),
	}}
	prefix, rest, found := strings.Cut(subject, "."+string(Health)+".")
	if tokens := strings.Split(rest, "."); found && d.Sensor != nil && len(tokens) == 5 {
		s.Tenant, s.Site = tokens[1], tokens[2]
		s.Sensor, s.Serial, s.Model = d.Sensor.UUID, d.Sensor.Serial, d.Sensor.Model
		if text := string(d.Sensor.Channel); text != "null" {
			s.Channel = text
		}
	}
	switch {
	case s.DueAt.IsZero():
		return StoredSilence{}, errors.New("data of a silence: due_at is no time")
	case subject != s.Subject(prefix), s.ID != s.Silence.ID(), !strings.HasPrefix(attributes["type"], "saveris."+s.kind()+"."):
		return StoredSilence{}, fmt.Errorf("%s has an event %q, which is no silence of its own", subject, s.ID)
	}
	return s, nil
}

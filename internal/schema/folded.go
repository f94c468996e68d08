package schema

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StructuredEvent returns a stored event in the JSON format of CloudEvents, whichever content mode its message has. It does not judge
// whether it is one of the bridge's, but fails where that cannot be: the data is no JSON, or an attribute cannot be read. The text may be
// the body.
func StructuredEvent(header map[string][]string, body []byte) ([]byte, error) {
	if IsStructured(header) {
		return body, nil
	}
	attributes, data, err := Unwrap(header, body)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(data).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
		return nil, errors.New("the data is no JSON")
	}
	return appendJSON(nil, attributes, data), nil
}

// ReadingMoment is what tells which of a channel's stored readings is the newest.
type ReadingMoment struct {
	First    string // id of the first content, as a header has it: its corrections have the same
	At       time.Time
	Received time.Time // by the vendor's cloud; zero where that is not known, or the row has none
}

// ReadReadingMoment reads the event of a reading in either content mode. Of one in binary mode it reads the headers alone, unless the
// event's time is later than a moment: then it wants to know when the cloud received it. It fails if that is no reading's event.
func ReadReadingMoment(header map[string][]string, body []byte, known time.Time) (m ReadingMoment, err error) {
	version, id, revises, at, kind, data := first(header[keySpecVersion]), first(header[keyID]), first(header[keyRevises]), first(header[keyTime]), first(header[keyDataSchema]), body
	if IsStructured(header) {
		attributes, inner, err := unwrapJSON(body)
		if err != nil {
			return m, err
		}
		version, id, revises, at, kind, data = attributes["specversion"], HeaderText(attributes["id"]), HeaderText(attributes["revises"]), attributes["time"], attributes["dataschema"], inner
	}
	if version != specVersion || kind != kinds[reading].dataSchema {
		return m, fmt.Errorf("dataschema %q is not that of a reading", kind)
	}
	m.First, m.At = id, readTime(at)
	if revises != "" {
		m.First = revises
	}
	if m.First == "" || m.At.IsZero() {
		return m, fmt.Errorf("event of a reading: id %q at %q", id, at)
	}
	if m.At.After(known) {
		var d struct {
			Received string `json:"received_at"`
		}
		if err := json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
			return m, fmt.Errorf("data of a reading: %w", err)
		}
		m.Received = readTime(d.Received)
	}
	return m, nil
}

// ReadAlarmEvent reads a stored event of an alarm in either content mode, and its sequence in the stream. It reports whether it is one.
func ReadAlarmEvent(header map[string][]string, body []byte, seq uint64) (e AlarmEvent, ok bool) {
	attributes, data, err := Unwrap(header, body)
	if err != nil || attributes["specversion"] != specVersion || attributes["dataschema"] != kinds[alarmRaised].dataSchema || attributes["id"] == "" {
		return e, false
	}
	return ReadAlarm(attributes["id"], seq, data)
}

// FirstID is the id of the alarm's first content, which its corrections revise.
func (e *AlarmEvent) FirstID() string { return firstOf(e.ID) }

package tail

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"saveris-bridge/internal/schema"
)

// Event is a stored event as far as a line shows it.
type Event struct {
	Lane       string      `json:"-"`
	Site       string      `json:"site"`
	Quantity   string      `json:"quantity"`
	Value      json.Number `json:"value"`
	Unit       string      `json:"unit"`
	VendorUnit string      `json:"vendor_unit"`
	Measured   time.Time   `json:"measured_at"`
	Raised     time.Time   `json:"raised_at"`
	State      string      `json:"state"`
	Severity   string      `json:"severity"`
	Condition  string      `json:"condition"`
	Text       string      `json:"-"` // what an alarm is about, in words for people
	Ends       bool        `json:"-"` // it ends an alarm
	Sensor     struct {
		Serial  string      `json:"serial_no"`
		Channel json.Number `json:"channel_no"`
	} `json:"sensor"`
	Names    schema.PlaceNames `json:"names"`
	Limits   limits            `json:"limits"`
	Task     taskStep          `json:"-"`
	Silence  *silence          `json:"-"`
	Change   *Change           `json:"-"` // of the fleet; the words are made by a Fleet
	Rejected time.Time         `json:"-"` // when a row was read that could not be an event
	Reason   string            `json:"reason"`
	Row      string            `json:"row"`
}

// taskStep is a step of an executed task.
type taskStep struct {
	At       time.Time   `json:"-"` // zero: the event is another
	Title    string      `json:"task_title"`
	Type     string      `json:"task_type"`
	Status   string      `json:"task_status"`
	Sequence json.Number `json:"sequence_no"`
	What     string      `json:"process_step_instructions"`
	Content  string      `json:"content"`
	Site     string      `json:"site_name"`
}

// limits are those of a channel, in the unit of its value; empty where there is none.
type limits struct {
	LowerViolation json.Number `json:"lower_violation"`
	LowerWarning   json.Number `json:"lower_warning"`
	UpperWarning   json.Number `json:"upper_warning"`
	UpperViolation json.Number `json:"upper_violation"`
}

// silence is that a channel, or the bridge itself, is not heard, or that it is heard again.
type silence struct {
	At      time.Time  `json:"-"`
	Resumed bool       `json:"-"`
	Feed    string     `json:"feed"` // of the bridge; empty where a channel is meant
	LastAt  *time.Time `json:"last_at"`
	DueAt   time.Time  `json:"due_at"`
	Missing int        `json:"missing"`
}

// ParseEvent reads a stored message as a consumer does, in either content mode. The fleet takes over
// what is a change of it.
func ParseEvent(header map[string][]string, body []byte, fleet *Fleet) (Event, error) {
	event, err := schema.Parse(header, body)
	if err != nil {
		return Event{}, err
	}
	var e Event
	e.Lane, _ = event.Extensions()["lane"].(string)
	if err := json.Unmarshal(event.Data(), &e); err != nil {
		return Event{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
	}
	if e.alarm() {
		alarm, _ := schema.ReadAlarm(event.ID(), 0, event.Data())
		e.Text, e.Ends = alarm.Text(), alarm.Ends()
	}
	switch kind := event.Type(); {
	case kind == "saveris.row.rejected.v1":
		e.Rejected = event.Time()
	case kind == "saveris.task.v1":
		err = json.Unmarshal(event.Data(), &e.Task)
		e.Task.At = event.Time()
	case strings.HasPrefix(kind, "saveris.sensor."), strings.HasPrefix(kind, "saveris.bridge."):
		e.Silence = &silence{}
		err = json.Unmarshal(event.Data(), e.Silence)
		e.Silence.At, e.Silence.Resumed = event.Time(), strings.HasSuffix(kind, ".resumed.v1")
	case strings.HasSuffix(kind, ".changed.v1"), strings.HasSuffix(kind, ".removed.v1"):
		e.Change = &Change{}
		*e.Change, err = fleet.Take(event.Data(), event.Time())
	}
	if err != nil {
		return Event{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
	}
	return e, nil
}

// at is the time that a line shows.
func (e Event) at() time.Time {
	switch {
	case e.alarm():
		return e.Raised
	case !e.Rejected.IsZero():
		return e.Rejected
	case !e.Task.At.IsZero():
		return e.Task.At
	case e.Silence != nil:
		return e.Silence.At
	case e.Change != nil:
		return e.Change.At
	}
	return e.Measured
}

func (e Event) alarm() bool { return e.State != "" }

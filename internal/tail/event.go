package tail

import (
	"encoding/json"
	"fmt"
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
	Task     taskStep          `json:"-"`
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

// ParseEvent reads a stored message as a consumer does, in either content mode.
func ParseEvent(header map[string][]string, body []byte) (Event, error) {
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
	switch event.Type() {
	case "saveris.row.rejected.v1":
		e.Rejected = event.Time()
	case "saveris.task.v1":
		if err := json.Unmarshal(event.Data(), &e.Task); err != nil {
			return Event{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
		}
		e.Task.At = event.Time()
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
	}
	return e.Measured
}

func (e Event) alarm() bool { return e.State != "" }

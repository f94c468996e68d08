package schema

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// CloudEvent builds the event with the CloudEvents SDK: it reads the data into plain structs, strictly, takes every
// attribute but the id from them, encodes them again and validates the result. It costs twenty times the fast path and
// defines what that has to write.
func (e *Event) CloudEvent(lane Lane, recorded time.Time) (event.Event, error) {
	var a attributes
	var err error
	switch {
	case e.kind == reading:
		a, err = e.readingAttributes()
	case e.kind == task:
		a, err = e.taskAttributes()
	case e.Rejected:
		a, err = e.rejectedAttributes()
	default:
		a, err = e.alarmAttributes()
	}
	if err != nil {
		return event.Event{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	a.ID = e.ID
	a.DataContentType = new(contentType)
	a.extend("recordedtime", types.Timestamp{Time: recorded.UTC()})
	if !e.Rejected {
		a.extend("lane", string(lane))
	}
	if e.Correction() {
		a.extend("revises", e.ID[:strings.LastIndexByte(e.ID, '~')])
	}
	ev := event.Event{Context: &a.EventContextV1, DataEncoded: a.data}
	if err := ev.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("event %s: %w", e.ID, err)
	}
	return ev, nil
}

// attributes is an event's context with the data that it belongs to.
type attributes struct {
	event.EventContextV1
	data []byte
}

// extend sets an extension attribute, unless it is empty.
func (a *attributes) extend(name string, value any) {
	if value == "" {
		return
	}
	if a.Extensions == nil {
		a.Extensions = map[string]any{}
	}
	a.Extensions[name] = value
}

// describe sets the attributes that every event has.
func (a *attributes) describe(eventType, dataSchema, source, subject, stamp string) error {
	uri, at := types.ParseURIRef(source), time.Time{}
	if uri == nil {
		return fmt.Errorf("source %q is no URI", source)
	}
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return err
	}
	a.Source, a.Type, a.Subject = *uri, eventType, &subject
	a.Time, a.DataSchema = &types.Timestamp{Time: at}, types.ParseURI(dataSchema)
	return nil
}

func (e *Event) readingAttributes() (attributes, error) {
	var a attributes
	var d readingData
	if err := a.recode(e.AppendData(nil), &d, &d.Other); err != nil {
		return a, err
	}
	subject := textOr(d.Sensor.SerialNo, "_") + "/" + numberOr(d.Sensor.ChannelNo, "_")
	a.extend("partitionkey", textOr(d.Sensor.UUID, ""))
	return a, a.describe("saveris.reading.v1", "urn:saveris-bridge:reading:v1", e.sourceOf(d.Tenant), subject, d.MeasuredAt)
}

func (e *Event) alarmAttributes() (attributes, error) {
	var a attributes
	var d alarmData
	if err := a.recode(e.AppendData(nil), &d, &d.Other); err != nil {
		return a, err
	}
	a.extend("partitionkey", textOr(d.AlarmSource, textOr(d.Sensor.SerialNo, "")))
	if d.State == "cleared" {
		a.extend("causationid", textOr(d.SourceAlarmEvent, ""))
	}
	eventType, subject := "saveris.alarm."+d.State+".v1", textOr(d.Sensor.SerialNo, "_")
	return a, a.describe(eventType, "urn:saveris-bridge:alarm:v1", e.sourceOf(d.Tenant), subject, d.RaisedAt)
}

func (e *Event) taskAttributes() (attributes, error) {
	var a attributes
	var d taskData
	if err := a.recode(e.AppendData(nil), &d, &d.Other); err != nil {
		return a, err
	}
	subject := textOr(d.TaskExecutionUUID, "_") + "/" + numberOr(d.SequenceNo, "_")
	a.extend("partitionkey", textOr(d.TaskExecutionUUID, ""))
	return a, a.describe("saveris.task.v1", "urn:saveris-bridge:task:v1", e.sourceOf(d.TenantUUID), subject, e.part(partTime))
}

func (e *Event) rejectedAttributes() (attributes, error) {
	var a attributes
	var d rejectedData
	if err := a.recode(e.AppendData(nil), &d, new(jsontext.Value)); err != nil {
		return a, err
	}
	return a, a.describe("saveris.row.rejected.v1", "urn:saveris-bridge:rejected:v1", e.series.baseURL, string(d.Feed), rfc3339(e.Time))
}

// recode decodes data into the struct d and encodes it again. What the vendor sent under names of his own is spliced in
// as he wrote it: an encoder would write it in its own way.
func (a *attributes) recode(data []byte, d any, other *jsontext.Value) error {
	err := json.Unmarshal(data, d, json.RejectUnknownMembers(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		return err
	}
	verbatim := bytes.Clone(*other)
	*other = nil
	if a.data, err = json.Marshal(d, jsontext.AllowDuplicateNames(true), jsontext.PreserveRawStrings(true)); err != nil || verbatim == nil {
		return err
	}
	a.data = append(a.data[:len(a.data)-1], `,"other":`...)
	a.data = append(append(a.data, verbatim...), '}')
	return nil
}

func (e *Event) sourceOf(tenant *string) string {
	if tenant == nil {
		return sourceOf(e.series.baseURL, "")
	}
	return sourceOf(e.series.baseURL, *tenant)
}

// textOr is the text, or the other one where there is none or blanks alone.
func textOr(text *string, or string) string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return or
	}
	return *text
}

func numberOr(number jsontext.Value, or string) string {
	if number.Kind() == 'n' {
		return or
	}
	return string(number)
}

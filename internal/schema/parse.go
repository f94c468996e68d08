package schema

import (
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Parse reads an event from a stored message in either content mode: see Unwrap. It fails if the message is no CloudEvent of
// version 1.0. The event shares the data with the message.
func Parse(header map[string][]string, body []byte) (event.Event, error) {
	values, data, err := Unwrap(header, body)
	if err != nil {
		return event.Event{}, fmt.Errorf("parse event: %w", err)
	}
	if version := values["specversion"]; version != specVersion {
		return event.Event{}, fmt.Errorf("parse event: specversion %q is not %s", version, specVersion)
	}
	ctx := &event.EventContextV1{}
	for name, value := range values {
		if err := setAttribute(ctx, name, value); err != nil {
			return event.Event{}, fmt.Errorf("parse event: attribute %s: %w", name, err)
		}
	}
	ev := event.Event{Context: ctx, DataEncoded: data}
	if err := ev.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("parse event: %w", err)
	}
	return ev, nil
}

// setAttribute sets one attribute. The SDK's own setters are not used for id and subject: they cut blanks.
func setAttribute(ctx *event.EventContextV1, name, value string) error {
	switch name {
	case "specversion":
		return nil
	case "id":
		ctx.ID = value
	case "source":
		return ctx.SetSource(value)
	case "type":
		return ctx.SetType(value)
	case "subject":
		ctx.Subject = &value
	case "time":
		at, err := types.ParseTimestamp(value)
		ctx.Time = at
		return err
	case "datacontenttype":
		return ctx.SetDataContentType(value)
	case "dataschema":
		return ctx.SetDataSchema(value)
	case "recordedtime":
		at, err := types.ParseTime(value)
		if err != nil {
			return err
		}
		return ctx.SetExtension(name, at)
	default:
		return ctx.SetExtension(name, value)
	}
	return nil
}

package schema

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// IsStructured reports whether a message has its event in structured mode: its content type says so, in any case. All other
// messages are in binary mode.
func IsStructured(header map[string][]string) bool {
	for key, values := range header {
		if len(key) == len(KeyStructured) && strings.EqualFold(key, KeyStructured) && len(values) > 0 {
			const prefix = "application/cloudevents"
			return len(values[0]) >= len(prefix) && strings.EqualFold(values[0][:len(prefix)], prefix)
		}
	}
	return false
}

// Unwrap returns the attributes of the event in a message, in whichever content mode that is, not encoded and by their names,
// and the event's data as it stands there. Other headers are left out. It does not judge whether the attributes make an event:
// Parse does. The data is a part of the body.
func Unwrap(header map[string][]string, body []byte) (attributes map[string]string, data []byte, err error) {
	if IsStructured(header) {
		return unwrapJSON(body)
	}
	attributes = make(map[string]string, len(header))
	for key, texts := range header {
		name, ok := strings.CutPrefix(strings.ToLower(key), "ce-")
		if !ok || len(texts) == 0 {
			continue
		}
		value, err := url.PathUnescape(texts[0])
		if err != nil {
			return nil, nil, fmt.Errorf("header %s: %w", key, err)
		}
		attributes[name] = value
	}
	return attributes, body, nil
}

// unwrapJSON takes an event in the JSON format of CloudEvents apart.
func unwrapJSON(body []byte) (attributes map[string]string, data []byte, err error) {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true)) // a column that we do not know may hold anything
	if _, err := d.ReadToken(); err != nil {
		return nil, nil, err
	}
	attributes = make(map[string]string, len(attributeKeys))
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, nil, err
		}
		member := name.String()
		value, err := d.ReadValue()
		switch {
		case err != nil:
			return nil, nil, err
		case member == "data":
			end := d.InputOffset()
			data = body[end-int64(len(value)) : end]
		case member == "data_base64":
			return nil, nil, errors.New("data_base64: the data of the bridge's events is JSON")
		default:
			if err := setText(attributes, member, value); err != nil {
				return nil, nil, err
			}
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, nil, err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return nil, nil, errors.New("more than one JSON value")
	}
	return attributes, data, nil
}

// setText sets an attribute to the text of its value in JSON; null is as good as none.
func setText(attributes map[string]string, name string, value jsontext.Value) error {
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		attributes[name] = string(text)
		return err
	case '0', 't', 'f':
		attributes[name] = string(value)
	case 'n':
	default:
		return fmt.Errorf("attribute %s is %s, expected a text, a number or a bool", name, value)
	}
	return nil
}

package schema

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Mode is a content mode of CloudEvents: where a message has the attributes of its event.
type Mode string

// The content modes. The zero value is Binary.
const (
	Binary     Mode = "binary"     // attributes in headers, the body is the data
	Structured Mode = "structured" // all of it in the body, in the JSON format of CloudEvents
)

// The header of a message in structured mode.
const (
	KeyStructured  = "content-type"
	TypeStructured = "application/cloudevents+json"
)

// attributeMembers are what stands before the values of attributes in JSON, in the order of attributeValues.
var attributeMembers = func() (members [len(attributeKeys)]string) {
	for i, key := range attributeKeys {
		members[i] = `","` + key[len("ce-"):] + `":"`
	}
	members[0] = members[0][len(`",`):] // nothing comes before specversion
	return members
}()

// AppendStructured appends the event in the JSON format of CloudEvents, the body of a message in structured mode. Recorded is
// when the bridge built the message.
func (e *Event) AppendStructured(b []byte, lane Lane, recorded time.Time) []byte {
	b = append(b, '{')
	for i, value := range e.values(lane, recorded) {
		if value != "" {
			b = appendDecoded(append(b, attributeMembers[i]...), value)
		}
	}
	b = append(b, `","data":`...)
	return append(e.AppendData(b), '}')
}

// appendDecoded appends a text that stands in a header as the inside of a JSON string.
func appendDecoded(b []byte, header string) []byte {
	if strings.IndexByte(header, '%') < 0 && strings.IndexByte(header, '\\') < 0 {
		return append(b, header...)
	}
	text, _ := decodePercent(header) // appendPercent has made it
	n := len(b)
	b = appendText(b, []byte(text))
	return append(b[:n], b[n+1:len(b)-1]...) // without the quotes
}

// Message returns an event as a message: the headers that it has in a content mode, and its body. Attributes are not encoded
// and have the names of CloudEvents; data is JSON. The body may be the data.
func Message(mode Mode, attributes map[string]string, data []byte) (header map[string][]string, body []byte) {
	if mode == Structured {
		return map[string][]string{KeyStructured: {TypeStructured}}, appendJSON(nil, attributes, data)
	}
	header = make(map[string][]string, len(attributes))
	for name, value := range attributes {
		header["ce-"+name] = []string{HeaderText(value)}
	}
	return header, data
}

// HeaderText returns a text as the NATS protocol binding of CloudEvents writes it in a header.
func HeaderText(text string) string { return string(appendPercent(nil, []byte(text))) }

// appendJSON appends an event in the JSON format of CloudEvents. Attributes that the bridge does not know come last.
func appendJSON(b []byte, attributes map[string]string, data []byte) []byte {
	others := maps.Clone(attributes)
	b = append(b, '{')
	for _, key := range attributeKeys {
		name := key[len("ce-"):]
		if value, there := attributes[name]; there {
			b = appendMember(b, name, value)
			delete(others, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		b = appendMember(b, name, others[name])
	}
	b = append(b, `"data":`...)
	return append(append(b, data...), '}')
}

// appendMember appends a member of an object, and a comma.
func appendMember(b []byte, name, value string) []byte {
	b = append(appendText(b, []byte(name)), ':')
	return append(appendText(b, []byte(value)), ',')
}

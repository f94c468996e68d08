package schema

import (
	"maps"
	"net/url"
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

// AppendStructured appends the event in the JSON format of CloudEvents, the body of a message in structured mode. Recorded is
// when the bridge built the message.
func (e *Event) AppendStructured(b []byte, lane Lane, recorded time.Time) []byte {
	s, texts := e.series, &kinds[e.kind]
	b = append(b, `{"specversion":"1.0","id":"`...)
	b = appendDecoded(b, e.headerID(), e.inPieces())
	b = appendDecoded(append(b, `","source":"`...), s.source, s.sameInJSON)
	b = appendDecoded(append(b, texts.toSubject...), s.subject, s.sameInJSON)
	b = append(append(b, `","time":"`...), e.part(partTime)...)
	b = append(append(b, texts.toRecorded...), s.recorder.text(recorded)...)
	if s.partitionKey != "" {
		b = appendDecoded(append(b, `","partitionkey":"`...), s.partitionKey, s.sameInJSON)
	}
	if !e.Rejected {
		b = append(append(b, `","lane":"`...), lane...)
	}
	if e.Correction() {
		b = appendDecoded(append(b, `","revises":"`...), e.firstID(), e.inPieces())
	}
	if cause := e.cause(); cause != "" {
		b = appendDecoded(append(b, `","causationid":"`...), cause, false)
	}
	b = append(b, `","data":`...)
	return append(e.AppendData(b), '}')
}

// appendDecoded appends a text that stands in a header as the inside of a JSON string; same says that this is the same.
func appendDecoded(b []byte, header string, same bool) []byte {
	if same || sameInJSON(header) {
		return append(b, header...)
	}
	text, _ := url.PathUnescape(header) // appendPercent has made it
	n := len(b)
	b = appendText(b, []byte(text))
	return append(b[:n], b[n+1:len(b)-1]...) // without the quotes
}

// sameInJSON reports whether a text in a header stands alike in a JSON string.
func sameInJSON(header string) bool {
	return strings.IndexByte(header, '%') < 0 && strings.IndexByte(header, '\\') < 0
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

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

// AppendStructured appends the event in the JSON format of CloudEvents, the body of a message in structured mode. Recorded is
// when the bridge built the message.
func (e *Event) AppendStructured(b []byte, lane Lane, recorded time.Time) []byte {
	b = append(b, `{"specversion":"1.0","id":"`...)
	if e.inPieces() {
		b = append(b, e.ID...)
	} else {
		b = appendDecoded(b, e.headerID())
	}
	env := e.series.envelopeOf(e.kind)
	b = append(b, env.toTime...)
	b = append(b, e.part(partTime)...)
	b = append(b, kinds[e.kind].toRecorded...)
	b = append(b, e.series.recorder.text(recorded)...)
	b = append(b, env.toLane...)
	if !e.Rejected {
		b = append(b, lane...)
	}
	if e.Correction() {
		b = appendDecoded(append(b, `","revises":"`...), e.firstID())
	}
	if cause := e.cause(); cause != "" {
		b = appendDecoded(append(b, `","causationid":"`...), cause)
	}
	b = append(b, `","data":`...)
	return append(e.AppendData(b), '}')
}

// envelope is what the events of a series have alike in the JSON format of CloudEvents, in one string: a window's events are
// of many series, none of which is in a cache when its turn comes.
type envelope struct {
	toTime string // from behind the id to before the time
	toLane string // from behind the time of recording to before the lane
}

// envelopeOf returns the series' envelope. All of its events are of one kind.
func (s *series) envelopeOf(k kind) *envelope {
	if env := s.envelope.Load(); env != nil {
		return env
	}
	b := appendDecoded(append(make([]byte, 0, 512), `","source":"`...), s.source)
	b = append(append(b, `","type":"`...), kinds[k].eventType...)
	b = appendDecoded(append(b, `","subject":"`...), s.subject)
	b = append(b, `","time":"`...)
	n := len(b)
	if s.partitionKey != "" {
		b = appendDecoded(append(b, `","partitionkey":"`...), s.partitionKey)
	}
	if k != rejected {
		b = append(b, `","lane":"`...)
	}
	text := string(b)
	env := &envelope{text[:n], text[n:]}
	s.envelope.Store(env)
	return env
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

package schema

import (
	"bytes"
	"strings"
)

// ReadingReader is ReadReading for many events: it remembers what those of a channel have in common, and so costs a third. It
// serves one goroutine.
type ReadingReader struct {
	series map[string]commonReading // by what stands between uuid and value
}

// commonReading is what the events of a channel have in common.
type commonReading struct {
	StoredReading
	unit string // what stands between value and time
}

// NewReadingReader returns one that knows no channel.
func NewReadingReader() *ReadingReader {
	return &ReadingReader{series: map[string]commonReading{}}
}

// Read does what ReadReading does.
func (r *ReadingReader) Read(header map[string][]string, body []byte) (StoredReading, error) {
	if first(header[keyDataSchema]) != kinds[reading].dataSchema || header[KeyStructured] != nil || header["Content-Type"] != nil {
		return ReadReading(header, body)
	}
	// As ReadPoint, this relies on how Event.AppendData writes: a quote inside of a text is escaped, so these are the fields.
	_, rest, _ := bytes.Cut(body, []byte(`,"tenant":`))
	place, rest, _ := bytes.Cut(rest, []byte(`,"value":`))
	value, rest, _ := bytes.Cut(rest, []byte(`,`))
	unit, rest, ok := bytes.Cut(rest, []byte(`"measured_at":`))
	if !ok {
		return ReadReading(header, body)
	}
	known, found := r.series[string(place)]
	if !found || known.unit != string(unit) {
		event, err := ReadReading(header, body)
		if err == nil {
			known.StoredReading, known.unit = event, strings.Clone(string(unit))
			r.series[string(place)] = known
		}
		return event, err
	}
	event := known.StoredReading
	measured, rest := scalar(rest, ``)
	received, _ := scalar(rest, `"received_at":`)
	event.Revises, event.Recorded = first(header[keyRevises]), readTime(first(header[keyRecordedTime]))
	event.MeasuredAt, event.Received = readTime(string(measured)), readTime(string(received))
	if event.Value = string(value); event.Value == "null" {
		event.Value = ""
	}
	if event.MeasuredAt.IsZero() {
		return ReadReading(header, body)
	}
	return event, nil
}

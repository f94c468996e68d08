package schema

import (
	"fmt"
	"hash/crc32"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Stored is what a stored event shows of itself, without the row that it was made of.
type Stored struct {
	ID       string
	Check    uint32 // CRC-32C over its content, as Event.Check; of a rejected row only if that was UTF-8
	Rejected bool
	Time     time.Time // of the event, UTC
	Subject  string    // attribute subject: <serial>/<channel>, <serial>, or the feed
	Revises  string    // on corrections: the first id
	day      string
}

// Day names the page that the event belongs to, as Event.Day does.
func (s Stored) Day() string { return s.day }

// storedData is what of all kinds of data a check is made of.
type storedData struct {
	Value      jsontext.Value `json:"value"`
	Unit       *string        `json:"unit"`
	VendorUnit *string        `json:"vendor_unit"`
	MeasuredAt string         `json:"measured_at"`
	State      string         `json:"state"`
	Severity   string         `json:"severity"`
	RaisedAt   string         `json:"raised_at"`
	ChangedAt  *string        `json:"status_changed_at"`
	Row        string         `json:"row"`
}

// ReadStored reads a stored message in either content mode. It fails if that is no event of this bridge.
func ReadStored(header map[string][]string, body []byte) (Stored, error) {
	event, err := Parse(header, body)
	if err != nil {
		return Stored{}, err
	}
	var d storedData
	if err := json.Unmarshal(event.Data(), &d, jsontext.AllowDuplicateNames(true)); err != nil { // a column that we do not know may hold anything
		return Stored{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
	}
	s := Stored{ID: event.ID(), Time: event.Time().UTC(), Subject: event.Subject(), day: event.Time().UTC().Format(time.DateOnly)}
	s.Revises, _ = event.Extensions()["revises"].(string)
	var content []byte
	switch event.DataSchema() {
	case kinds[reading].dataSchema:
		content = appendMoment(d.appendFields(nil), d.MeasuredAt)
	case kinds[alarmRaised].dataSchema:
		content = append(appendMoment(d.appendFields(nil, d.State, d.Severity), d.RaisedAt), separator)
		content = appendMoment(content, deref(d.ChangedAt))
	case kinds[task].dataSchema:
		var cells taskCells
		if cells, err = readTaskData(event.Data()); err != nil {
			return Stored{}, fmt.Errorf("data of event %s: %w", event.ID(), err)
		}
		content = cells.appendContent(nil)
	case kinds[rejected].dataSchema:
		s.Rejected, s.day, content = true, "rejected", []byte(d.Row)
	default:
		return Stored{}, fmt.Errorf("event %s: dataschema %q is none of ours", s.ID, event.DataSchema())
	}
	s.Check = crc32.Checksum(content, castagnoli)
	return s, nil
}

// appendFields appends what a check covers before times: value and unit, then the others, each with a separator behind it.
func (d *storedData) appendFields(b []byte, others ...string) []byte {
	if d.Value.Kind() == '0' {
		b = appendCanonical(b, d.Value)
	}
	b = append(b, separator)
	if d.Unit == nil {
		d.Unit = d.VendorUnit
	}
	b = append(append(b, deref(d.Unit)...), separator)
	for _, text := range others {
		b = append(append(b, text...), separator)
	}
	return b
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

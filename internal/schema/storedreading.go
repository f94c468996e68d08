package schema

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StoredReading is a stored event of a reading, as far as a report looks at it. A text that the event has as null is empty.
type StoredReading struct {
	Revises  string    // the first id, on corrections
	Recorded time.Time // when the bridge built the event; zero where that cannot be read

	Tenant, Site, Serial, Sensor, Channel, Quantity, Property string // Channel is a number's literal, Sensor a uuid

	Value      string // the literal; empty for null
	Unit       string // the vendor's where it has no code
	MeasuredAt time.Time
	Received   time.Time // by the vendor's cloud; zero where the row has none
}

// readingText is the data of a reading; null leaves a text empty.
type readingText struct {
	Tenant string `json:"tenant"`
	Site   string `json:"site"`
	Sensor struct {
		UUID    string         `json:"uuid"`
		Serial  string         `json:"serial_no"`
		Channel jsontext.Value `json:"channel_no"`
	} `json:"sensor"`
	Quantity   string         `json:"quantity"`
	Property   string         `json:"property"`
	Value      jsontext.Value `json:"value"`
	Unit       string         `json:"unit"`
	VendorUnit string         `json:"vendor_unit"`
	MeasuredAt string         `json:"measured_at"`
	Received   string         `json:"received_at"`
}

// ReadReading reads a stored message in either content mode. It fails if that is no reading's event of this bridge.
func ReadReading(header map[string][]string, body []byte) (StoredReading, error) {
	revises, recorded, kind, data := first(header[keyRevises]), first(header[keyRecordedTime]), first(header[keyDataSchema]), body
	if IsStructured(header) {
		attributes, inner, err := unwrapJSON(body)
		if err != nil {
			return StoredReading{}, err
		}
		revises, recorded, kind, data = attributes["revises"], attributes["recordedtime"], attributes["dataschema"], inner
	}
	if kind != kinds[reading].dataSchema {
		return StoredReading{}, fmt.Errorf("dataschema %q is not that of a reading", kind)
	}
	var d readingText
	if err := json.Unmarshal(data, &d, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil { // a column that we do not know may hold anything
		return StoredReading{}, fmt.Errorf("data of a reading: %w", err)
	}
	r := StoredReading{
		Revises: revises, Recorded: readTime(recorded), Tenant: d.Tenant, Site: d.Site, Serial: d.Sensor.Serial, Sensor: d.Sensor.UUID,
		Quantity: d.Quantity, Property: d.Property, Unit: d.Unit, MeasuredAt: readTime(d.MeasuredAt), Received: readTime(d.Received),
	}
	if d.Value.Kind() == '0' {
		r.Value = string(d.Value)
	}
	if d.Sensor.Channel.Kind() == '0' {
		r.Channel = string(d.Sensor.Channel)
	}
	if d.Unit == "" {
		r.Unit = d.VendorUnit
	}
	if r.MeasuredAt.IsZero() {
		return StoredReading{}, errors.New("data of a reading: measured_at is no time")
	}
	return r, nil
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

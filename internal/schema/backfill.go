package schema

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Phase is where a backfill stands.
type Phase string

// The phases. Failed and Paused are ends that the same command goes on from.
const (
	BackfillStarted  Phase = "started"
	BackfillProgress Phase = "progress"
	BackfillFinished Phase = "finished"
	BackfillFailed   Phase = "failed"
	BackfillPaused   Phase = "paused"
)

// Backfill is the data of an event that reports the progress of a backfill: what is covered is said of the range as a whole,
// whoever has read it, and what was read and stored of the worker that reports. All times are UTC.
type Backfill struct {
	ID        string    `json:"id"`
	Phase     Phase     `json:"phase"`
	Feeds     []Feed    `json:"feeds"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Worker    string    `json:"worker"`
	StartedAt time.Time `json:"started_at"`
	Reread    bool      `json:"reread"`
	Windows   int       `json:"windows"` // read and stored
	Rows      int       `json:"rows"`    // read
	Stored    int       `json:"stored"`  // of those, the others were stored already
	RowsPerS  float64   `json:"rows_per_second"`
	Covered   float64   `json:"covered"`     // share of the range, 0 to 1
	ETA       *float64  `json:"eta_seconds"` // null while nobody knows
	Error     *string   `json:"error"`       // of a backfill that has failed
}

// Message returns the headers and the data of a CloudEvent in binary mode. It fails where the state makes no valid event.
func (b Backfill) Message(source, id string, at time.Time) (map[string][]string, []byte, error) {
	e := event.New(event.CloudEventsVersionV1)
	e.SetID(id)
	e.SetSource(source)
	e.SetType("saveris.backfill." + string(b.Phase) + ".v1")
	e.SetSubject(b.ID)
	e.SetTime(at.UTC())
	e.SetDataSchema("urn:saveris-bridge:backfill:v1")
	data, err := json.Marshal(b)
	if err == nil {
		err = e.SetData(contentType, json.RawMessage(data))
	}
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("event of backfill %s: %w", b.ID, err)
	}
	header := map[string][]string{}
	for key, value := range map[string]string{
		keySpecVersion: e.SpecVersion(), keyID: e.ID(), keySource: e.Source(), keyType: e.Type(), keySubject: e.Subject(),
		keyTime: e.Time().Format(time.RFC3339Nano), keyContentType: e.DataContentType(), keyDataSchema: e.DataSchema(),
	} {
		header[key] = []string{string(appendPercent(nil, []byte(value)))}
	}
	return header, data, nil
}

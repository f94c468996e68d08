package schema_test

import (
	"errors"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestAPointIsReadOutOfWhateverTextAReadingHolds, in either content mode.
func TestAPointIsReadOutOfWhateverTextAReadingHolds(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 20, 0, 0, time.UTC)
	made := func(value string, more ...saveris.Field) schema.Event {
		hostile := []byte(`"value":9,"measured_at":"2020-01-01T00:00:00Z"`)
		row := saveris.Row{Fields: append([]saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: hostile}, {Name: "serial_no", Kind: saveris.String, Text: hostile},
			{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
			{Name: "measurement", Kind: saveris.Number, Text: []byte(value)}, {Name: "value", Kind: saveris.Number, Text: []byte("77")},
		}, more...)}
		return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, at)
	}
	received := saveris.Field{Name: "processed_at", Kind: saveris.String, Text: []byte(at.Add(time.Minute).Format(time.RFC3339))}
	for _, c := range []struct {
		event schema.Event
		want  schema.Point
	}{
		{made("1.50", received), schema.Point{Value: "1.50", MeasuredAt: at, Received: at.Add(time.Minute)}},
		{made("-3e2"), schema.Point{Value: "-3e2", MeasuredAt: at}},
		{made("nothing"), schema.Point{MeasuredAt: at}},
	} {
		for mode, body := range map[schema.Mode][]byte{schema.Binary: c.event.AppendData(nil), schema.Structured: c.event.AppendStructured(nil, schema.Live, at)} {
			if got, ok := schema.ReadPoint(body); !ok || got != c.want {
				t.Errorf("%s: %+v, want %+v of %s", mode, got, c.want, body)
			}
		}
	}
	garbage := saveris.Row{Raw: []byte("x"), Err: errors.New("garbage")}
	rejected := schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&garbage, schema.Window{}, at)
	if got, ok := schema.ReadPoint(rejected.AppendData(nil)); ok {
		t.Errorf("a rejected row is %+v", got)
	}
}

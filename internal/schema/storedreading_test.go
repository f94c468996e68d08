package schema

import (
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

func TestAStoredReadingIsReadInEitherMode(t *testing.T) {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte("row-1")}, {Name: "sensor_uuid", Kind: saveris.String, Text: []byte("sensor-1")},
		{Name: "serial_no", Kind: saveris.String, Text: []byte("22011234")}, {Name: "channel_no", Kind: saveris.Number, Text: []byte("2")},
		{Name: "tenant_uuid", Kind: saveris.String, Text: []byte("tenant-1")}, {Name: "customer_site", Kind: saveris.String, Text: []byte("site-1")},
		{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")}, {Name: "processed_at", Kind: saveris.String, Text: []byte("2026-07-01T10:16:00Z")},
		{Name: "measurement", Kind: saveris.Number, Text: []byte("4.70")}, {Name: "physical_unit", Kind: saveris.String, Text: []byte("furlong")},
		{Name: "physical_property_name", Kind: saveris.String, Text: []byte("Temperature")}, {Name: "physical_extension", Kind: saveris.String, Text: []byte("Air Temperature")},
	}}
	event := NewMaker(Readings, "saveris", "http://vendor").Event(&row, Window{}, alarmBegan)
	want := StoredReading{
		Recorded: alarmBegan, Tenant: "tenant-1", Site: "site-1", Serial: "22011234", Sensor: "sensor-1", Channel: "2", Quantity: "air_temperature", Property: "Temperature",
		Value: "4.70", Unit: "furlong", MeasuredAt: time.Date(2026, 7, 1, 10, 15, 0, 0, time.UTC), Received: time.Date(2026, 7, 1, 10, 16, 0, 0, time.UTC),
	}
	for _, revised := range []bool{false, true} {
		if revised {
			want.Revises, event = event.ID, event.Revise()
		}
		header := map[string][]string{}
		event.Header(header, Live, alarmBegan)
		if got, err := ReadReading(header, event.AppendData(nil)); err != nil || got != want {
			t.Errorf("binary: %+v (%v), want %+v", got, err, want)
		}
		structured := map[string][]string{KeyStructured: {TypeStructured}}
		if got, err := ReadReading(structured, event.AppendStructured(nil, Live, alarmBegan)); err != nil || got != want {
			t.Errorf("structured: %+v (%v), want %+v", got, err, want)
		}
	}
	for name, message := range map[string]struct {
		header map[string][]string
		body   string
	}{
		"nothing":     {nil, ""},
		"an alarm":    {map[string][]string{keyDataSchema: {kinds[alarmRaised].dataSchema}}, "{}"},
		"no time":     {map[string][]string{keyDataSchema: {kinds[reading].dataSchema}}, "{}"},
		"no JSON":     {map[string][]string{keyDataSchema: {kinds[reading].dataSchema}}, "{"},
		"other types": {map[string][]string{keyDataSchema: {kinds[reading].dataSchema}}, `{"measured_at":3}`},
	} {
		if got, err := ReadReading(message.header, []byte(message.body)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestAReaderOfManyReadsWhatOneReads: whatever the rows are, in the order in which they come.
func TestAReaderOfManyReadsWhatOneReads(t *testing.T) {
	maker, reader := NewMaker(Readings, "saveris", "http://vendor"), NewReadingReader()
	texts := []string{"", "22011234", `a","value":7,"b`, `,"tenant":"x`, `\`, "ä\u2028"}
	n := 0
	for i := range 4000 {
		pick := func(k int) string { return texts[(i*(k+3)/(k+1)+i/7)%len(texts)] }
		row := saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: []byte("row-" + pick(0))}, {Name: "sensor_uuid", Kind: saveris.String, Text: []byte(pick(1))},
			{Name: "serial_no", Kind: saveris.String, Text: []byte(pick(2))}, {Name: "tenant_uuid", Kind: saveris.String, Text: []byte(pick(3))},
			{Name: "timestamp", Kind: saveris.String, Text: []byte(alarmBegan.Add(time.Duration(i) * time.Minute).Format(time.RFC3339))},
			{Name: "timestamp_local", Kind: saveris.String, Text: []byte(pick(4))}, {Name: "new_column", Kind: saveris.String, Text: []byte(pick(5))},
			{Name: "measurement", Kind: saveris.String, Text: []byte([]string{"4.70", "", "-1e3", "NaN"}[i%4])}, {Name: "physical_unit", Kind: saveris.String, Text: []byte([]string{"°C", "°F", `"measured_at":"`}[i/5%3])},
		}}
		if i%3 > 0 {
			row.Fields = append(row.Fields, saveris.Field{Name: "processed_at", Kind: saveris.String, Text: []byte("2026-07-01T10:16:00.5Z")})
		}
		event := maker.Event(&row, Window{}, alarmBegan)
		if i%11 == 0 && !event.Rejected {
			event = event.Revise()
		}
		header, body := map[string][]string{}, event.AppendData(nil)
		event.Header(header, Live, alarmBegan)
		if i%13 == 0 {
			header, body = map[string][]string{KeyStructured: {TypeStructured}}, event.AppendStructured(nil, Live, alarmBegan)
		}
		want, failed := ReadReading(header, body)
		got, err := reader.Read(header, body)
		if got != want || (err == nil) != (failed == nil) {
			t.Fatalf("%s\n%+v (%v), want %+v (%v)", body, got, err, want, failed)
		}
		if err == nil {
			n++
		}
	}
	if n < 3000 || len(reader.series) < 30 {
		t.Errorf("%d readings of %d series, so this proves little", n, len(reader.series))
	}
}

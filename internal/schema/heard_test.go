package schema

import (
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

// TestWhoWasHeardIsReadInEitherMode: the same of a row's event, and of nothing else.
func TestWhoWasHeardIsReadInEitherMode(t *testing.T) {
	heard := func(sensor, serial, channel string) [2]string {
		t.Helper()
		row := saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: []byte("row-1")}, {Name: "sensor_uuid", Kind: saveris.String, Text: []byte(sensor)},
			{Name: "serial_no", Kind: saveris.String, Text: []byte(serial)}, {Name: "channel_no", Kind: saveris.Number, Text: []byte(channel)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00.5Z")},
		}}
		event := NewMaker(Readings, "saveris", "http://vendor").Event(&row, Window{}, alarmBegan)
		header := map[string][]string{}
		event.Header(header, Live, alarmBegan)
		texts := [2]string{}
		for i, m := range []struct {
			header map[string][]string
			body   []byte
		}{{header, event.AppendData(nil)}, {map[string][]string{KeyStructured: {TypeStructured}}, event.AppendStructured(nil, Live, alarmBegan)}} {
			if sensor, channel, at, ok := ReadHeard(m.header, m.body); ok {
				texts[i] = sensor + " " + channel + " " + at.Format(time.RFC3339Nano)
			}
		}
		return texts
	}
	for _, serial := range []string{"22011234", "22/01", ""} {
		for _, channel := range []string{"12", ""} { // measurements v1 have none
			want := "5f4e3d2c-0000-4000-8000-000000000001 " + channel + " 2026-07-01T10:15:00.5Z"
			if got := heard("5f4e3d2c-0000-4000-8000-000000000001", serial, channel); got != [2]string{want, want} {
				t.Errorf("serial %q: heard %q, want %q twice", serial, got, want)
			}
		}
	}
	if got := heard("", "22011234", "12"); got != [2]string{} {
		t.Errorf("of no sensor: heard %q", got)
	}
	if _, _, _, ok := ReadHeard(map[string][]string{keyDataSchema: {kinds[alarmRaised].dataSchema}, keyPartitionKey: {"a"}, keyTime: {"2026-07-01T10:15:00Z"}}, nil); ok {
		t.Error("an alarm is heard")
	}
}

package schema

import (
	"testing"
	"time"
)

const readingRow = `{"uuid":"c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f","sensor_uuid":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","channel_no":1,"serial_no":"22011234","model_code":"0572 2211","tenant_uuid":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","customer_site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","timestamp":"2026-07-01T10:15:00Z","timestamp_local":"2026-07-01T12:15:00Z","measurement":4.7,"physical_property_name":"Temperature","physical_unit":"CELSIUS","physical_extension":"Air Temperature","processed_at":"2026-07-01T10:15:42Z"}`

const alarmRow = `{"uuid":"d2e3f4a5-b6c7-4d8e-9f0a-1b2c3d4e5f6a","alarm_reason":"Alarm condition is violated","alarm_status":"Alarm","last_status_change_time":"2026-07-01T10:30:00Z","alarm_condition_type":"Upper limit","alarm_severity":"Warning","alarm_time":"2026-07-01T10:30:00Z","alarm_time_local":"2026-07-01T12:30:00Z","alarm_value":"9.3","physical_unit":"°C","physical_property_name":"Temperature","physical_extension":"Air Temperature","alarm_source_uuid":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","serial_no":"22011234","tenant_uuid":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","customer_site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","alarm_type":"measurement_alarm","source_alarm_event_uuid":null,"processed_at":"2026-07-01T10:30:12Z"}`

func BenchmarkEvent(b *testing.B) {
	for _, bench := range []struct {
		name, row string
		feed      Feed
	}{
		{"reading", readingRow, Readings},
		{"alarm", alarmRow, Alarms},
		{"reading with a new column", readingRow[:len(readingRow)-1] + `,"new":"text"}`, Readings},
		{"reading without uuid", `{"id":` + readingRow[len(`{"uuid":`):], Readings},
	} {
		b.Run(bench.name, func(b *testing.B) {
			m, row := NewMaker(bench.feed, "saveris", "https://vendor.example"), parseRow(bench.row)
			b.ReportAllocs()
			for b.Loop() {
				if e := m.Event(row, testWindow, testReadAt); e.Rejected {
					b.Fatal(e.Reason)
				}
			}
		})
	}
}

func BenchmarkMessage(b *testing.B) {
	e := NewMaker(Readings, "saveris", "https://vendor.example").Event(parseRow(readingRow), testWindow, testReadAt)
	header, data, at := map[string][]string{}, []byte(nil), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		e.Header(header, Live, at)
		data = e.AppendData(data[:0])
	}
}

func BenchmarkCloudEvent(b *testing.B) {
	e := NewMaker(Readings, "saveris", "https://vendor.example").Event(parseRow(readingRow), testWindow, testReadAt)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.CloudEvent(Live, testReadAt); err != nil {
			b.Fatal(err)
		}
	}
}

package schema

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

const readingRow = `{"uuid":"c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f","sensor_uuid":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","channel_no":1,"serial_no":"22011234","model_code":"0572 2211","tenant_uuid":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","customer_site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","timestamp":"2026-07-01T10:15:00Z","timestamp_local":"2026-07-01T12:15:00Z","measurement":4.7,"physical_property_name":"Temperature","physical_unit":"CELSIUS","physical_extension":"Air Temperature","processed_at":"2026-07-01T10:15:42Z"}`

const alarmRow = `{"uuid":"d2e3f4a5-b6c7-4d8e-9f0a-1b2c3d4e5f6a","alarm_reason":"Alarm condition is violated","alarm_status":"Alarm","last_status_change_time":"2026-07-01T10:30:00Z","alarm_condition_type":"Upper limit","alarm_severity":"Warning","alarm_time":"2026-07-01T10:30:00Z","alarm_time_local":"2026-07-01T12:30:00Z","alarm_value":"9.3","physical_unit":"°C","physical_property_name":"Temperature","physical_extension":"Air Temperature","alarm_source_uuid":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","serial_no":"22011234","tenant_uuid":"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f","customer_site":"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e","alarm_type":"measurement_alarm","source_alarm_event_uuid":null,"processed_at":"2026-07-01T10:30:12Z"}`

// fleetRows makes rows of many channels as they come: every channel has its turn, the texts of a row lie side by side, and
// the names of columns are the same strings in every row.
func fleetRows(channels, rows int, change func(row string) string) []*saveris.Row {
	w, names := world{rand.New(rand.NewPCG(3, 3))}, map[string]string{}
	sensors := make([]string, channels)
	for i := range sensors {
		sensors[i] = w.uuid()
	}
	list := make([]*saveris.Row, rows)
	for i := range list {
		n := i % channels
		at := testReadAt.Add(time.Duration(i/channels) * 15 * time.Minute).Format("2006-01-02T15:04:05Z")
		row := readingRow
		for _, column := range [][2]string{
			{"uuid", w.uuid()}, {"sensor_uuid", sensors[n]}, {"serial_no", fmt.Sprint(22_000_000 + n/2)}, {"timestamp", at}, {"timestamp_local", at}, {"processed_at", at},
		} {
			row = with(row, column[0], fmt.Sprintf("%q", column[1]))
		}
		row = with(with(row, "channel_no", fmt.Sprint(1+n%2)), "measurement", fmt.Sprintf("%.6f", 20+w.NormFloat64()))
		list[i] = parseRow(change(row))
		side := make([]byte, 0, len(list[i].Raw))
		for j, f := range list[i].Fields {
			side = append(side, f.Text...)
			list[i].Fields[j].Text = side[len(side)-len(f.Text):]
			if names[f.Name] == "" {
				names[f.Name] = f.Name
			}
			list[i].Fields[j].Name = names[f.Name]
		}
	}
	return list
}

func asSent(row string) string { return row }

// BenchmarkEvent turns rows into events; one operation is one row.
func BenchmarkEvent(b *testing.B) {
	const channels, rows = 100, 200 // few enough for the caches: a row comes fresh from the decoder
	for _, bench := range []struct {
		name   string
		change func(row string) string
	}{
		{"reading", asSent},
		{"reading with a new column", func(row string) string { return with(row, "new", `"text"`) }},
		{"reading with fractions", func(row string) string {
			return with(with(row, "timestamp", `"2026-07-01 10:15:00.000"`), "processed_at", `"2026-07-01 10:15:42.123"`)
		}},
		{"reading in another dialect", func(row string) string {
			return with(with(with(row, "uuid", `"C1D2E3F4-A5B6-4C7D-8E9F-0A1B2C3D4E5F"`), "tenant_uuid", `"6D1F9C4E-2B3A-4C5D-8E7F-9A0B1C2D3E4F"`), "channel_no", "1.0")
		}},
		{"reading without uuid", func(row string) string { return with(row, "uuid", "") }},
		{"reading with escapes", func(row string) string { return with(row, "timestamp_local", `"a\"b"`) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			benchmarkEvents(b, Readings, nil, fleetRows(channels, rows, bench.change))
		})
	}
	b.Run("reading with names", func(b *testing.B) { benchmarkEvents(b, Readings, still{fleet()}, fleetRows(channels, rows, asSent)) })
	b.Run("alarm", func(b *testing.B) { benchmarkEvents(b, Alarms, nil, []*saveris.Row{parseRow(alarmRow)}) })
	b.Run("alarm with names", func(b *testing.B) { benchmarkEvents(b, Alarms, still{fleet()}, []*saveris.Row{parseRow(alarmRow)}) })
}

func benchmarkEvents(b *testing.B, feed Feed, names Names, rows []*saveris.Row) {
	m, i := NewMaker(feed, "saveris", "https://vendor.example").WithNames(names), 0
	b.ReportAllocs()
	for b.Loop() {
		if e := m.Event(rows[i], testWindow, testReadAt); e.Rejected {
			b.Fatal(e.Reason())
		}
		if i++; i == len(rows) {
			i = 0
		}
	}
}

// BenchmarkWindow holds a window of events, as the poller does until it is committed, and tells what that takes.
func BenchmarkWindow(b *testing.B) {
	const window = 100_000
	rows := fleetRows(100, 200, asSent)
	m := NewMaker(Readings, "saveris", "https://vendor.example")
	for _, row := range rows {
		m.Event(row, testWindow, testReadAt)
	}
	held := 0.0
	for b.Loop() {
		before := heap()
		events := make([]Event, window)
		for i := range events {
			events[i] = m.Event(rows[i%len(rows)], testWindow, testReadAt)
		}
		held = heap() - before
		runtime.KeepAlive(events)
	}
	b.ReportMetric(held/window, "B/row")
}

func heap() float64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

// BenchmarkMessage writes events as messages in both content modes; one operation is one message.
func BenchmarkMessage(b *testing.B) {
	rows := fleetRows(100, 200, asSent)
	m, events := NewMaker(Readings, "saveris", "https://vendor.example"), make([]Event, len(rows))
	for i, row := range rows {
		events[i] = m.Event(row, testWindow, testReadAt)
	}
	headers, at := Headers{Map: map[string][]string{}}, time.Now()
	for mode, write := range map[Mode]func(b []byte, e *Event) []byte{
		Binary:     func(b []byte, e *Event) []byte { headers.Set(e, Live, at); return e.AppendData(b) },
		Structured: func(b []byte, e *Event) []byte { return e.AppendStructured(b, Live, at) },
	} {
		b.Run(string(mode), func(b *testing.B) {
			data, i := []byte(nil), 0
			b.ReportAllocs()
			for b.Loop() {
				data = write(data[:0], &events[i])
				if i++; i == len(events) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkUnwrap takes messages in both content modes apart.
func BenchmarkUnwrap(b *testing.B) {
	e, header := eventOf(Readings, readingRow), map[string][]string{}
	e.Header(header, Live, testReadAt)
	for mode, message := range map[Mode]struct {
		header map[string][]string
		body   []byte
	}{Binary: {header, e.AppendData(nil)}, Structured: {structuredHeader, e.AppendStructured(nil, Live, testReadAt)}} {
		b.Run(string(mode), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Unwrap(message.header, message.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkID makes the id of a reading that has no uuid.
func BenchmarkID(b *testing.B) {
	m := NewMaker(Readings, "saveris", "https://vendor.example")
	m.read(parseRow(with(readingRow, "uuid", "")).Fields)
	b.ReportAllocs()
	for b.Loop() {
		m.readingID()
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

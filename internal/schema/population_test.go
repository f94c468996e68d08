package schema

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"saveris-bridge/internal/saveris"
)

// parseRow makes a Row of a JSON object as the decoder would.
func parseRow(text string) *saveris.Row {
	row := &saveris.Row{Raw: []byte(text)}
	d := jsontext.NewDecoder(strings.NewReader(text), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		panic(err)
	}
	for d.PeekKind() != '}' {
		name, _ := d.ReadToken()
		key := name.String()
		value, err := d.ReadValue()
		if err != nil && err != io.EOF {
			panic(err)
		}
		row.Fields = append(row.Fields, fieldOf(key, value.Clone()))
	}
	return row
}

func fieldOf(name string, value jsontext.Value) saveris.Field {
	switch value.Kind() {
	case 'n':
		return saveris.Field{Name: name, Kind: saveris.Null}
	case '"':
		text, _ := jsontext.AppendUnquote(nil, value)
		return saveris.Field{Name: name, Kind: saveris.String, Text: text}
	case '0':
		return saveris.Field{Name: name, Kind: saveris.Number, Text: value}
	case 't', 'f':
		return saveris.Field{Name: name, Kind: saveris.Bool, Text: value}
	default:
		return saveris.Field{Name: name, Kind: saveris.Nested, Text: value}
	}
}

// rowText writes the columns as a JSON object.
func rowText(fields []saveris.Field) []byte {
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = saveris.Field{Kind: saveris.String, Text: []byte(f.Name)}.AppendJSON(b)
		b = f.AppendJSON(append(b, ':'))
	}
	return append(b, '}')
}

func text(name, value string) saveris.Field {
	return saveris.Field{Name: name, Kind: saveris.String, Text: []byte(value)}
}

var oddTexts = []string{
	"", " ", "\u00a0", "  padded  ", "Kühlhaus 3", `a"b\c`, "100%", "tab\there", "line\nfeed", "\x00\x1f\x7f", "bad \xff\xfe utf8", "half \xe2\x82",
	"😀", "<b>&amp;</b>", "\u2028", ".", "*", ">", "a.b.c", "..", "/x/../y", "?q#f", "Unknown", " unknown ", "null", `\N`, "00000000-0000-0000-0000-000000000000", "true", "[]", "Ok", "ALARM", " warning",
	"ASV_WARNING", "KELVIN \u212A", "\ufffd", "measurement_alarm", "_", "-", strings.Repeat("long ", 60), "~2", "\u001f",
	"C1D2E3F4-A5B6-4C7D-8E9F-0A1B2C3D4E5F", " c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f\u00a0", "C1D2E3F4-A5B6-4C7D-8E9F-0A1B2C3D4E5G", "ROW-1", "nan", "-Infinity", "\ufeff",
}

var oddNumbers = []string{
	"0", "-0", "-0.0", "4.70", "4.7", "1e5", "1E+30", "1e400", "-1e-400", "0.0000001", "1e-6", "1e21", "123456789012345678901", "22.382542",
	"00.1", "+5", ".5", "5.", "NaN", "Infinity", "4,7", " 4.7 ", "\t3\n", "0x10", "1_000", "1e", "1e+", "-", "--1", "1.0", "1", "-1", "5e-324", "2.2250738585072011e-308",
	"1.00", "1e0", "10E-1", "01", "1.5e1", "-1.0", "1e19", "1e20", "00", "-0e7", "1.5", "12345678901234567890.0", "123456789012345678901.0", "nan", "+inf", "-NaN",
}

var oddTimes = []string{
	"2026-07-01T10:15:00Z", "2026-07-01 10:15:00.000", "2026-07-01t10:15:00z", "2026-07-01T10:15:00.5+02:00", "2026-07-01T10:15:00+0530", "2026-07-01T10:15:00-08",
	"2026-03-29T02:30:00+01:00", "2024-02-29T23:59:59-23:59", "2023-02-29T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
	"9999-12-31T23:59:59.999999999999Z", "0000-12-31T23:59:59-01:00", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-07-01T24:00:00Z",
	"2026-07-01T10:60:00Z", "2026-06-30T23:59:60Z", "2026-06-30T10:15:60Z", "2026-07-01T10:15:00.Z", "2026-07-01T10:15Z", "2026-07-01", "1751364900", "2026-07-01T10:15:00 UTC", "2026-07-01T10:15:00+2:00",
	"2026-07-01T10:15:00+24:00", "2026-07-01T10:15:00+02:", "2026-07-01T10:15:00+02:0", " 2026-07-01T10:15:00Z ", "2026-07-01T10:15:00ZZ", "2026/07/01T10:15:00Z", "-026-07-01T10:15:00Z",
	"2026-07-01 10:15:00.000 UTC", "2026-07-01 10:15", "2026-07-01T10:15+02:00", "2026-07-01T10:15:00,250Z", "2026-07-01T12:15:00.1+02:00[Europe/Berlin]", "2026-07-01T10:15:00[UTC]",
	"2026-07-01 12:15:00.000 Europe/Berlin", "2026-10-25 02:30:00 Europe/Berlin", "2026-03-29 02:30:00 Europe/Berlin", "1890-01-01 12:00:00 Europe/Berlin", "2011-12-30 12:00 Pacific/Apia",
	"2026-07-01 10:15:00 Etc/GMT+2", "2026-07-01 10:15:00 CET", "2026-07-01T10:15:00Z[x.y]", "0001-01-01 00:00 Asia/Tokyo", "1782900900000", "0782900900000", "1782900900.00", "2026-07-01T10:15:00.100 gmt",
	"2026-11-01 01:30:00 America/New_York", "2026-04-05 01:45:00 Australia/Lord_Howe", "2026-07-01 10:15:00 a/b", "2026-07-01T10:15:00 +0200[]", "9999-12-31 23:59 America/New_York",
}

var units = []string{"°C", "CELSIUS", "celsius", " Celsius ", "FAHRENHEIT", "fahrenheit", "°F", "%rF", "%RH", "%rh", "%", "g/m³", "g/m3", "hPa", "HPA", "mbar", "MBAR", "ppm", "K", "°c"}

// world makes rows of a feed: most as the vendor sends them, many odd ones.
type world struct{ *rand.Rand }

func (w world) pick(from []string) string { return from[w.IntN(len(from))] }

func (w world) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", w.Uint32(), w.IntN(1<<16), w.IntN(1<<12), w.IntN(1<<12), w.Int64N(1<<48))
}

func (w world) time() string {
	return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d%sZ", w.IntN(100), 1+w.IntN(12), 1+w.IntN(28), w.IntN(24), w.IntN(60), w.IntN(60), w.pick([]string{"", ".5", ".120", ".1234567891"}))
}

// place returns sensor, tenant and site: mostly those of four known places, so that rows of one channel come again and again,
// in every unit, between others that are odd.
func (w world) place() (sensor, tenant, site saveris.Field) {
	uuid := w.uuid
	if n := w.IntN(5); n < 4 {
		uuid = func() string { return fmt.Sprintf("%08d-1b0a-4f9e-8d7c-6b5a4f3e2d1c", n) }
	}
	return text("sensor_uuid", uuid()), text("tenant_uuid", uuid()), text("customer_site", uuid())
}

func (w world) row(feed Feed) *saveris.Row {
	fields := map[Feed]func() []saveris.Field{Readings: w.reading, Alarms: w.alarm, Tasks: w.task}[feed]()
	for w.IntN(2) == 0 {
		fields = w.spoil(fields)
	}
	row := &saveris.Row{Fields: fields, Raw: rowText(fields)}
	if w.IntN(100) == 0 {
		row.Fields, row.Err = nil, fmt.Errorf("no JSON object: %s", w.pick(oddTexts))
		row.Raw = []byte(w.pick(oddTexts))
	}
	return row
}

func (w world) reading() []saveris.Field {
	sensor, tenant, site := w.place()
	return []saveris.Field{
		text("uuid", w.uuid()), sensor, {Name: "channel_no", Kind: saveris.Number, Text: []byte(w.pick([]string{"1", "2"}))},
		text("serial_no", "22011234"), text("model_code", w.pick([]string{"0572 2211", "0572 2212"})), tenant, site,
		text("timestamp", w.time()), text("timestamp_local", w.time()), {Name: "measurement", Kind: saveris.Number, Text: fmt.Append(nil, float32(w.NormFloat64()*20))},
		text("physical_property_name", "Temperature"), text("physical_unit", w.pick(units)), text("physical_extension", "Air Temperature"), text("processed_at", w.time()),
	}
}

func (w world) alarm() []saveris.Field {
	sensor, tenant, site := w.place()
	sensor.Name = "alarm_source_uuid"
	fields := []saveris.Field{
		text("uuid", w.uuid()), text("alarm_reason", "Alarm condition is violated"), text("alarm_status", w.pick([]string{"Alarm", "Ok", "Unknown"})),
		text("last_status_change_time", w.time()), text("alarm_condition_type", "Upper limit"), text("alarm_severity", w.pick([]string{"Alarm", "Warning", "Unknown"})),
		text("alarm_time", w.time()), text("alarm_time_local", w.time()), text("alarm_value", "35.6"), text("physical_unit", w.pick(units)),
		text("physical_property_name", "Humidity"), text("physical_extension", "Unknown"), sensor, text("serial_no", "22011234"),
		tenant, site, text("alarm_type", w.pick([]string{"measurement alarm", "measurement_alarm"})), text("processed_at", w.time()),
	}
	if w.IntN(2) == 0 {
		fields = append(fields, text("source_alarm_event_uuid", w.uuid()))
	}
	return fields
}

func (w world) task() []saveris.Field {
	number := saveris.Field{Name: "sequence_no", Kind: saveris.Number, Text: []byte(w.pick([]string{"1", "2"}))}
	fields := []saveris.Field{
		text("uuid", w.uuid()), text("task_title", "Check fridge"), text("task_execution_uuid", w.uuid()), text("task_type", w.pick([]string{"PLANNED", "FLEXIBLE_PLANNED"})),
		{Name: "has_corrective_action", Kind: saveris.Bool, Text: []byte(w.pick([]string{"true", "false"}))}, text("task_status", w.pick([]string{"FINISHED", "PAUSED"})),
		text("task_timestamp_start", w.time()), text("task_timestamp_end", w.time()), text("tenant_uuid", w.uuid()), text("process_step_corrective_action", "false"),
		text("username", "j.doe"), text("user_uuid", w.uuid()), text("process_step_uuid", w.uuid()), number, text("timestamp", w.time()), text("content", w.pick(oddNumbers)),
		text("parameters", w.pick([]string{`{"unit": "CELSIUS"}`, `{"b":1,"a":{"c":[1.50,2]}}`, "yes", "4.70"})), text("context", w.pick([]string{`{"equipment": "Fridge 1"}`, `"k\u00fchl"`, ""})),
		text("processed_at", w.time()),
	}
	if w.IntN(2) == 0 { // there is another time, and another id
		return fields
	}
	return slices.DeleteFunc(fields, func(f saveris.Field) bool {
		return slices.Contains([]string{"task_timestamp_start", "task_timestamp_end", "task_execution_uuid"}, f.Name)
	})
}

var otherNames = []string{
	"device_uuid", "channel_id", "new_column", "alarm_delay", "a b", "ü", "bad\xff", "", "new_column~2", "serial_number", "sensor_serial_no", "customer_site_uuid", "physical_value",
	"physical_value_extension", "measurement_value", "alarm_severity", "last_status_change_time", "timestamp", "alarm_time", "channel_no", "uuid", "measurement", "alarm_value",
	"UUID", "sensorUuid", " Tenant UUID ", "\ufefftimestamp", "Alarm-Time", "CHANNEL_NO", "Measurement", "alarmValue", "processedAt", "alarmType", "ALARM_SEVERITY",
}

// spoil changes one thing about a row.
func (w world) spoil(fields []saveris.Field) []saveris.Field {
	i := w.IntN(len(fields) + 1)
	switch {
	case i == len(fields) || w.IntN(4) == 0:
		return append(fields, w.odd(w.pick(otherNames)))
	case w.IntN(8) == 0 && len(fields) > 1:
		return append(fields[:i], fields[i+1:]...)
	}
	fields[i] = w.odd(fields[i].Name)
	return fields
}

// odd returns a column a value that it seldom has.
func (w world) odd(name string) saveris.Field {
	switch w.IntN(9) {
	case 8:
		return saveris.Field{Name: name, Kind: saveris.NotFinite, Text: []byte(w.pick([]string{"NaN", "Infinity", "-inf"}))}
	case 0:
		return saveris.Field{Name: name, Kind: saveris.Null}
	case 1:
		return saveris.Field{Name: name, Kind: saveris.Bool, Text: []byte(w.pick([]string{"true", "false"}))}
	case 2:
		return saveris.Field{Name: name, Kind: saveris.Nested, Text: []byte(w.pick([]string{`[]`, "[\"\xff\"]", "{no json", `{ "a" : [1, 2.50,"\u00e9"] }`, "[1,\n2]", `{"a":1,"a":2}`}))}
	case 3:
		return saveris.Field{Name: name, Kind: saveris.Number, Text: []byte(w.pick([]string{"0", "-0.0", "7", "1e400", "-12.50", "1E2", "-"}))}
	case 4:
		return text(name, w.pick(oddNumbers))
	case 5, 6:
		return text(name, w.pick(oddTimes))
	default:
		return text(name, w.pick(oddTexts))
	}
}

package schema

import (
	"strings"
	"testing"

	"saveris-bridge/internal/saveris"
)

// liveAlarm and documentAlarm are one row as it is seen live and as the document describes it.
const liveAlarm = `{"uuid":"d2","serial_no":"22011234","alarm_source_uuid":"5f","alarm_type":"measurement alarm","alarm_severity":"Warning","alarm_status":"Alarm",
	"alarm_condition_type":"Upper limit","alarm_value":"23.5","physical_unit":"°C","physical_property_name":"Temperature","physical_extension":"Air","customer_site":"s",
	"alarm_time":"2026-06-11T08:00:00Z","last_status_change_time":"2026-06-11T08:00:01Z"}`

const documentAlarm = `{"last_status_change_time":"2026-06-11 10:00:01+02:00","alarm_time":"2026-06-11T10:00:00+02:00","customer_site_uuid":"s","physical_value_extension":"Air",
	"physical_value":"Temperature","physical_unit":"CELSIUS","alarm_value":23.50,"alarm_condition_type":"Upper limit","alarm_status":" ALARM","alarm_severity":"warning",
	"alarm_type":"measurement_alarm","alarm_source_uuid":"5f","serial_number":"22011234","uuid":"d2","source_alarm_event_uuid":null}`

func TestSameRowSameID(t *testing.T) {
	same := map[Feed][][2]string{
		Readings: {
			{readingRow, asTexts(readingRow)},
			{readingRow, with(with(readingRow, "physical_unit", `"°C"`), "measurement", `"4.700"`)},
			{readingRow, with(readingRow, "timestamp", `"2026-07-01 12:15:00+0200"`)},
			{readingRow, strings.Replace(readingRow, "measurement", "measurement_value", 1)},
			{readingRow, strings.Replace(readingRow, "serial_no", "sensor_serial_no", 1)},
			{readingRow, with(readingRow, "processed_at", `"2026-08-01T00:00:00Z"`)},
			{readingRow, with(readingRow, "physical_property_name", `"TEMP"`)},
		},
		Alarms: {
			{liveAlarm, documentAlarm},
			{liveAlarm, asTexts(liveAlarm)},
			{alarmRow, with(alarmRow, "alarm_value", `9.3`)},
		},
	}
	for feed, pairs := range same {
		for _, pair := range pairs {
			a, b := eventOf(feed, pair[0]), eventOf(feed, pair[1])
			if a.ID != b.ID || a.Check != b.Check || a.Day() != b.Day() || a.Rejected || b.Rejected {
				t.Errorf("%s: id %s, check %08x\n%s: id %s, check %08x", pair[0], a.ID, a.Check, pair[1], b.ID, b.Check)
			}
		}
	}
}

func TestSameRowWithoutUUIDSameID(t *testing.T) {
	for _, pair := range [][3]string{
		{"readings", with(readingRow, "uuid", ""), with(asTexts(readingRow), "uuid", `""`)},
		{"readings", with(readingRow, "uuid", ""), with(with(readingRow, "uuid", `" "`), "timestamp", `"2026-07-01 12:15:00+02"`)},
		{"alarms", with(liveAlarm, "uuid", ""), with(documentAlarm, "uuid", "null")},
		{"readings", with(readingRow, "uuid", ""), with(readingRow, "uuid", `"null"`)},
		{"readings", with(readingRow, "uuid", ""), with(readingRow, "uuid", `"\\N"`)},
		{"readings", with(readingRow, "uuid", ""), with(readingRow, "uuid", `" None "`)},
		{"readings", with(readingRow, "uuid", ""), with(readingRow, "uuid", `"00000000-0000-0000-0000-000000000000"`)},
		{"alarms", with(liveAlarm, "uuid", ""), with(liveAlarm, "uuid", `"NULL"`)},
	} {
		a, b := eventOf(Feed(pair[0]), pair[1]), eventOf(Feed(pair[0]), pair[2])
		if a.ID != b.ID || a.Rejected || b.Rejected {
			t.Errorf("%s: id %s\n%s: id %s", pair[1], a.ID, pair[2], b.ID)
		}
	}
}

// A uuid that is a word for nothing is none, however many rows of the series came before: all of them would share one id, and
// those of one moment and value would be lost.
func TestRowsWithoutAUUIDAreNotOne(t *testing.T) {
	for _, nothing := range []string{`"null"`, `"\\N"`, `"undefined"`, `"00000000-0000-0000-0000-000000000000"`} {
		m := NewMaker(Readings, "saveris", "https://vendor.example")
		seen := map[string]bool{}
		for _, sensor := range []string{"5f", "60", "5f", "60", "61"} {
			row := with(with(readingRow, "uuid", nothing), "sensor_uuid", `"`+sensor+`"`)
			e := m.Event(parseRow(row), testWindow, testReadAt)
			if seen[e.ID] = true; e.Rejected || !strings.Contains(string(e.AppendData(nil)), `{"uuid":null,`) {
				t.Errorf("%s: %s", nothing, e.AppendData(nil))
			}
		}
		if len(seen) != 3 {
			t.Errorf("%s: %d ids of 3 sensors", nothing, len(seen))
		}
	}
}

// asTexts is the row as it comes in a CSV file.
func asTexts(row string) string {
	r := parseRow(row)
	for i, f := range r.Fields {
		if f.Kind == saveris.Number {
			r.Fields[i].Kind = saveris.String
		}
	}
	return string(rowText(r.Fields))
}

func TestOtherRowsHaveOtherIDs(t *testing.T) {
	row := with(readingRow, "uuid", "")
	seen := map[string]string{}
	for _, other := range []string{
		row, with(row, "sensor_uuid", `"x"`), with(row, "channel_no", "2"), with(row, "channel_no", ""), with(row, "physical_property_name", `"x"`),
		with(row, "physical_extension", `"x"`), with(row, "timestamp", `"2026-07-01T10:15:01Z"`),
		with(with(row, "physical_property_name", `"x"`), "physical_extension", `"y"`), with(with(row, "physical_property_name", `"xy"`), "physical_extension", ""),
	} {
		id := eventOf(Readings, other).ID
		if before, ok := seen[id]; ok {
			t.Errorf("%s and %s have the id %s", before, other, id)
		}
		seen[id] = other
	}
}

func TestAlarmChangesHaveTheirOwnIDs(t *testing.T) {
	for want, row := range map[string]string{
		"d2.alarm.20260611T080001Z": liveAlarm,
		"d2.ok.20260611T080001Z":    with(liveAlarm, "alarm_status", `" Ok "`),
		"d2.alarm.20260611T090001Z": with(liveAlarm, "last_status_change_time", `"2026-06-11T09:00:01.999Z"`),
		"d2.alarm.":                 with(liveAlarm, "last_status_change_time", ""),
		"d2.alarm.soon":             with(liveAlarm, "last_status_change_time", `"soon"`),
		"d2.alarm.{}":               with(liveAlarm, "last_status_change_time", `{}`),
		"d2..20260611T080001Z":      with(liveAlarm, "alarm_status", ""),
		"d2.ödland.":                with(with(liveAlarm, "alarm_status", `"ÖDLAND"`), "last_status_change_time", ""),
	} {
		if e := eventOf(Alarms, row); e.ID != want {
			t.Errorf("%s: id %s, expected %s", row, e.ID, want)
		}
	}
}

func TestOtherContentIsNoticed(t *testing.T) {
	for feed, changes := range map[Feed]map[string]string{
		Readings: {"measurement": "4.71", "physical_unit": `"K"`, "timestamp": `"2026-07-01T10:15:00.1Z"`},
		Alarms: {
			"alarm_value": `"9.31"`, "physical_unit": `"°F"`, "alarm_status": `"Unknown"`, "alarm_severity": `"Alarm"`,
			"alarm_time": `"2026-07-01T10:30:01Z"`, "last_status_change_time": `"2026-07-01T10:30:01Z"`,
		},
	} {
		row := map[Feed]string{Readings: readingRow, Alarms: alarmRow}[feed]
		before := eventOf(feed, row)
		for name, value := range changes {
			for _, value := range []string{value, ""} {
				if after := eventOf(feed, with(row, name, value)); !after.Rejected && after.Check == before.Check {
					t.Errorf("%s: %s = %s leaves the check as it was", feed, name, value)
				}
			}
		}
	}
}

func TestReviseKeepsTheFirstID(t *testing.T) {
	for _, row := range []string{readingRow, with(readingRow, "uuid", `"ü 1"`)} {
		e := eventOf(Readings, row)
		r := e.Revise()
		suffix := "~f14cf75e"
		if r.ID != e.ID+suffix || r.Revise() != r || r.Check != e.Check || e.Correction() {
			t.Errorf("%q revised is %q", e.ID, r.ID)
		}
		h := map[string][]string{}
		r.Header(h, Live, testReadAt)
		if h["ce-id"][0] != refPercent(e.ID)+suffix || h["ce-revises"][0] != refPercent(e.ID) {
			t.Error(h)
		}
		if e.Header(h, Live, testReadAt); h["ce-revises"] != nil || h["ce-id"][0] != refPercent(e.ID) {
			t.Error(h)
		}
	}
}

func TestNothingOfTheRowIsKept(t *testing.T) {
	for feed, text := range map[Feed]string{Readings: readingRow, Alarms: with(alarmRow, "new", `"x"`)} {
		m, row := NewMaker(feed, "saveris", "https://vendor.example"), parseRow(text)
		e := m.Event(row, testWindow, testReadAt)
		before := printed(&e) + e.ID
		for _, f := range row.Fields {
			clear(f.Text)
		}
		other := m.Event(parseRow(with(text, "serial_no", `"other"`)), testWindow, testReadAt)
		if after := printed(&e) + e.ID; after != before || other.Subject(Live) == e.Subject(Live) {
			t.Errorf("%s\nbecame\n%s", before, after)
		}
	}
}

// TestSeriesAreToldApart: what events share is shared only where every part of it is the same.
func TestSeriesAreToldApart(t *testing.T) {
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		m := NewMaker(feed, "saveris", "https://vendor.example")
		names := []string{
			"tenant_uuid", "customer_site", "sensor_uuid", "alarm_source_uuid", "serial_no", "channel_no", "physical_property_name", "physical_extension",
			"alarm_severity", "alarm_status", "uuid", "model_code", "physical_unit",
		}
		for _, name := range names {
			for _, next := range names {
				for _, values := range [][2]string{{`"1"`, `"23"`}, {`"12"`, `"3"`}, {`"123"`, ""}, {"", `"123"`}} {
					changed := with(with(row, name, values[0]), next, values[1])
					a, b := m.Event(parseRow(changed), testWindow, testReadAt), eventOf(feed, changed)
					if printed(&a) != printed(&b) {
						t.Errorf("%s\nafter others\n%s", printed(&b), printed(&a))
					}
				}
			}
		}
	}
}

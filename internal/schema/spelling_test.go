package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris"
)

// TestTimesInEveryDialect: what the vendor's stores and libraries write is read as the moment that it is, with its own digits;
// what could be two moments is read as none.
func TestTimesInEveryDialect(t *testing.T) {
	for vendor, want := range map[string]string{
		`"2026-07-01 10:15:00.000 UTC"`:                    "2026-07-01T10:15:00.000Z", // Athena, timestamp with time zone
		`"2026-07-01 10:15:00.000"`:                        "2026-07-01T10:15:00.000Z",
		`"2026-07-01 12:15:00.000 +02:00"`:                 "2026-07-01T10:15:00.000Z",
		`"2026-07-01 12:15:00.000 Europe/Berlin"`:          "2026-07-01T10:15:00.000Z",
		`"2026-01-01 12:15:00 Europe/Berlin"`:              "2026-01-01T11:15:00Z",
		`"2026-07-01T10:15Z"`:                              "2026-07-01T10:15:00Z", // Java leaves out what is zero
		`"2026-07-01T12:15+02:00"`:                         "2026-07-01T10:15:00Z",
		`"2026-07-01 10:15"`:                               "2026-07-01T10:15:00Z",
		`"2026-07-01T10:15"`:                               "2026-07-01T10:15:00Z",
		`"2026-07-01T10:15:00.123456789Z"`:                 "2026-07-01T10:15:00.123456789Z",
		`"2026-07-01T10:15:00,120Z"`:                       "2026-07-01T10:15:00.120Z",
		`"2026-07-01T10:15:00 Z"`:                          "2026-07-01T10:15:00Z",
		`"2026-07-01 10:15:00 gmt"`:                        "2026-07-01T10:15:00Z",
		`"2026-07-01T10:15:00+0000"`:                       "2026-07-01T10:15:00Z",
		`"2026-07-01T10:15:00Z[UTC]"`:                      "2026-07-01T10:15:00Z",
		`"2026-07-01T10:15[UTC]"`:                          "2026-07-01T10:15:00Z",
		`"2026-07-01T12:15:00+02:00[Europe/Berlin]"`:       "2026-07-01T10:15:00Z",
		`"2026-10-25T02:30:00.5+02:00[Europe/Berlin]"`:     "2026-10-25T00:30:00.5Z", // the offset counts
		`"2026-10-25T02:30:00.5+01:00[Europe/Berlin]"`:     "2026-10-25T01:30:00.5Z",
		`"2026-07-01T12:15:00[Europe/Berlin]"`:             "2026-07-01T10:15:00Z",
		`"2026-07-01T18:00:00 Asia/Kathmandu"`:             "2026-07-01T12:15:00Z",
		`1782900900000`:                                    "2026-07-01T10:15:00.000Z",
		`"1782900900123"`:                                  "2026-07-01T10:15:00.123Z",
		`" 2026-07-01T10:15:00Z\n"`:                        "2026-07-01T10:15:00Z",
		`"2026-10-25 02:30:00 Europe/Berlin"`:              "", // twice
		`"2026-03-29 02:30:00 Europe/Berlin"`:              "", // never
		`"2026-07-01 12:15:00 CEST"`:                       "",
		`"2026-07-01 12:15:00 Local"`:                      "",
		`"2026-07-01 12:15:00 Europe/Atlantis"`:            "",
		`"2026-07-01 12:15:00 ../etc/passwd"`:              "",
		`"2026-07-01 12:15:00 UTC+2"`:                      "",
		`"2026-07-01T12:15:00+02:00[Europe/Berlin"`:        "",
		`"2026-07-01T12:15:00+02:00[]"`:                    "",
		`"2026-07-01T12:15:00 Europe/Berlin Europe/Paris"`: "",
		`"2026-07-01T10:15:"`:                              "",
		`"2026-07-01T10:15:0"`:                             "",
		`"2026-07-01T10:15.5Z"`:                            "",
		`"2026-07-01T10:15:00,Z"`:                          "",
		`"2026-07-01T10Z"`:                                 "",
		`"2026-07-01"`:                                     "",
		`"01/07/2026 10:15"`:                               "",
		`1782900900`:                                       "", // seconds, or milliseconds of 1970
		`1782900900000000`:                                 "",
	} {
		for feed, row := range map[Feed]string{Readings: with(readingRow, "timestamp", vendor), Alarms: with(alarmRow, "alarm_time", vendor)} {
			e := eventOf(feed, row)
			if got := e.part(partTime); e.Rejected != (want == "") || want != "" && got != want {
				t.Errorf("%s: %q %s, expected %q", vendor, got, e.Reason(), want)
			}
		}
		e := eventOf(Alarms, with(alarmRow, "last_status_change_time", vendor))
		if changed := `"status_changed_at":"` + want + `"`; want != "" && !strings.Contains(string(e.AppendData(nil)), changed) {
			t.Errorf("%s: %s", vendor, e.AppendData(nil))
		}
	}
}

// TestOneMomentIsOneContent: a moment has one id and one check, whatever the digits, but the event keeps them.
func TestOneMomentIsOneContent(t *testing.T) {
	const readingID, readingCheck, alarmID, alarmCheck = "7f4cd5c2de92e769bc01716a4944a0bd", 0xf14cf75e, "d2e3f4a5-b6c7-4d8e-9f0a-1b2c3d4e5f6a.alarm.20260701T103000Z", 0x7a603e38
	for _, digits := range []string{"", ".0", ".000", ".000000000", ".0000000000000"} {
		e := eventOf(Readings, with(with(readingRow, "uuid", ""), "timestamp", `"2026-07-01T10:15:00`+digits+`Z"`))
		if e.ID != readingID || e.Check != readingCheck || !strings.Contains(string(e.AppendData(nil)), `"measured_at":"2026-07-01T10:15:00`+digits+`Z"`) {
			t.Errorf("%q: %s %08x %s", digits, e.ID, e.Check, e.AppendData(nil))
		}
		h := map[string][]string{}
		if e.Header(h, Live, testReadAt); h["ce-time"][0] != "2026-07-01T10:15:00"+digits+"Z" {
			t.Errorf("%q: %v", digits, h)
		}
		at := `"2026-07-01T10:30:00` + digits + `Z"`
		a := eventOf(Alarms, with(with(alarmRow, "alarm_time", at), "last_status_change_time", at))
		if a.ID != alarmID || a.Check != alarmCheck || strings.Count(string(a.AppendData(nil)), at) != 2 {
			t.Errorf("%q: %s %08x %s", digits, a.ID, a.Check, a.AppendData(nil))
		}
		for _, e := range []Event{e, a} {
			h := map[string][]string{}
			e.Header(h, Live, testReadAt)
			if s, err := ReadStored(h, e.AppendData(nil)); err != nil || s.Check != e.Check {
				t.Errorf("stored with %q: check %08x instead of %08x, %v", digits, s.Check, e.Check, err)
			}
		}
	}
	if e := eventOf(Readings, with(readingRow, "timestamp", `"2026-07-01T10:15:00.0001Z"`)); e.Check == readingCheck {
		t.Error("another moment has the same check")
	}
}

// TestUUIDsAreLowerCase: a uuid is one in any case and with blanks around it, wherever it stands. What is no uuid keeps its
// case: it might mean something.
func TestUUIDsAreLowerCase(t *testing.T) {
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: with(with(alarmRow, "source_alarm_event_uuid", `"0a1b2c3d-4e5f-4a6b-8c7d-9e0fabcdef01"`), "alarm_status", `"Ok"`)} {
		m, want := NewMaker(feed, "saveris", "https://vendor.example"), eventOf(feed, row)
		for _, spell := range []func(string) string{strings.ToUpper, strings.ToLower, func(s string) string { return " " + s + "\t" }, func(s string) string { return "\u00a0" + strings.ToUpper(s) + "\r\n" }} {
			spelled := parseRow(row)
			for i, f := range spelled.Fields {
				if strings.HasSuffix(f.Name, "uuid") || f.Name == "customer_site" {
					spelled.Fields[i].Text = []byte(spell(string(f.Text)))
				}
			}
			for range 2 { // the second time its series is known
				if e := m.Event(spelled, testWindow, testReadAt); printed(&e) != printed(&want) || e.ID != want.ID {
					t.Errorf("got\n%s\nexpected\n%s", printed(&e), printed(&want))
				}
			}
		}
		if len(m.known.all) != 1 {
			t.Errorf("%s: %d series", feed, len(m.known.all))
		}
	}
	for text, want := range map[string]string{" Row-1 ": "Row-1", "ROW": "ROW", "C1D2E3F4-A5B6-4C7D-8E9F-0A1B2C3D4E5G": "C1D2E3F4-A5B6-4C7D-8E9F-0A1B2C3D4E5G"} {
		e := eventOf(Readings, with(with(readingRow, "uuid", fmt.Sprintf("%q", text)), "customer_site", fmt.Sprintf("%q", text)))
		if data := string(e.AppendData(nil)); e.ID != want || !strings.HasPrefix(data, fmt.Sprintf(`{"uuid":%q,`, want)) || !strings.Contains(data, fmt.Sprintf(`"site":%q`, text)) {
			t.Errorf("%q: id %q, %s", text, e.ID, data)
		}
	}
	nan := eventOf(Readings, with(readingRow, "uuid", `"nan"`))
	if want := eventOf(Readings, with(readingRow, "uuid", "")); nan.ID != want.ID {
		t.Errorf("a uuid that is not a number is the id %s", nan.ID)
	}
}

func TestChannelsAreIntegers(t *testing.T) {
	for text, want := range map[string]string{
		`1`: "1", `1.0`: "1", `"1.0"`: "1", `1e0`: "1", `"1"`: "1", `"01"`: "1", `10E-1`: "1", `1.50e1`: "15", `0.1e1`: "1", `"100"`: "100", `-0.0`: "0", `-0`: "0", `-1.0`: "-1",
		`12345678901234567890123`: "12345678901234567890123", `1e19`: "10000000000000000000", `0e99`: "0",
		`1.5`: "", `1e-1`: "", `1e20`: "", `1e999999999`: "", `"1."`: "", `"+1"`: "", `".0"`: "", `"one"`: "", `"1e"`: "", `"1.0.0"`: "", `"NaN"`: "", `"0x1"`: "",
	} {
		e := eventOf(Readings, with(with(readingRow, "channel_no", text), "uuid", ""))
		channel, token := want, want
		if want == "" {
			channel, token = "null", "_"
		}
		data, h := string(e.AppendData(nil)), map[string][]string{}
		e.Header(h, Live, testReadAt)
		wanted := eventOf(Readings, with(with(readingRow, "channel_no", want), "uuid", ""))
		if !strings.Contains(data, `"channel_no":`+channel+`}`) || strings.Contains(data, `"other"`) != (want == "") || h["ce-subject"][0] != "22011234/"+token || e.ID != wanted.ID {
			t.Errorf("%s: %v %s", text, h["ce-subject"], data)
		}
	}
}

func TestColumnsInEverySpelling(t *testing.T) {
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		want := eventOf(feed, row)
		for _, spell := range columnSpellings {
			spelled := parseRow(row)
			for i, f := range spelled.Fields {
				spelled.Fields[i].Name = spell(f.Name)
			}
			if e := NewMaker(feed, "saveris", "https://vendor.example").Event(spelled, testWindow, testReadAt); printed(&e) != printed(&want) {
				t.Errorf("%s\n%s\nexpected\n%s", spelled.Fields[0].Name, printed(&e), printed(&want))
			}
		}
	}
	e := eventOf(Readings, with(with(readingRow, "UUID", `"x"`), "Device_UUID", `"D"`))
	if data := string(e.AppendData(nil)); !strings.HasSuffix(data, `,"other":{"UUID":"x","Device_UUID":"D"}}`) {
		t.Error("a second spelling, and a column that is not known: ", data)
	}
}

var columnSpellings = []func(string) string{
	func(s string) string { return s }, strings.ToUpper, func(s string) string { return " " + s + "\t" }, func(s string) string { return "\ufeff" + s },
	func(s string) string { return strings.ReplaceAll(s, "_", "-") },
	func(s string) string { return strings.ReplaceAll(titled(s), "_", "") }, titled, func(s string) string { return strings.ReplaceAll(titled(s), "_", " ") },
}

func titled(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "_")
}

// TestSpellingMakesNoOtherRow: a row has one id, one check, one subject and one partition, in whatever dialect it comes.
func TestSpellingMakesNoOtherRow(t *testing.T) {
	w := world{rand.New(rand.NewPCG(11, 11))}
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		for _, row := range []string{row, with(row, "uuid", "")} {
			want, m := eventOf(feed, row), NewMaker(feed, "saveris", "https://vendor.example")
			header := map[string][]string{}
			want.Header(header, Live, testReadAt)
			for range 2000 {
				spelled, got := w.respell(parseRow(row)), map[string][]string{}
				e := m.Event(spelled, testWindow, testReadAt)
				e.Header(got, Live, testReadAt)
				delete(got, "ce-time")
				delete(header, "ce-time")
				if e.ID != want.ID || e.Check != want.Check || e.Subject(Live) != want.Subject(Live) || !e.Time.Equal(want.Time) || e.Day() != want.Day() || fmt.Sprint(got) != fmt.Sprint(header) {
					t.Fatalf("%s\n%s\nexpected\n%s", rowText(spelled.Fields), printed(&e), printed(&want))
				}
			}
		}
	}
}

// respell writes the same row in another dialect.
func (w world) respell(row *saveris.Row) *saveris.Row {
	column := columnSpellings[w.IntN(len(columnSpellings))]
	for i, f := range row.Fields {
		text := string(f.Text)
		switch {
		case f.Kind == saveris.Null:
		case strings.HasSuffix(f.Name, "uuid") || f.Name == "customer_site":
			text = w.pick([]string{"", " ", "\t"}) + w.pick([]string{text, strings.ToUpper(text)}) + w.pick([]string{"", " "})
		case strings.HasSuffix(f.Name, "_local"):
		case f.Name == "timestamp" || f.Name == "processed_at" || strings.HasSuffix(f.Name, "_time"):
			text = w.respellTime(text)
		case f.Name == "channel_no":
			text = w.pick([]string{"1", "1.0", "1e0", "01", " 1 ", "10e-1"})
		}
		row.Fields[i].Name, row.Fields[i].Text = column(f.Name), []byte(text)
		if len(text) > 0 && w.IntN(2) == 0 {
			row.Fields[i].Kind = saveris.String
		}
	}
	row.Raw = rowText(row.Fields)
	return row
}

// respellTime writes 2026-07-01T10:15:00Z in another dialect.
func (w world) respellTime(stamp string) string {
	wall := stamp[:10] + w.pick([]string{"T", " ", "t"}) + stamp[11:16]
	if seconds := stamp[16:19]; seconds != ":00" || w.IntN(3) > 0 {
		wall += seconds + w.pick([]string{"", ".0", ",000", ".000000000"})
	}
	return wall + w.pick([]string{"", "Z", "z", " UTC", " GMT", "+00:00", "+0000", "-00", " +00:00", "[UTC]", "Z[Etc/UTC]", " Etc/UTC"})
}

// TestSpelledUUIDs: nothing that headers, JSON or lower case would change passes for a uuid that is spelled as events have it.
func TestSpelledUUIDs(t *testing.T) {
	for c := range 256 {
		for i := range uuidLen {
			text := []byte("c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f")
			text[i] = byte(c)
			safe := headerSafe(text) && jsonSafe(text) && strings.ToLower(string(text)) == string(text)
			uuid := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c == '-'
			if got := spelledUUID(text); got && !safe || uuid && !got {
				t.Fatalf("%q: %v", text, got)
			}
		}
	}
}

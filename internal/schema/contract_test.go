package schema

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
)

// The goldens are written by hand after the contract and its two examples. Nothing regenerates them.
func TestContractExamples(t *testing.T) {
	rows, err := filepath.Glob("testdata/*.row.json")
	if err != nil || len(rows) != 7 {
		t.Fatal(rows, err)
	}
	for _, path := range rows {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".row.json"), func(t *testing.T) {
			row, feed := parseRow(read(t, path)), Readings
			for prefix, of := range map[string]Feed{"alarm": Alarms, "task": Tasks} {
				if strings.HasPrefix(filepath.Base(path), prefix) {
					feed = of
				}
			}
			e := NewMaker(feed, "saveris", "https://data-api.eu.p.savr.saveris.net/").Event(row, testWindow, testReadAt)
			want := read(t, strings.Replace(path, ".row.json", ".golden", 1))
			if got := printed(&e); got != want {
				t.Errorf("got\n%s\nexpected\n%s", got, want)
			}
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// printed shows a message and what the page needs to know of it.
func printed(e *Event) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "subject: %s\ncheck: %08x\nday: %s\n", e.Subject(Live), e.Check, e.Day())
	h := map[string][]string{}
	e.Header(h, Live, testReadAt)
	for _, key := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %s\n", key, strings.Join(h[key], "|"))
	}
	fmt.Fprintf(&b, "\n%s\n", e.AppendData(nil))
	return b.String()
}

func eventOf(feed Feed, row string) Event {
	return NewMaker(feed, "saveris", "https://vendor.example").Event(parseRow(row), testWindow, testReadAt)
}

// with is the row with one column set anew, or added at its end, or taken out if the value is empty.
func with(row, name, value string) string {
	var kept []string
	r := parseRow(row)
	for _, f := range r.Fields {
		member := string(f.AppendJSON(fmt.Appendf(nil, "%q:", f.Name)))
		if f.Name == name {
			if member = fmt.Sprintf("%q:%s", name, value); value == "" {
				continue
			}
			value = ""
		}
		kept = append(kept, member)
	}
	if value != "" {
		kept = append(kept, fmt.Sprintf("%q:%s", name, value))
	}
	return "{" + strings.Join(kept, ",") + "}"
}

func TestDigitsAreKept(t *testing.T) {
	for value, want := range map[string]string{
		`22.382542`: `22.382542`, `"22.382542"`: `22.382542`, `4.70`: `4.70`, `"4.70"`: `4.70`, `" 4.7\t"`: `4.7`, `-0.0`: `-0.0`, `1E+2`: `1E+2`,
		`0.1000000000000000055511151231257827`: `0.1000000000000000055511151231257827`, `1e400`: `1e400`, `12345678901234567890123`: `12345678901234567890123`,
		`null`: `null`, `""`: `null`, `"NaN"`: `null`, `"4,7"`: `null`, `"+5"`: `null`, `".5"`: `null`, `"5."`: `null`, `"007"`: `null`, `true`: `null`, `[4.7]`: `null`,
	} {
		e := eventOf(Readings, with(readingRow, "measurement", value))
		if data := string(e.AppendData(nil)); !strings.Contains(data, `,"value":`+want+`,"unit"`) {
			t.Errorf("%s: %s", value, data)
		}
		a := eventOf(Alarms, with(alarmRow, "alarm_value", value))
		if data := string(a.AppendData(nil)); !strings.Contains(data, `,"value":`+want+`,"unit"`) {
			t.Errorf("%s: %s", value, data)
		}
	}
}

func TestUnknownColumnIsKept(t *testing.T) {
	row := readingRow[:len(readingRow)-1] + `,"z":"ä\n","device_uuid":"d","a":null,"b":"","c":{"x": [1.50, "\u00e9"]},"d":false,"e":1.0E2,"measurement":"n/a","z":2}`
	e := eventOf(Readings, row)
	want := `,"other":{"z":"ä\n","device_uuid":"d","a":null,"b":"","c":{"x": [1.50, "\u00e9"]},"d":false,"e":1.0E2,"measurement":"n/a","z~2":2}}`
	if data := string(e.AppendData(nil)); !strings.HasSuffix(data, want) {
		t.Errorf("%s\nexpected to end in %s", data, want)
	}
}

func TestSecondSpellingIsKept(t *testing.T) {
	row := alarmRow[:len(alarmRow)-1] + `,"serial_number":"22011234","sensor_serial_no":"7","physical_value":"Humidity","customer_site_uuid":null}`
	e := eventOf(Alarms, row)
	if data := string(e.AppendData(nil)); !strings.HasSuffix(data, `,"other":{"sensor_serial_no":"7","physical_value":"Humidity"}}`) {
		t.Error(data)
	}
}

func TestRowsWithoutNeedsAreRejected(t *testing.T) {
	for _, c := range []struct {
		feed        Feed
		row, reason string
	}{
		{Readings, with(readingRow, "timestamp", ""), "no timestamp"},
		{Readings, with(readingRow, "timestamp", `""`), "no timestamp"},
		{Readings, with(readingRow, "timestamp", `"2026-02-30T00:00:00Z"`), `timestamp is no time: "2026-02-30T00:00:00Z"`},
		{Readings, with(readingRow, "timestamp", "1751364900"), `timestamp is no time: "1751364900"`},
		{Readings, with(with(readingRow, "uuid", `" "`), "sensor_uuid", "null"), "no uuid, and no sensor_uuid to make an id of"},
		{Readings, with(with(readingRow, "uuid", ""), "sensor_uuid", ""), "no uuid, and no sensor_uuid to make an id of"},
		{Alarms, with(alarmRow, "alarm_time", ""), "no alarm_time"},
		{Alarms, with(with(with(alarmRow, "uuid", ""), "alarm_source_uuid", ""), "serial_no", ""), "no uuid, and no alarm_source_uuid or serial_no to make an id of"},
		{Readings, with(readingRow, "uuid", ""), ""},
		{Alarms, with(with(alarmRow, "uuid", ""), "alarm_source_uuid", ""), ""},
		{Alarms, with(with(alarmRow, "uuid", ""), "serial_no", ""), ""},
		{Readings, `{"uuid":"u","timestamp":"2026-07-01T10:15:00Z"}`, ""},
		{Alarms, `{"uuid":"u","alarm_time":"2026-07-01T10:15:00Z"}`, ""},
	} {
		if e := eventOf(c.feed, c.row); e.Reason() != c.reason || e.Rejected != (c.reason != "") {
			t.Errorf("%s: rejected %v, %q; expected %q", c.row, e.Rejected, e.Reason(), c.reason)
		}
	}
}

func TestSameGarbageIsTheSameEvent(t *testing.T) {
	m := NewMaker(Alarms, "saveris", "https://vendor.example")
	row := saveris.Row{Raw: []byte("  not \xff json\r\n"), Err: fmt.Errorf("row 7: no JSON object")}
	first := m.Event(&row, testWindow, testReadAt)
	row = saveris.Row{Raw: []byte("not \xff json"), Err: fmt.Errorf("row 9: no JSON object")}
	again := m.Event(&row, Window{}, testReadAt.Add(time.Hour))
	if first.ID != again.ID || first.Check != again.Check || first.Day() != "rejected" || first.Reason() != "row 7: no JSON object" {
		t.Error(first, again)
	}
	if want := `"row":"not ` + "\ufffd" + ` json"`; !bytes.Contains(first.AppendData(nil), []byte(want)) {
		t.Errorf("%s", first.AppendData(nil))
	}
}

// A broken probe's row is an event like others: the value is null, the literal stands in other as JSON text, and the row
// read again is the same. Neither is a column that is no value worth a rejected row.
func TestNotFiniteNumbersAreNull(t *testing.T) {
	for feed, row := range map[Feed]string{Readings: readingRow, Alarms: alarmRow} {
		value := map[Feed]string{Readings: "measurement", Alarms: "alarm_value"}[feed]
		none := eventOf(feed, with(row, value, "null"))
		for _, literal := range []string{"NaN", "Infinity", "-Infinity", "nan", "+inf"} {
			for _, kind := range []saveris.Kind{saveris.NotFinite, saveris.String} {
				m, broken := NewMaker(feed, "saveris", "https://vendor.example"), withField(row, saveris.Field{Name: value, Kind: kind, Text: []byte(literal)})
				e := m.Event(broken, testWindow, testReadAt)
				data := string(e.AppendData(nil))
				if e.Rejected || !strings.Contains(data, `,"value":null,"unit"`) || !strings.HasSuffix(data, fmt.Sprintf(`,"other":{%q:%q}}`, value, literal)) {
					t.Errorf("%s: %s %s", literal, e.Reason(), data)
				}
				again := m.Event(broken, testWindow, testReadAt)
				if number := eventOf(feed, row); e.ID != number.ID || e.Check == number.Check || e.Check != none.Check || printed(&again) != printed(&e) {
					t.Errorf("%s: id %s, check %08x, again %s", literal, e.ID, e.Check, printed(&again))
				}
			}
		}
		for _, f := range parseRow(row).Fields {
			if f.Name == "timestamp" || f.Name == "alarm_time" {
				continue
			}
			e := NewMaker(feed, "saveris", "https://vendor.example").Event(withField(row, saveris.Field{Name: f.Name, Kind: saveris.NotFinite, Text: []byte("NaN")}), testWindow, testReadAt)
			if data := string(e.AppendData(nil)); e.Rejected || !strings.Contains(data, fmt.Sprintf(`"other":{%q:"NaN"}`, f.Name)) || strings.Count(data, "NaN") != 1 {
				t.Errorf("%s: %s %s", f.Name, e.Reason(), data)
			}
		}
	}
}

// withField is the row with one of its columns set anew.
func withField(text string, field saveris.Field) *saveris.Row {
	row := parseRow(text)
	for i := range row.Fields {
		if row.Fields[i].Name == field.Name {
			row.Fields[i] = field
		}
	}
	return row
}

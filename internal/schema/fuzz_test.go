package schema

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"saveris-bridge/internal/saveris"
)

// FuzzEvent holds all promises of auditor.check over rows that nobody would send. A row is written as lines of a letter
// for the kind of value, the column's name, = and the value; without any line it is a row that the decoder gave up on.
func FuzzEvent(f *testing.F) {
	audits := map[Feed]*auditor{Readings: newAuditor(f, Readings), Alarms: newAuditor(f, Alarms)}
	for _, row := range []string{readingRow, with(readingRow, "uuid", ""), with(readingRow, "new", `{"a":[1, 2]}`)} {
		f.Add(false, lines(parseRow(row).Fields))
	}
	for _, row := range []string{alarmRow, liveAlarm, documentAlarm} {
		f.Add(true, lines(parseRow(row).Fields))
	}
	for i := range max(len(oddTexts), len(oddTimes), len(oddNumbers)) {
		odd := []saveris.Field{
			text("uuid", oddTexts[i%len(oddTexts)]), text("tenant_uuid", oddTexts[(i+1)%len(oddTexts)]), text("timestamp", oddTimes[i%len(oddTimes)]),
			text("alarm_time", oddTimes[i%len(oddTimes)]), text("measurement", oddNumbers[i%len(oddNumbers)]), {Name: "serial_no", Kind: saveris.Number, Text: []byte("1e5")},
			text("alarm_value", oddNumbers[i%len(oddNumbers)]), text("last_status_change_time", oddTimes[(i+1)%len(oddTimes)]), {Name: "x", Kind: saveris.Bool, Text: []byte("true")},
			{Name: "y", Kind: saveris.NotFinite, Text: []byte("NaN")},
		}
		f.Add(i%2 == 0, lines(odd))
	}
	f.Add(true, []byte("no row at all"))
	f.Fuzz(func(t *testing.T, alarms bool, input []byte) {
		feed := Readings
		if alarms {
			feed = Alarms
		}
		if err := audits[feed].check(rowOf(input)); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzTask does what FuzzEvent does, for tasks.
func FuzzTask(f *testing.F) {
	a := newAuditor(f, Tasks)
	for i := range max(len(oddTexts), len(oddTimes), len(oddNumbers)) {
		text, stamp, number := oddTexts[i%len(oddTexts)], oddTimes[i%len(oddTimes)], oddNumbers[i%len(oddNumbers)]
		row := with(with(taskRow, "context", strconv.Quote(strings.ToValidUTF8(number, "?"))), "timestamp", strconv.Quote(stamp))
		fields := parseRow(row).Fields
		fields = append(fields, saveris.Field{Name: "task_type", Kind: saveris.String, Text: []byte(text)}, saveris.Field{Name: "parameters", Kind: saveris.Nested, Text: []byte(`{ "a" : [1, 2.50,"\u00e9"] }`)})
		f.Add(lines(fields))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if err := a.check(rowOf(input)); err != nil {
			t.Fatal(err)
		}
	})
}

const letters = "0snbox" // one for each saveris.Kind

func lines(fields []saveris.Field) []byte {
	var b []byte
	for _, f := range fields {
		b = append(b, letters[f.Kind])
		b = append(append(b, f.Name...), '=')
		b = append(append(b, f.Text...), '\n')
	}
	return b
}

func rowOf(input []byte) *saveris.Row {
	row := &saveris.Row{Raw: bytes.TrimSpace(input)}
	for line := range bytes.Lines(input) {
		name, value, found := bytes.Cut(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'='})
		if !found || len(name) == 0 {
			continue
		}
		kind := saveris.Kind(max(strings.IndexByte(letters, name[0]), 0))
		switch kind {
		case saveris.Null:
			value = nil
		case saveris.Number, saveris.Bool, saveris.Nested, saveris.NotFinite:
			value = bytes.Trim(value, " \t\r\n") // as a decoder finds a literal
		}
		row.Fields = append(row.Fields, saveris.Field{Name: string(name[1:]), Kind: kind, Text: value})
	}
	if row.Fields == nil {
		row.Err = errors.New("no list of columns")
	}
	return row
}

package audit

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/schema"
)

// TestRowsAreTheSameWhereverTheyLie: in memory and in a file.
func TestRowsAreTheSameWhereverTheyLie(t *testing.T) {
	t.Parallel()
	tables := []*table{{inMemory: 1 << 20}, {inMemory: 10_000}, {}}
	for day, channels := range []int{3000, 6000, 6001} {
		rows := make([]row, channels)
		for i := range rows {
			rows[i] = row{Due: uint32(day), Stored: uint32(i), Basis: fromReadings, Known: knownAlarm, First: int64(i) << 32, Least: -float64(i), Kinetic: 1e-16}
		}
		for _, table := range tables {
			if err := table.add(rows); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, table := range tables {
		defer table.close()
		if (table.file == nil) != (i == 0) {
			t.Errorf("table %d: file %v", i, table.file)
		}
		for day := range 3 {
			for _, channel := range []int{0, 2999, 3000, 5999, 6000} {
				got, ok, err := table.row(day, channel)
				want, there, _ := tables[0].row(day, channel)
				if err != nil || ok != there || got != want || ok && (got.Stored != uint32(channel) || got.Due != uint32(day)) {
					t.Errorf("table %d, day %d, channel %d: %+v %v %v", i, day, channel, got, ok, err)
				}
			}
		}
	}
}

func TestWithoutRoomForAFileItSaysWhatHelps(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	table := &table{}
	defer table.close()
	err := table.add(make([]row, 10))
	if code, text := hint.Of(err); err == nil || code != hint.Failed || text == "" {
		t.Errorf("%v, hint %q", err, text)
	}
}

// TestFiguresArePutShort: two decimals for people, the vendor's digits where he has no more, and an exponent where all digits would fill a page.
func TestFiguresArePutShort(t *testing.T) {
	for literal, want := range map[string]string{
		"8.286604": "8.29", "9.30": "9.30", "1": "1", "-18.5": "-18.5", "-0.004": "-0.00", "4.7e1": "47.00", "1E3": "1000.00", "1e-7": "0.00",
		"1e300": "1e+300", "-123456789012345678901234.5678": "-1.23457e+23", "": "", "NaN": "NaN", "open": "open",
	} {
		if got := short(literal); got != want {
			t.Errorf("%q is %q, want %q", literal, got, want)
		}
	}
	for value, want := range map[float64]string{4.876: "4.88", 1e300: "1e+300", -2e15: "-2e+15", 999999999999999: "999999999999999.00"} {
		if got := rounded(&value, 2); got != want {
			t.Errorf("%v is %q, want %q", value, got, want)
		}
	}
}

// TestAlarmsHaveNamesAndEndNoLaterThanNow: one that is open lasts until now, where the range has not ended yet.
func TestAlarmsHaveNamesAndEndNoLaterThanNow(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for now, minutes := range map[time.Time]float64{day.Add(3 * time.Hour): 60, day.Add(99 * time.Hour): 22 * 60, day: 0} {
		a := &auditor{report: &Report{}, config: Config{Span: checkpoint.Span{From: day, Until: day.Add(24 * time.Hour)}, Now: now}}
		a.reportAlarm(schema.AlarmPeriod{AlarmEvent: schema.AlarmEvent{
			RaisedAt: day.Add(2 * time.Hour), Severity: "warning", Condition: "Upper limit", Serial: "7", Name: "Fridge 1, Door", SiteName: "Harbour", Value: "9.333", Unit: "Cel",
		}})
		got := a.report.Alarms[0]
		if text := got.text(); got.Minutes != minutes || text != "warning Upper limit Fridge 1, Door, Harbour 7 9.33 Cel" {
			t.Errorf("%v: %v minutes, want %v: %s", now, got.Minutes, minutes, text)
		}
		if data, err := json.Marshal(got); err != nil || !strings.Contains(string(data), `"name":"Fridge 1, Door","site_name":"Harbour","serial_no":"7"`) {
			t.Errorf("%s (%v)", data, err)
		}
	}
}

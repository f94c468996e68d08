package tail

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/schema"
)

func TestADemoPrintsLittleOfWhatWasBeforeAndAllInOrder(t *testing.T) {
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := newWatcher(&out, false, began)
	const before = 7 + 1 // all readings that may be shown, and the one alarm
	for i := range 30 {  // newest first, 20 of them from before
		p.queue = append(p.queue, Event{Measured: began.Add(time.Duration(9-i) * time.Second), Value: "21.4567"})
	}
	p.queue = append(p.queue, Event{Raised: began.Add(-time.Hour), State: "raised"}, Event{Raised: began.Add(5500 * time.Millisecond), State: "raised", Text: "Upper limit exceeded"})
	if !p.flush() {
		t.Error("nothing was skipped")
	}
	p.printSkipped()
	printed := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(printed) != before+11+1 || !strings.HasPrefix(printed[0], "11:00:00") || !strings.HasPrefix(printed[1], "11:59:53") || !strings.HasPrefix(printed[before+6], "12:00:05") ||
		!strings.Contains(printed[before+6], "Upper limit exceeded") || !strings.Contains(printed[1], " 21.46") ||
		printed[len(printed)-1] != "… 13 readings and 0 alarms of the time before this start stored" {
		t.Errorf("got\n%s", &out)
	}
	for in, want := range map[string]string{"1": "1", "-19.356838": "-19.36", "5.1": "5.10", "": "", "1e-7": "1e-7"} {
		if got := twoDecimals(json.Number(in)); got != want {
			t.Errorf("%s is shown as %q, want %q", in, got, want)
		}
	}
}

func TestATaskIsPrintedAsPeopleReadIt(t *testing.T) {
	e := seed.Event(schema.Tasks, "uuid", "u1", "task_title", "Check fridge", "task_type", "PLANNED", "task_status", "FINISHED", "sequence_no", "2",
		"process_step_instructions", "Measure the temperature.", "content", "4.7", "site_name", "Market\x1b Square", "username", "j.doe", "timestamp", "2026-11-24T12:00:00Z", "parameters", `{"unit":"CELSIUS"}`)
	header := map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {e.ID}, "ce-source": {"s"}, "ce-type": {"saveris.task.v1"}, "ce-time": {"2026-11-24T12:00:00Z"}, "ce-lane": {"live"}}
	stored, err := ParseEvent(header, e.AppendData(nil), NewFleet())
	if err != nil {
		t.Fatal(err)
	}
	printed := lines{colour: true, raised: raisedAlarms{}}
	got, want := printed.line(stored), "12:00:00        live     Market\\u001b Square    Check fridge                    planned task, finished  step 2: Measure the temperature.  4.7"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestAlarmsArePrintedAsPeopleReadThem: no measured value looks like a limit, and a warning is seen with its alarm.
func TestAlarmsArePrintedAsPeopleReadThem(t *testing.T) {
	printed := lines{raised: raisedAlarms{}}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	line := func(minute int, status, severity, quantity, value string) string {
		t.Helper()
		stamp := at.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339)
		e := seed.Event(schema.Alarms, "uuid", "u"+severity+status, "alarm_time", stamp, "alarm_status", status, "alarm_severity", severity, "alarm_reason",
			map[string]string{"Alarm": "Alarm condition is violated", "Ok": "Alarm condition is adhered"}[status],
			"customer_site", "Köln", "serial_no", "2201", "alarm_condition_type", "Upper limit", "physical_extension", quantity, "alarm_value", value, "physical_unit", "°C")
		header := map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {e.ID}, "ce-source": {"s"}, "ce-type": {"saveris.alarm.raised.v1"}, "ce-lane": {"live"}}
		stored, err := ParseEvent(header, e.AppendData(nil), NewFleet())
		if err != nil {
			t.Fatal(err)
		}
		return printed.line(stored)
	}
	const head = "        live     Köln      2201            air_temperature         "
	for _, c := range []struct{ got, want string }{
		{line(0, "Alarm", "Warning", "Air Temperature", "7.25"), "12:00:00" + head + "WARNING raised  Upper limit exceeded: measured 7.25 °C"},
		{line(1, "Alarm", "Alarm", "Air Temperature", "9.12345"), "12:01:00" + head + "ALARM raised  Upper limit exceeded: measured 9.12 °C (warning since 12:00:00)"},
		{line(2, "Ok", "Alarm", "Air Temperature", "8"), "12:02:00" + head + "ALARM cleared  Back below the upper limit: measured 8 °C (warning since 12:00:00)"},
		{line(3, "Ok", "Warning", "Air Temperature", "6.5"), "12:03:00" + head + "WARNING cleared  Back below the upper limit: measured 6.5 °C"},
		{line(-1441, "Alarm", "Alarm", "Humidity", "61"), "11:59:00        live     Köln      2201            humidity                ALARM raised  Upper limit exceeded: measured 61 °C"},
		{line(5, "Alarm", "Warning", "Humidity", "62"), "12:05:00        live     Köln      2201            humidity                WARNING raised  Upper limit exceeded: measured 62 °C (alarm since 2026-11-23 11:59:00)"},
		{line(4, "Alarm", "Warning", "Door Contact", "1"), "12:04:00        live     Köln      2201            door_contact            WARNING raised  Door open"},
	} {
		if c.got != c.want {
			t.Errorf("got\n%s\nwant\n%s", c.got, c.want)
		}
	}
}

// TestLinesSayWhatPeopleCallThePlace: the name first and the serial number last. Without names a line is as it was.
func TestLinesSayWhatPeopleCallThePlace(t *testing.T) {
	const all = `{"tenant":"Restaurant","site":"Musterstadt","device":"Logger 3","sensor":"Air","equipment":"Fridge 1","part":"Inside","area":"Kitchen"}`
	for _, c := range []struct{ names, want string }{
		{`null`, "10:15:00        live     b2c3d4e5  2201/1          air_temperature               4.70 Cel"},
		{all, "10:15:00        live     Musterstadt       Fridge 1, Inside                air_temperature               4.70 Cel  2201/1"},
		{`{"site":null,"sensor":"Air","device":"Logger 3"}`, "10:15:00        live     b2c3d4e5  Air                             air_temperature               4.70 Cel  2201/1"},
		{`{"site":"A\u001b[31m","device":"` + strings.Repeat("ü", 50) + `"}`, "10:15:00        live     A\\u001b[31m            " + strings.Repeat("ü", 40) + "…  air_temperature               4.70 Cel  2201/1"},
	} {
		header := map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {"i"}, "ce-source": {"s"}, "ce-type": {"saveris.reading.v1"}, "ce-lane": {"live"}}
		body := `{"site":"b2c3d4e5-f6a7","sensor":{"serial_no":"2201","channel_no":1},"quantity":"air_temperature","value":4.7,"unit":"Cel","measured_at":"2026-07-01T10:15:00Z","names":` + c.names + `}`
		e, err := ParseEvent(header, []byte(body), NewFleet())
		if err != nil {
			t.Fatal(err)
		}
		printed := lines{raised: raisedAlarms{}}
		if got := printed.line(e); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

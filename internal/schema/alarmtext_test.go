package schema

import (
	"fmt"
	"testing"
)

// alarmSaying reads the event of an alarm whose data is told by its parts.
func alarmSaying(t *testing.T, state, reason, condition, quantity, value, unit string) AlarmEvent {
	t.Helper()
	data := fmt.Sprintf(`{"uuid":"u","state":%q,"severity":"warning","kind":"sensor system alarm","condition":%q,"reason":%q,"quantity":%q,"value":%s,"unit":%q,"raised_at":"2026-07-01T10:30:00Z"}`,
		state, condition, reason, quantity, value, unit)
	e, ok := ReadAlarm("u.alarm.t", 1, []byte(data))
	if !ok {
		t.Fatalf("no alarm: %s", data)
	}
	return e
}

func TestAnAlarmIsToldAsPeopleSayIt(t *testing.T) {
	const violated, adhered = "Alarm condition is violated", "Alarm condition is adhered"
	for _, c := range []struct{ state, reason, condition, quantity, value, unit, want string }{
		{"raised", violated, "Upper limit", "air_temperature", "8.1", "Cel", "Upper limit exceeded: measured 8.1 °C"},
		{"raised", violated, "Lower limit", "air_temperature", "-23.456", "Cel", "Below the lower limit: measured -23.46 °C"},
		{"raised", violated, "MACT_UPPER_LIMIT", "relative_humidity", "61.00", "%", "Upper limit exceeded: measured 61 %"},
		{"raised", violated, "upper  LIMIT", "x", "5", "", "Upper limit exceeded: measured 5"},
		{"raised", violated, "Upper limit", "x", "null", "Cel", "Upper limit exceeded"},
		{"raised", violated, "Upper limit", "x", "12345678901234567890.1234", "PU_ODD", "Upper limit exceeded: measured 12345678901234567890.1234 PU_ODD"},
		{"raised", violated, "Upper limit", "x", "-0.001", "g/m3", "Upper limit exceeded: measured 0 g/m³"},
		{"cleared", adhered, "Upper limit", "air_temperature", "6.94999", "Cel", "Back below the upper limit: measured 6.95 °C"},
		{"cleared", adhered, "Lower limit", "air_temperature", "null", "Cel", "Back above the lower limit"},
		{"cleared", "The alarm condition does no longer exist", "Upper limit", "x", "9", "Cel", "Over: Upper limit exceeded (limit removed)"},
		{"unknown", "The time period for alarm supervision has ended", "Lower limit", "x", "9", "Cel", "Over: Below the lower limit (supervision ended)"},
		{"unknown", "Unknown", "Upper limit", "x", "9", "Cel", "Upper limit exceeded: measured 9 °C (state unknown)"},
		{"raised", violated, "Upper limit", "door_contact", "1", "", "Door open"},
		{"cleared", adhered, "Upper limit", "door", "0", "", "Door closed"},
		{"raised", violated, "Lower limit", "door_contact", "0", "", "Door closed"},
		{"raised", violated, "The battery of the device is nearly empty", "door_contact", "null", "", "Battery nearly empty"},
		{"cleared", adhered, "The battery of the device is nearly empty", "", "null", "", "Over: Battery nearly empty"},
		{"raised", violated, "Lost external power supply for device", "", "null", "", "External power lost"},
		{"raised", violated, "Connection timeout, device did not communicated in expected time", "", "null", "", "No contact: the device did not report in time"},
		{"raised", violated, "Sensor is broken", "", "null", "", "Sensor is broken"},
		{"raised", violated, "Calibration is too old", "", "null", "", "Calibration is too old"},
		{"raised", violated, "Shock detected", "acceleration", "3.14159", "g", "Shock detected: measured 3.14 g"},
		{"cleared", adhered, "Shock detected", "", "null", "", "Over: Shock detected"},
		{"raised", violated, "Unknown", "", "null", "", "sensor system alarm"},
		{"raised", violated, " ", "", "null", "", "sensor system alarm"},
	} {
		e := alarmSaying(t, c.state, c.reason, c.condition, c.quantity, c.value, c.unit)
		if got := e.Text(); got != c.want {
			t.Errorf("%s %q of %q is told as %q, want %q", c.state, c.condition, c.quantity, got, c.want)
		}
	}
	for reason, want := range map[string]string{"Upper limit violated": "Upper limit violated", "": "Alarm of an unknown kind", "Unknown": "Alarm of an unknown kind"} {
		e := AlarmEvent{Condition: "Unknown", Kind: "unknown", Reason: reason, transition: transitionBegin}
		if got := e.Text(); got != want {
			t.Errorf("%q is told as %q, want %q", reason, got, want)
		}
	}
}

// TestAnOpenAlarmKeepsItsWords: what is listed is told as the event that raised it.
func TestAnOpenAlarmKeepsItsWords(t *testing.T) {
	o := NewOpenAlarms()
	e := alarmSaying(t, "raised", "", "Unknown", "air_temperature", "8.1", "Cel")
	o.Take(e)
	if list := o.List(); len(list) != 1 || list[0].Text() != e.Text() || list[0].Text() != "sensor system alarm: measured 8.1 °C" {
		t.Errorf("%+v", list)
	}
}

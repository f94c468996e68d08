package schema

import (
	"math"
	"strconv"
	"strings"
)

// alarmWords are what people call a condition while it holds, and once it does no more.
type alarmWords struct{ holds, over string }

// alarmConditions are the vendor's alarm_condition_type, folded and without the prefix of his codes.
var alarmConditions = map[string]alarmWords{
	"upper limit": {"Upper limit exceeded", "Back below the upper limit"},
	"lower limit": {"Below the lower limit", "Back above the lower limit"},
	"the battery of the device is nearly empty":                        {holds: "Battery nearly empty"},
	"lost external power supply for device":                            {holds: "External power lost"},
	"connection timeout, device did not communicated in expected time": {holds: "No contact: the device did not report in time"},
	"sensor is broken":       {holds: "Sensor is broken"},
	"calibration is too old": {holds: "Calibration is too old"},
}

// doorConditions are those of a door, whose value is 1 while it is open.
var doorConditions = map[string]alarmWords{
	"upper limit": {"Door open", "Door closed"},
	"lower limit": {"Door closed", "Door open"},
}

// alarmEnds are the reasons that end an alarm although its condition may still hold.
var alarmEnds = map[string]string{
	"the alarm condition does no longer exist":        "limit removed",
	"the time period for alarm supervision has ended": "supervision ended",
}

// Text returns what the event says in words for people, such as "Upper limit exceeded: measured 8.1 °C" or "Door open". The
// measured value has two decimals at most. A condition that is not known is the vendor's own word for it. It may hold text of
// the vendor's: whoever shows it makes it harmless.
func (e *AlarmEvent) Text() string {
	words, door := e.words()
	ended := alarmEnds[string(appendFolded(nil, e.Reason))]
	switch {
	case ended != "":
		return "Over: " + words.holds + " (" + ended + ")"
	case e.transition == transitionEnd && words.over == "":
		return "Over: " + words.holds
	}
	text := words.holds
	if e.transition == transitionEnd {
		text = words.over
	}
	if e.Value != "" && !door {
		text += ": measured " + strings.TrimRight(twoDecimals(e.Value)+" "+unitForPeople(e.Unit), " ")
	}
	if e.transition == transitionNone {
		text += " (state unknown)"
	}
	return text
}

// words returns those of the condition, and whether they say as much as the value of a door does.
func (e *AlarmEvent) words() (words alarmWords, door bool) {
	condition := strings.TrimPrefix(string(appendFolded(nil, e.Condition)), "mact ")
	if isDoor(e.Quantity) {
		if words, known := doorConditions[condition]; known {
			return words, true
		}
	}
	if words, known := alarmConditions[condition]; known {
		return words, false
	}
	for _, text := range []string{e.Condition, e.Kind, e.Reason} {
		if text = strings.TrimSpace(text); text != "" && !strings.EqualFold(text, "unknown") {
			return alarmWords{holds: text}, false
		}
	}
	return alarmWords{holds: "Alarm of an unknown kind"}, false
}

// isDoor reports whether a quantity is that of a door contact: alarms name it door_contact, or door without an extension.
func isDoor(quantity string) bool { return strings.HasPrefix(quantity, "door") }

// twoDecimals rounds a number to two decimals at most. What is too large for that, or no plain number, stays as it is.
func twoDecimals(literal string) string {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.Abs(f) >= 1e12 || !strings.Contains(literal, ".") || strings.ContainsAny(literal, "eE") {
		return literal
	}
	text := strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 2, 64), "0"), ".")
	if text == "-0" {
		return "0"
	}
	return text
}

// unitForPeople is a unit as people write it: a UCUM code that is known, or the text as it is.
func unitForPeople(unit string) string {
	switch unit {
	case "Cel":
		return "°C"
	case "[degF]":
		return "°F"
	case "g/m3":
		return "g/m³"
	case "[ppm]":
		return "ppm"
	}
	return unit
}

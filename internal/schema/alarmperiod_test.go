package schema

import (
	"fmt"
	"testing"
	"time"
)

func TestAlarmsHaveABeginningAndAnEnd(t *testing.T) {
	for name, x := range map[string]struct {
		told []string
		want string // <uuid> <minute of the beginning> <minute of the end, - while open>
	}{
		"open":                  {[]string{"a Alarm 0"}, "a 0 -"},
		"paired":                {[]string{"a Alarm 0", "b Ok 7"}, "a 0 7"},
		"in place":              {[]string{"a Alarm 0", "a Ok 0 changed=9"}, "a 0 9"},
		"by name":               {[]string{"a Alarm 0", "b Ok 5 ends=a serial_no=2"}, "a 0 5"},
		"an end alone":          {[]string{"b Ok 5"}, ""},
		"two, one of them open": {[]string{"a Alarm 0", "b Alarm 3", "c Ok 5"}, "a 0 -; b 3 5"},
		"in any order":          {[]string{"c Ok 5", "b Alarm 3", "a Alarm 0"}, "a 0 -; b 3 5"},
	} {
		o := NewOpenAlarms()
		for i, told := range x.told {
			o.Take(alarmFrom(t, uint64(i+1), told))
		}
		if got := periodsText(o.Periods()); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

func periodsText(list []AlarmPeriod) (text string) {
	for i, p := range list {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s %d ", rowOfID(p.ID), int(p.RaisedAt.Sub(alarmBegan)/time.Minute))
		if p.EndedAt.IsZero() {
			text += "-"
		} else {
			text += fmt.Sprint(int(p.EndedAt.Sub(alarmBegan) / time.Minute))
		}
	}
	return text
}

// TestWhatIsForgottenWasHandedOver: no alarm of a series with too many of them is lost, or comes twice.
func TestWhatIsForgottenWasHandedOver(t *testing.T) {
	o := NewOpenAlarms()
	seen := map[string]string{}
	add := func(p AlarmPeriod) {
		if seen[p.ID] != "" {
			t.Errorf("%s came twice", p.ID)
		}
		seen[p.ID] = periodsText([]AlarmPeriod{p})
	}
	o.OnForget = add
	const n = 3 * maxRowsOfASeries
	for i := range n {
		o.Take(alarmFrom(t, uint64(2*i+1), fmt.Sprintf("b%d Alarm %d", i, 10*i)))
		o.Take(alarmFrom(t, uint64(2*i+2), fmt.Sprintf("e%d Ok %d", i, 10*i+4)))
	}
	if len(seen) == 0 {
		t.Error("nothing was forgotten, so this proves nothing")
	}
	for _, p := range o.Periods() {
		add(p)
	}
	if len(seen) != n {
		t.Errorf("%d alarms, want %d", len(seen), n)
	}
	for id, text := range seen {
		var row string
		var begin, end int
		if _, err := fmt.Sscanf(text, "%s %d %d", &row, &begin, &end); err != nil || end != begin+4 {
			t.Errorf("%s: %s", id, text)
		}
	}
}

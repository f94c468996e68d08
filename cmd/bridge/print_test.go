package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestADemoPrintsLittleOfWhatWasBeforeAndAllInOrder(t *testing.T) {
	began := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	var out strings.Builder
	p := newEventPrinter(&out, began)
	const before = 7 + 1 // all readings that may be shown, and the one alarm
	for i := range 30 {  // newest first, 20 of them from before
		p.hand = append(p.hand, storedEvent{Measured: began.Add(time.Duration(9-i) * time.Second), Value: "21.4567"})
	}
	p.hand = append(p.hand, storedEvent{Raised: began.Add(-time.Hour), State: "raised"}, storedEvent{Raised: began.Add(5500 * time.Millisecond), State: "raised", Cond: "Upper limit"})
	if !p.flush() {
		t.Error("nothing was skipped")
	}
	p.tellSkipped()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != before+11+1 || !strings.HasPrefix(lines[0], "11:00:00") || !strings.HasPrefix(lines[1], "11:59:53") || !strings.HasPrefix(lines[before+6], "12:00:05") ||
		!strings.Contains(lines[before+6], "Upper limit") || !strings.Contains(lines[1], " 21.46") ||
		lines[len(lines)-1] != "… 13 readings and 0 alarms of the time before this start stored" {
		t.Errorf("got\n%s", &out)
	}
	for in, want := range map[string]string{"1": "1", "-19.356838": "-19.36", "5.1": "5.10", "": "", "1e-7": "1e-7"} {
		if got := twoDecimals(json.Number(in)); got != want {
			t.Errorf("%s is shown as %q, want %q", in, got, want)
		}
	}
}

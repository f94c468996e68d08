package status

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// change is an alarm's event as this test tells it.
type change struct {
	uuid, state, source string
	at                  int // minutes
}

var base = time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour)

func (c change) data() []byte {
	stamp := base.Add(time.Duration(c.at) * time.Minute).Format(time.RFC3339)
	data, _ := json.Marshal(map[string]any{
		"uuid": c.uuid, "state": c.state, "source_alarm_event": c.source, "raised_at": base.Format(time.RFC3339), "status_changed_at": stamp,
		"severity": "alarm", "condition": "Upper limit", "value": json.Number("9.30"), "unit": nil, "vendor_unit": "°C", "sensor": map[string]any{"serial_no": "7"},
	})
	return data
}

func openIDs(a *alarms) string {
	var ids []string
	for _, alarm := range a.show(time.Now()) {
		ids = append(ids, alarm.ID)
	}
	return strings.Join(ids, " ")
}

func TestAnAlarmIsOpenUntilItIsClearedInWhateverOrderThatComes(t *testing.T) {
	for _, c := range []struct {
		name    string
		changes []change
		want    string
	}{
		{"raised", []change{{"a", "raised", "", 0}}, "a"},
		{"cleared in place", []change{{"a", "raised", "", 0}, {"a", "cleared", "", 5}}, ""},
		{"cleared by a row of its own", []change{{"a", "raised", "", 0}, {"b", "cleared", "a", 5}}, ""},
		{"raised again", []change{{"a", "raised", "", 0}, {"a", "cleared", "", 5}, {"a", "raised", "", 9}}, "a"},
		{"two, of which one is cleared", []change{{"a", "raised", "", 0}, {"b", "raised", "", 1}, {"a", "cleared", "", 5}}, "b"},
		{"an unknown status is no end", []change{{"a", "raised", "", 0}, {"a", "unknown", "", 5}}, "a"},
	} {
		for range 50 {
			a := newAlarms()
			for _, change := range c.changes {
				if _, ok := a.take("id", change.data()); !ok {
					t.Fatal("not taken")
				}
			}
			if got := openIDs(a); got != c.want {
				t.Errorf("%s, as %v: open are %q, want %q", c.name, c.changes, got, c.want)
			}
			rand.Shuffle(len(c.changes), func(i, j int) { c.changes[i], c.changes[j] = c.changes[j], c.changes[i] })
		}
	}
}

func TestACorrectionCountsAsWhatItSays(t *testing.T) {
	a := newAlarms()
	a.take("a.alarm.t", change{"a", "raised", "", 0}.data())
	a.take("a.alarm.t~12345678", []byte(strings.Replace(string(change{"a", "raised", "", 0}.data()), "9.30", "9.40", 1)))
	if open := a.show(time.Now()); len(open) != 1 || *open[0].Value != "9.40" || open[0].Unit != "°C" || open[0].Serial != "7" {
		t.Errorf("%+v", open)
	}
}

func TestAnAlarmWithoutUUIDIsKnownByItsID(t *testing.T) {
	a := newAlarms()
	a.take("0123.alarm.20261101T000000Z", change{"", "raised", "", 0}.data())
	if got := openIDs(a); got != "0123" {
		t.Errorf("open are %q", got)
	}
	a.take("0123.ok.20261101T000500Z~12345678", change{"", "cleared", "", 5}.data())
	if got := openIDs(a); got != "" {
		t.Errorf("open are %q", got)
	}
}

func TestAlarmsAreForgottenWithinBounds(t *testing.T) {
	a := newAlarms()
	a.take("", change{"old", "raised", "", -60 * 24 * 31}.data())
	a.take("", change{"new", "raised", "", 0}.data())
	if got := openIDs(a); got != "new" || len(a.byID) != 1 {
		t.Errorf("open are %q, %d remembered", got, len(a.byID))
	}
	for i := range maxClosed + maxOpen + 100 {
		state := "cleared"
		if i%5 == 0 {
			state = "raised"
		}
		a.take("", change{fmt.Sprint(i), state, "", i % 100}.data())
	}
	if open := a.show(time.Now()); len(a.byID) > maxOpen+maxClosed || len(open) > maxOpen || len(open) < maxOpen*9/10 {
		t.Errorf("%d remembered, %d open", len(a.byID), len(open))
	}
}

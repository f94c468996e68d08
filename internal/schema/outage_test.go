package schema

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// timeout is an event of a connection-timeout alarm of a device, as it is stored; at and came are minutes.
func timeout(uuid, state string, at, came int, more string) AlarmEvent {
	text := func(minute int) string {
		return outageDay.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339)
	}
	status := map[string]string{"raised": "Alarm", "cleared": "Ok"}[state]
	e, ok := ReadAlarm(uuid+"."+status+"."+text(at), 1, fmt.Appendf(nil, `{"uuid":%q,"tenant":"t","site":"s","state":%q,"severity":"alarm","condition":"Connection timeout, device did not communicated in expected time",
		"sensor":{"serial_no":"20208111"},"raised_at":%q,"status_changed_at":%q,"received_at":%q%s}`, uuid, state, text(at), text(at), text(came), more))
	if !ok {
		panic("no alarm")
	}
	return e
}

var outageDay = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

func outage(raised, ended int) Outage {
	return Outage{Raised: outageDay.Add(time.Duration(raised) * time.Minute), Ended: outageDay.Add(time.Duration(ended) * time.Minute)}
}

func TestOutagesAreFoundInTheAlarms(t *testing.T) {
	for name, c := range map[string]struct {
		events []AlarmEvent
		want   []Outage
	}{
		"a pair by its link":                     {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), timeout("x", "raised", 20, 21, ""), timeout("b", "cleared", 70, 71, `,"source_alarm_event":"a"`)}, []Outage{outage(10, 71)}},
		"a pair without a link":                  {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), timeout("b", "cleared", 70, 71, "")}, []Outage{outage(10, 71)}},
		"an end that names a row we do not have": {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), timeout("b", "cleared", 70, 71, `,"source_alarm_event":"z"`)}, []Outage{outage(10, 71)}},
		"still going on":                         {[]AlarmEvent{timeout("a", "raised", 10, 11, "")}, nil},
		"an end alone":                           {[]AlarmEvent{timeout("b", "cleared", 70, 71, "")}, []Outage{{Ended: outage(0, 71).Ended}}},
		"two":                                    {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), timeout("b", "cleared", 70, 71, ""), timeout("c", "raised", 90, 91, ""), timeout("d", "cleared", 95, 96, "")}, []Outage{outage(10, 71), outage(90, 96)}},
		"supervision has ended":                  {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), timeout("b", "raised", 70, 71, `,"reason":"The time period for alarm supervision has ended"`)}, []Outage{outage(10, 71)}},
		"a row that is updated in place": {[]AlarmEvent{timeout("a", "raised", 10, 11, ""), func() AlarmEvent {
			e := timeout("a", "cleared", 10, 71, "")
			e.ChangedAt = outage(0, 70).Ended
			return e
		}()}, []Outage{outage(10, 71)}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // in any order, some of them twice
				o := NewOutages()
				events := append(slices.Clone(c.events), c.events[0])
				rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				for _, e := range events {
					o.Take(e, time.Time{})
				}
				if got := o.Ended(outageDay); !slices.Equal(got, c.want) {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
		})
	}
}

func TestOtherAlarmsAreNoOutages(t *testing.T) {
	o := NewOutages()
	for _, condition := range []string{"Upper limit", "The battery of the device is nearly empty", ""} {
		e := timeout("a", "cleared", 70, 71, "")
		e.Condition = condition
		o.Take(e, time.Time{})
	}
	if got := o.Ended(outageDay); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	e := timeout("a", "cleared", 70, 71, "")
	e.Condition = "CONNECTION_TIMEOUT"
	if o.Take(e, time.Time{}); len(o.Ended(outageDay)) != 1 {
		t.Error("another spelling is not known")
	}
}

func TestWhatEndedLongAgoIsForgotten(t *testing.T) {
	o := NewOutages()
	o.Take(timeout("a", "raised", 10, 11, ""), time.Time{})
	o.Take(timeout("b", "cleared", 70, 71, ""), time.Time{})
	if got := o.Ended(outageDay.Add(71 * time.Minute)); len(got) > 0 || len(o.turns) != 1 {
		t.Errorf("got %v, %d events kept", got, len(o.turns))
	}
	if o.Ended(outageDay.Add(2 * LongestOutage)); len(o.turns) > 0 {
		t.Errorf("%d events kept", len(o.turns))
	}
}

func TestAnOutageEndsByTheVendorsClockAndWithinADayOfItsReading(t *testing.T) {
	made := outage(0, 73).Ended
	for came, want := range map[int]Outage{71: outage(10, 71), 130: outage(10, 130), 365 * 24 * 60: outage(10, 73+24*60)} {
		o := NewOutages()
		o.Take(timeout("a", "raised", 10, 11, ""), made)
		o.Take(timeout("b", "cleared", 70, came, ""), made)
		if got := o.Ended(outageDay); !slices.Equal(got, []Outage{want}) {
			t.Errorf("came in minute %d, read in minute 73: got %v, want %v", came, got, want)
		}
	}
}

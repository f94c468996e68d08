package saveristest

import (
	"slices"
	"testing"
	"time"
)

// TestOpenAlarmsAreThoseWithoutAnEnd: whatever the rows look like, the same alarms are open, and those that
// can be paired by name are those of which no end can be seen.
func TestOpenAlarmsAreThoseWithoutAnEnd(t *testing.T) {
	uuids := func(s *vendor, asOf time.Time) (list []string) {
		for _, a := range s.OpenAlarms(asOf) {
			list = append(list, a.UUID)
		}
		return list
	}
	plain := startWith(t, "world.outage_every=96h")
	for asOf := noon; asOf.Before(noon.Add(2 * day)); asOf = asOf.Add(13 * time.Hour) {
		want := map[string]time.Time{}
		for a := range plain.Alarms(noon.Add(-130*day), asOf, asOf) {
			if a.AlarmStatus == statusAlarm {
				want[a.UUID] = a.AlarmTime
			}
		}
		for a := range plain.Alarms(noon.Add(-130*day), asOf, asOf) {
			delete(want, a.SourceAlarmEventUUID)
		}
		open := uuids(plain, asOf)
		if len(open) != len(want) || len(open) == 0 {
			t.Errorf("at %s %d are open, %d rows have no end", asOf, len(open), len(want))
		}
		for _, uuid := range open {
			if want[uuid].IsZero() {
				t.Errorf("at %s %s is open, and has an end or no beginning", asOf, uuid)
			}
		}
		for _, set := range []string{"alarm.rows=in-place", "alarm.source_event=never", "alarm.closing=mixed", "alarm.unknown=mixed", "alarm.time_skew=minutes"} {
			if s := startWith(t, "world.outage_every=96h", set); !slices.Equal(uuids(s, asOf), open) {
				t.Errorf("%s: others are open", set)
			}
		}
	}
}

// TestSomethingIsOpenForMonths: a calibration waits for somebody.
func TestSomethingIsOpenForMonths(t *testing.T) {
	s := startWith(t)
	asOf := noon.Add(40 * day)
	oldest := s.OpenAlarms(asOf)[0]
	if age := asOf.Sub(oldest.AlarmTime); age < 31*day || oldest.AlarmConditionType != "Calibration is too old" {
		t.Errorf("the oldest that is open has been so for %s: %+v", age, oldest)
	}
}

func TestWhatTheVendorDoesNotKnow(t *testing.T) {
	for set, want := range map[string][]string{
		"alarm.unknown=never":    {"Alarm Alarm condition is violated", "Ok Alarm condition is adhered", "Ok " + reasonGone, "Ok " + reasonEnded},
		"alarm.unknown=status":   {"Unknown Unknown"},
		"alarm.unknown=severity": {"severity Unknown"},
		"alarm.unknown=reason":   {"Alarm Unknown", "Ok Unknown"},
		"alarm.unknown=mixed":    {"Unknown Unknown", "severity Unknown", "Alarm Unknown", "Ok Unknown"},
		"alarm.closing=Unknown":  {"Unknown Alarm condition is adhered", "Unknown " + reasonGone, "Unknown " + reasonEnded},
		"alarm.closing=mixed":    {"Ok " + reasonAdhered, "Unknown " + reasonAdhered, "Alarm " + reasonAdhered},
	} {
		s := startWith(t, set)
		seen := map[string]bool{}
		for a := range s.Alarms(noon.Add(-90*day), noon, noon) {
			seen[a.AlarmStatus+" "+a.AlarmReason] = true
			seen["severity "+a.AlarmSeverity] = true
		}
		for _, one := range want {
			if !seen[one] {
				t.Errorf("%s: no row with %q, but %v", set, one, seen)
			}
			if set == "alarm.unknown=never" {
				delete(seen, one)
			}
		}
		if set == "alarm.unknown=never" && len(seen) != 2 {
			t.Errorf("%s: %v", set, seen)
		}
		if set == "alarm.closing=Unknown" && seen["Ok "+reasonAdhered] {
			t.Errorf("%s: a closing row is Ok", set)
		}
	}
}

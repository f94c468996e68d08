package schema

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// alarmSwitches are those by which alarms may look different: of the first ones every combination, the others take turns.
var alarmSwitches = []string{"alarm.source_event", "alarm.rows", "alarm.time_skew", "alarm.unknown", "alarm.closing", "alarm.source_uuid", "site.value", "alarm.names"}

const crossed = 5

// TestTheListIsTheVendorsTruth reads a pretend vendor's days at two moments: what is open is what is open in his world, for
// whoever has read all along and for whoever reads all of it at the end.
func TestTheListIsTheVendorsTruth(t *testing.T) {
	t.Parallel()
	values := map[string][]string{}
	for _, key := range saveristest.Keys() {
		values[key.Name] = key.Values
	}
	combinations := [][]string{nil}
	for i, name := range alarmSwitches {
		var longer [][]string
		for n, settings := range combinations {
			for m, value := range values[name] {
				if i < crossed || m == (n/len(values[name])+n)%len(values[name]) {
					longer = append(longer, append(slices.Clone(settings), name+"="+value))
				}
			}
		}
		combinations = longer
	}
	for i, settings := range combinations {
		if !variants.Take(i, 7) {
			continue
		}
		t.Run(strings.Join(settings, " "), func(t *testing.T) { t.Parallel(); listTheTruth(t, settings) })
	}
}

func listTheTruth(t *testing.T, settings []string) {
	begin := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	var now atomic.Int64
	cfg := saveristest.Config{Now: func() time.Time { return time.Unix(now.Load(), 0).UTC() }}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		if err := cfg.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	cfg.World = saveristest.World{Start: begin, Sites: 3, AlarmEvery: 3 * time.Hour, OutageEvery: 48 * time.Hour, LateShare: 0.1}
	cfg.Switches.QueryLatency = "zero"
	now.Store(begin.Unix())
	vendor, err := saveristest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer vendor.Close()
	client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var all []AlarmEvent
	along := NewOpenAlarms()
	total := 0
	for _, hours := range []int{61, 110} {
		asOf := begin.Add(time.Duration(hours) * time.Hour)
		now.Store(asOf.Unix())
		read := readAlarms(t, client, vendor.URL(), begin, asOf)
		all = append(all, read...)
		for _, e := range read {
			along.Take(e)
		}
		later := NewOpenAlarms()
		for _, i := range rand.Perm(len(read)) {
			later.Take(read[i])
		}
		var want []string
		for _, a := range vendor.OpenAlarms(asOf) {
			want = append(want, a.UUID)
		}
		slices.Sort(want)
		for who, o := range map[string]*OpenAlarms{"all along": along, "at the end": later} {
			if got := strings.Fields(openOf(o)); !slices.Equal(got, want) {
				t.Fatalf("at %s, read %s: %d are open, want %d%s", asOf, who, len(got), len(want), differences(got, want, all))
			}
		}
		total += len(want)
	}
	if total < 3 {
		t.Errorf("only %d are open at two moments", total)
	}
}

// readAlarms reads [from, until] in windows of a week at most.
func readAlarms(t *testing.T, client *saveris.Client, url string, from, until time.Time) (events []AlarmEvent) {
	maker := NewMaker(Alarms, "saveris", url)
	for from.Before(until) {
		end := from.Add(7 * 24 * time.Hour)
		if end.After(until) {
			end = until
		}
		_, err := client.Rows(t.Context(), saveris.Query{Feed: saveris.Alarms, From: from, Until: end}, func(row *saveris.Row) error {
			event := maker.Event(row, testWindow, testReadAt)
			e, ok := ReadAlarm(event.ID, uint64(len(events)+1), event.AppendData(nil))
			if !ok {
				return fmt.Errorf("%s is no alarm", row.Raw)
			}
			events = append(events, e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		from = end
	}
	return events
}

// differences names the alarms that are in one list only, with all that was read of their series.
func differences(got, want []string, read []AlarmEvent) string {
	var text strings.Builder
	for _, e := range read {
		id, _, _ := strings.Cut(e.ID, ".")
		if e.transition == transitionBegin && slices.Contains(got, id) != slices.Contains(want, id) {
			fmt.Fprintf(&text, "\n%s wanted %t, of", e.ID, slices.Contains(want, id))
			for _, other := range read {
				if other.series == e.series && other.RaisedAt.Sub(e.RaisedAt).Abs() < 10*time.Hour {
					fmt.Fprintf(&text, "\n  %s %d %s %s %s, received %s", other.ID, other.transition, other.Condition, other.Severity, other.RaisedAt.Format(time.RFC3339), other.Received.Format(time.RFC3339))
				}
			}
		}
	}
	return text.String()
}

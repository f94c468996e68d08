package checkpoint

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

func TestOnlyEventsOfCoveredTimeAreLate(t *testing.T) {
	covered := []Interval{read(0, 10, 12), read(10, 20, 25), read(30, 40, 45)}
	events := func(minutes ...int) (list []schema.Event) {
		for _, m := range minutes {
			list = append(list, schema.Event{Time: at(m)})
		}
		return list
	}
	for _, c := range []struct {
		name    string
		events  []schema.Event
		covered []Interval
		want    uint64
	}{
		{"nothing covered", events(0, 5, 35), nil, 0},
		{"nothing stored", nil, covered, 0},
		{"both ends of an interval", events(29, 30, 39, 40), covered, 2},
		{"before, between and behind", events(-1, 20, 25, 40, 90), covered, 0},
		{"several in one interval", events(1, 1, 2, 11, 31), covered, 5},
		{"out of order", events(35, 5, 25, 15), covered, 3},
	} {
		if got := Late(c.events, c.covered, at(24*60)); got != c.want {
			t.Errorf("%s: %d late, want %d", c.name, got, c.want)
		}
	}
}

func TestARowIsLateOnlyAfterItsCommunicationCycle(t *testing.T) {
	covered := []Interval{read(0, 60, 61)}
	arrived := func(measured, received int) schema.Event {
		columns := []string{"uuid", "u", "timestamp", at(measured).Format(time.RFC3339), "processed_at", at(received).Format(time.RFC3339)}
		var row saveris.Row
		for i := 0; i < len(columns); i += 2 {
			row.Fields = append(row.Fields, saveris.Field{Name: columns[i], Kind: saveris.String, Text: []byte(columns[i+1])})
		}
		return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, at(received))
	}
	silent := schema.Event{Time: at(30)} // it does not say when it arrived
	for _, c := range []struct {
		name  string
		event schema.Event
		now   int
		want  uint64
	}{
		{"received within the cycle, found hours later", arrived(30, 50), 400, 0},
		{"received after the cycle", arrived(30, 51), 61, 1},
		{"received after the cycle, but nobody had read its time", arrived(61, 120), 120, 0},
		{"found within the cycle", silent, 50, 0},
		{"found after the cycle", silent, 51, 1},
	} {
		if got := Late([]schema.Event{c.event}, covered, at(c.now)); got != c.want {
			t.Errorf("%s: %d late, want %d", c.name, got, c.want)
		}
	}
}

func TestALateRowIsSaidInTheRecordAndNoneIsNot(t *testing.T) {
	r := Record{Version: 1, Feed: "readings", Day: "2026-11-23", Batch: "B"}.Next([]Entry{NewEntry("a", 7)}, nil, nil)
	for _, c := range []struct {
		late uint64
		want bool
	}{{0, false}, {1, true}} {
		r.Late = c.late
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(data), `"late"`); got != c.want {
			t.Errorf("late %d is written as %s", c.late, data)
		}
		if back, err := ParseRecord(data); err != nil || back.Late != c.late || back.Next(nil, nil, nil).Late != c.late {
			t.Errorf("read back %+v, %v", back, err)
		}
	}
	if r.Late = 2; r.Validate() == nil {
		t.Error("two late rows of one are no contradiction")
	}
}

func BenchmarkLate(b *testing.B) {
	events := make([]schema.Event, 1000)
	for i := range events {
		events[i].Time = midnight.Add(time.Duration(i) * 80 * time.Second)
	}
	var covered []Interval
	for m := 0; m < 24*60; m += 30 {
		covered = append(covered, read(m, m+20, m+25))
	}
	for b.Loop() {
		Late(events, covered, midnight.Add(48*time.Hour))
	}
}

package status_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestABoardShowsTheSameInEitherContentMode stores the same events in one mode, the other, and both by turns.
func TestABoardShowsTheSameInEitherContentMode(t *testing.T) {
	t.Parallel()
	garbage := saveris.Row{Raw: []byte(`{"timestamp":"\"`), Err: errors.New("garbage")}
	rejected := schema.NewMaker(schema.Alarms, names.Prefix, "http://vendor").Event(&garbage, schema.Window{}, minute(9))
	readings := []schema.Event{
		reading("a", minute(1), "1.50"), reading(`b "quoted": {"value":7,`, minute(2), "2"), reading("a", minute(3), "3", "new_column", `{"value":9}`),
	}
	alarms := []schema.Event{alarm("x y", "Alarm", minute(1)), alarm("z", "Alarm", minute(2)), alarm("w", "Alarm", minute(3)), alarm("x y", "Ok", minute(4))}
	task := seed.Event(schema.Tasks, "uuid", "u1", "task_execution_uuid", "x", "sequence_no", "1", "timestamp", minute(5).Format(time.RFC3339))
	shown := func(modes ...schema.Mode) string {
		t.Helper()
		s := newStage(t)
		store := func(i int, feed schema.Feed, cover *checkpoint.Interval, event schema.Event) {
			t.Helper()
			w := s.writer(feed)
			w.Mode = modes[i%len(modes)]
			s.store(w, cover, event)
		}
		for i, e := range readings {
			store(i, schema.Readings, nil, e)
		}
		for i, e := range alarms {
			store(i, schema.Alarms, cover(0, 60), e)
		}
		store(0, schema.Alarms, nil, rejected)
		store(0, schema.Tasks, nil, task)
		b := s.board()
		r := b.Recent("")
		if len(r.Sensors) != 2 || len(r.Alarms) != 2 || len(r.Rejects) != 1 || r.Rejects[0].Row != `{"timestamp":"\"` || !r.Rejects[0].At.Equal(minute(9)) {
			t.Errorf("%v: %+v", modes, r)
		}
		r.AlarmsSince = nil // the bucket says it, a little later
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		newest := ""
		for _, f := range b.Status().Feeds {
			if f.Newest == nil {
				t.Fatalf("%v: no newest event of %s", modes, f.Feed)
			}
			newest += f.Newest.Format(time.RFC3339)
		}
		return string(text) + newest
	}
	want := shown(schema.Binary)
	for _, modes := range [][]schema.Mode{{schema.Structured}, {schema.Structured, schema.Binary}, {schema.Binary, schema.Structured}} {
		if got := shown(modes...); got != want {
			t.Errorf("%v:\n%s\nin binary mode\n%s", modes, got, want)
		}
	}
}

// TestOutagesAreFoundInEitherContentMode: a logger's alarm is raised in one mode and ends in the other.
func TestOutagesAreFoundInEitherContentMode(t *testing.T) {
	t.Parallel()
	for _, modes := range [][]schema.Mode{{schema.Binary, schema.Structured}, {schema.Structured, schema.Binary}} {
		s := newStage(t)
		for i, state := range []string{"Alarm", "Ok"} {
			w := s.writer(schema.Alarms)
			w.Mode = modes[i]
			s.store(w, nil, alarm(state, state, minute(60*i), "alarm_condition_type", "Connection timeout"))
		}
		ended, err := poller.NewOutages(checkpoint.NewStream(s.js, names.Stream(schema.Alarms), names.Prefix, string(schema.Alarms))).Ended(t.Context())
		if err != nil || len(ended) != 1 || !ended[0].Raised.Equal(minute(0)) {
			t.Errorf("%v: %v, %v", modes, ended, err)
		}
	}
}

package publish_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// lateOf is what the newest record of a page says.
func lateOf(t *testing.T, js jetstream.JetStream, page string) checkpoint.Record {
	t.Helper()
	records, err := checkpoint.NewBook(checkpoint.NewStream(js, stream, "saveris", "readings")).Records(t.Context(), []string{page})
	if err != nil {
		t.Fatal(err)
	}
	return records[0]
}

func TestRowsThatASecondReadingFindsAreLate(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	w.Now = func() time.Time { return noon.Add(3 * time.Hour) }
	check := func(when string, want uint64) {
		t.Helper()
		if got := lateOf(t, js, day); got.Late != want {
			t.Errorf("%s: %d of %d rows are late, want %d", when, got.Late, got.Rows, want)
		}
	}
	first := slices.Concat(readings(0, 1200), readings(1300, 2500)) // a window of three batches: only the last one covers
	commit(t, w, first, interval(0, time.Hour))
	check("a first reading", 0)
	commit(t, w, first, interval(0, time.Hour))
	check("a second reading of the same rows", 0)
	commit(t, w, readings(0, 2500), interval(0, time.Hour))
	check("a third one with a hundred more", 100)
	corrected := []schema.Event{reading("uuid-7", noon.Add(7*time.Second), "4.8")}
	commit(t, w, corrected, interval(0, time.Hour))
	check("a correction", 100)
	commit(t, w, readings(3500, 3700), interval(time.Hour-20*time.Minute, 2*time.Hour))
	check("a poll that reaches back over what is covered", 200) // of the 200 events half lie behind the first hour
	commit(t, newWriter(js, 0), []schema.Event{reading("last", noon, "1")}, nil)
	check("another process, which covers nothing", 201)
	w = newWriter(js, 0) // whose now is an hour after noon
	commit(t, w, []schema.Event{reading("fresh", noon.Add(41*time.Minute), "1")}, nil)
	check("a row that is younger than a communication cycle", 201)
}

func TestRejectedRowsAreNeverLate(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 3), interval(0, time.Hour))
	maker := schema.NewMaker(schema.Readings, "saveris", "http://vendor")
	for _, text := range []string{"one", "two"} {
		garbage := maker.Event(&saveris.Row{Raw: []byte(text), Err: checkpoint.ErrIndex}, schema.Window{}, noon)
		if _, err := w.Commit(t.Context(), checkpoint.RejectedDay, []schema.Event{garbage}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := lateOf(t, js, checkpoint.RejectedDay); got.Rows != 2 || got.Late != 0 {
		t.Errorf("%+v", got)
	}
}

package publish_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

func TestDaysThatRetentionHasRemovedAreToldFromDaysThatWereLost(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Hour))
	last := noon.AddDate(0, 0, 1)
	next := &checkpoint.Interval{From: last, Until: last.Add(time.Hour), ReadAt: last, Route: "sync"}
	if _, err := w.Commit(t.Context(), checkpoint.DayOf(last), nil, next); err != nil {
		t.Fatal(err)
	}
	span := checkpoint.Span{From: noon.AddDate(0, 0, -3), Until: noon.AddDate(0, 0, 3)}
	removed := func() []checkpoint.Span {
		t.Helper()
		days, err := w.Removed(t.Context(), span)
		if err != nil {
			t.Fatal(err)
		}
		return days
	}
	show(t, js)
	if days := removed(); len(days) > 0 {
		t.Errorf("removed %v", days)
	}
	stream, err := js.Stream(t.Context(), config.Names.Stream(schema.Readings))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(13)); err != nil { // all of the first day, as an age limit would
		t.Fatal(err)
	}
	if days := removed(); len(days) != 1 || checkpoint.DayOf(days[0].From) != day {
		t.Errorf("removed %v, want %s", days, day)
	}
	if err := js.DeleteStream(t.Context(), config.Names.Stream(schema.Readings)); err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	if days := removed(); len(days) > 0 { // a new stream: nothing says that retention did it
		t.Errorf("removed %v", days)
	}
}

// show has the checkpoint bucket show the records that are stored.
func show(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if err := views.NewCheckpoints(js, config, schema.Readings).Keep(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

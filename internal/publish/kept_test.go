package publish

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

func testStream(t *testing.T, names Names) jetstream.JetStream {
	t.Helper()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if err := Open(t.Context(), js, Config{Names: names, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	return js
}

func TestWhatRetentionHasBegunToRemoveIsNotKept(t *testing.T) {
	t.Parallel()
	names := Names{Prefix: "saveris"}
	js := testStream(t, names)
	w := NewWriter(js, Config{Names: names, Replicas: 1}, Options{Feed: schema.Readings, Name: "test", Now: time.Now})
	now := time.Now().UTC().Truncate(time.Second)
	long := checkpoint.Span{From: now.AddDate(0, 0, -100), Until: now.Add(48 * time.Hour)}
	for _, from := range []time.Time{now.AddDate(0, 0, -3), now.Add(24 * time.Hour)} {
		day, err := checkpoint.DaySpan(checkpoint.DayOf(from))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the newest record of the day stays
			if _, err := w.Commit(t.Context(), checkpoint.DayOf(from), nil, &checkpoint.Interval{From: day.From, Until: day.Until, ReadAt: now, Route: "sync"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kept, err := w.Kept(t.Context(), long); err != nil || len(kept) != 2 {
		t.Fatalf("nothing was removed: %v, %v", kept, err)
	}
	stream, err := js.Stream(t.Context(), names.Stream(schema.Readings))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(2)); err != nil {
		t.Fatal(err)
	}
	if covered, err := w.Covered(t.Context(), long); err != nil || len(covered) != 2 {
		t.Fatalf("covered is %v (%v), want both days", covered, err)
	}
	if kept, err := w.Kept(t.Context(), long); err != nil || len(kept) != 2 {
		t.Errorf("a stream without limits was purged: kept is %v (%v), want both days", kept, err)
	}
	limited := stream.CachedInfo().Config
	limited.MaxAge = 90 * 24 * time.Hour
	if _, err := js.UpdateStream(t.Context(), limited); err != nil {
		t.Fatal(err)
	}
	kept, err := w.Kept(t.Context(), long)
	if err != nil || len(kept) != 1 || kept[0].From.Before(now) {
		t.Errorf("kept is %v (%v), want what lies ahead", kept, err)
	}
}

package publish

import (
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestBatchesThatAreAbandonedStandInNobodysWay: the server takes fifty unfinished batches.
func TestBatchesThatAreAbandonedStandInNobodysWay(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	config := Config{Names: Names{Prefix: "saveris"}, Replicas: 1}
	if err := Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(js, config, Options{Feed: schema.Readings, Now: time.Now})
	if err := w.send.begin(); err != nil {
		t.Fatal(err)
	}
	maker := schema.NewMaker(schema.Readings, "saveris", "http://vendor")
	event := func(i int) []schema.Event {
		return []schema.Event{maker.Event(&saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: fmt.Appendf(nil, "uuid-%d", i)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")},
		}}, schema.Window{}, time.Now())}
	}
	for i := range 60 {
		page, err := w.book.Page(t.Context(), "2026-07-01")
		if err != nil {
			t.Fatal(err)
		}
		news := page.New(event(i))
		b, err := w.batch(page.Seq, page.Record.Next(news.Entries, nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		b.events, b.entries = news.Events, news.Entries
		if err := w.send.stage(b); err != nil {
			t.Fatal(err)
		}
		w.send.abandon(b)
	}
	cover := &checkpoint.Interval{From: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC), Until: time.Date(2026, 7, 1, 11, 0, 0, 0, time.UTC), ReadAt: time.Now().UTC(), Route: "sync"}
	if result, err := w.Commit(t.Context(), "2026-07-01", event(0), cover); err != nil || result.Stored != 1 {
		t.Errorf("%+v, %v", result, err)
	}
}

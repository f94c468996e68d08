package service

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestWhoeverLeadsNoMoreSaysNothingOfTheFeed: what it has found out is the next leader's to find out, and would be shown for ever.
func TestWhoeverLeadsNoMoreSaysNothingOfTheFeed(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	pipe := pipeline.New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, seed.Streams(t))
	notes := notebook.New(config.Vendor{}, []schema.Feed{schema.Readings, schema.Alarms, schema.Devices}, log)
	for feed, find := range map[schema.Feed]func(){
		schema.Readings: func() {
			notes.FeedShut(schema.Readings, saveris.ErrForbidden)
			notes.OnStep(schema.Readings, poller.Step{Line: poller.TailLine, Err: saveris.ErrNotUnderstood})
			notes.ViewWritable(schema.Readings, "saveris-checkpoints", errors.New("no"))
			notes.FoldWritable(schema.Readings, "newest readings", "saveris-latest", errors.New("no"))
			notes.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Measurements, Endpoint: "/v2/measurements", Instead: "/v1/measurements"})
		},
		schema.Devices: func() { notes.Looked(saveris.ErrNotUnderstood) },
	} {
		c := newCandidate(t.Context(), pipe, feed, notes, log)
		c.work = func(context.Context) error {
			if find(); len(notes.Texts()) == 0 {
				t.Errorf("%s: it says nothing while it leads", feed)
			}
			return nil
		}
		if err := c.lead(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := notes.Texts(); len(said) > 0 || notes.IsShut(feed) {
			t.Errorf("%s: %q, shut: %v", feed, said, notes.IsShut(feed))
		}
	}
}

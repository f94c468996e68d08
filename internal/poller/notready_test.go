package poller_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

func TestAWindowWhoseExportIsNotReadyIsAskedForOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}, Switches: saveristest.Switches{QueryLatency: "20m"}})
	client := b.client(func(c *saveris.Config) { c.Sync, c.ExportTimeout = saveris.SyncNever, time.Second })
	bridge := b.live(b.js, schema.Readings, client)
	var told ledger
	submitted := 0 // when the first poll was stored
	bridge.OnStep = told.step
	bridge.OnStored = func(w poller.StoredWindow) {
		if told.stored(w); w.Reason == poller.ReasonTail && submitted == 0 {
			submitted = b.submits()
		}
	}
	is := func(what func(poller.Step) bool) func(context.Context) bool {
		return func(context.Context) (found bool) {
			told.note(func() { found = slices.ContainsFunc(told.steps, what) })
			return found
		}
	}
	b.run(func() {
		b.await("a poll that is not ready in time", is(func(s poller.Step) bool {
			return s.Line == poller.TailLine && errors.Is(s.Err, saveris.ErrNotReady)
		}))
		b.forward(21 * time.Minute)
		b.await("the poll", func(context.Context) bool { return !bridge.LastPoll().IsZero() })
		b.vendor.Update(func(s *saveristest.Switches, _ *saveristest.Faults) { s.QueryLatency = "zero" })
		b.forward(21 * time.Minute)
	}, bridge)
	i := slices.IndexFunc(told.windows, func(w poller.StoredWindow) bool { return w.Reason == poller.ReasonTail })
	first := told.windows[i]
	if first.Width() != time.Hour || first.Until.After(dayEnd.Add(time.Minute)) {
		t.Errorf("the first poll was from %v until %v, want the hour before %v, as it was asked for", first.From, first.Until, dayEnd)
	}
	if submitted > 3 {
		t.Errorf("%d exports were submitted, want one for the poll and one or two for what lies behind it", submitted)
	}
	waits := slices.IndexFunc(told.steps, func(s poller.Step) bool { return s.Doing == poller.AwaitsExport && s.Line == poller.TailLine })
	if waits < 0 || time.Since(told.steps[waits].Since) > time.Minute {
		t.Error("the line does not say since when it waits for the export")
	}
}

package poller_test

import (
	"context"
	"errors"
	"slices"
	"sync"
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
	client := b.client(func(c *saveris.Config) { c.Sync, c.ExportTimeout = saveris.SyncNever, 5*time.Second })
	bridge := b.live(b.js, schema.Readings, client)
	var told ledger
	var late sync.Once
	bridge.OnStep = func(s poller.Step) {
		if told.step(s); s.Line == poller.TailLine && errors.Is(s.Err, saveris.ErrNotReady) {
			late.Do(func() { b.forward(21 * time.Minute) }) // before the line looks again: it gives up what is not ready for long
		}
	}
	submitted := 0 // when the first poll was stored
	bridge.OnStored = func(w poller.StoredWindow) {
		if told.stored(w); w.Reason == poller.ReasonTail && submitted == 0 {
			submitted = b.submits()
		}
	}
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- bridge.Run(ctx) }()
	b.await("the poll", func(context.Context) bool { return !bridge.LastPoll().IsZero() })
	stop()
	<-ended
	i := slices.IndexFunc(told.windows, func(w poller.StoredWindow) bool { return w.Reason == poller.ReasonTail })
	first := told.windows[i]
	if first.Width() != time.Hour || first.Until.After(dayEnd.Add(20*time.Minute)) {
		t.Errorf("the first poll was from %v until %v, want the hour before %v, as it was asked for", first.From, first.Until, dayEnd)
	}
	if submitted > 3 {
		t.Errorf("%d exports were submitted, want one for the poll and one or two for what lies behind it", submitted)
	}
	waits := slices.IndexFunc(told.steps, func(s poller.Step) bool { return s.Doing == poller.AwaitsExport && s.Line == poller.TailLine })
	if waits < 0 || told.steps[waits].Since.Before(began) {
		t.Error("the line does not say since when it waits for the export")
	}
}

package poller_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// ledger is what lines tell.
type ledger struct {
	mu      sync.Mutex
	windows []poller.StoredWindow
	steps   []poller.Step
}

func (l *ledger) stored(w poller.StoredWindow) { l.note(func() { l.windows = append(l.windows, w) }) }
func (l *ledger) step(s poller.Step)           { l.note(func() { l.steps = append(l.steps, s) }) }

func (l *ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// sum adds up all windows.
func (l *ledger) sum() (rows, known, rejected int, result publish.Result) {
	for _, w := range l.windows {
		rows, known, rejected, result = rows+w.Rows, known+w.Known, rejected+w.Rejected, result.Add(w.Result)
	}
	return rows, known, rejected, result
}

// failures counts the tries that failed, by what the line was about.
func (l *ledger) failures() map[poller.Doing]int {
	n := map[poller.Doing]int{}
	for _, s := range l.steps {
		if s.Doing == poller.Retries && s.Err != nil && s.For > 0 {
			n[s.Failed]++
		}
	}
	return n
}

func TestLinesTellWhatTheyStore(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{
		World:    saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 30 * time.Second},
		Switches: saveristest.Switches{RowsChanged: "on"}, Faults: saveristest.Faults{Duplicate: .02, Garbage: .005},
	})
	client := b.client(func(cfg *saveris.Config) { cfg.Sync = saveris.SyncNever })
	var told [2]ledger
	batches := map[string]int{}
	first, second := b.live(b.js, schema.Readings, client), b.live(b.js, schema.Readings, client)
	first.OnStored, second.OnStored = told[0].stored, told[1].stored
	var enough atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	idle := make(chan struct{})
	second.OnStep = func(s poller.Step) {
		if s.Doing == poller.Plans && enough.Load() { // who is stopped within a window does not tell of it
			select {
			case idle <- struct{}{}:
				<-ctx.Done()
			case <-ctx.Done():
			}
		}
	}
	first.OnStep = func(s poller.Step) { told[0].step(s); second.OnStep(s) }
	first.Writer.OnStored = func(batch publish.Batch) {
		told[0].note(func() { batches[batch.For] += len(batch.Events) })
	}
	ended := make(chan error)
	for _, bridge := range []*poller.Live{first, second} {
		go func() { ended <- bridge.Run(ctx) }()
		b.await("a poll", func(context.Context) bool { return !bridge.LastPoll().IsZero() })
	}
	b.awaitCovered(schema.Readings, dayEnd)
	b.served = b.vendor.Served()
	enough.Store(true)
	for range 4 { // two lines of each
		<-idle
	}
	stop()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
	}
	report := b.audit(schema.Readings, dayEnd)
	if report.Rejected == 0 {
		t.Error("no row was rejected: the garbage did not come")
	}
	stored := 0
	for i := range told {
		rows, known, rejected, result := told[i].sum()
		if rows != result.Stored+known {
			t.Errorf("bridge %d: %d rows, %d stored and %d known", i, rows, result.Stored, known)
		}
		if rejected > result.Stored || result.Corrections > result.Stored {
			t.Errorf("bridge %d: %d rejected and %d corrections of %d stored", i, rejected, result.Corrections, result.Stored)
		}
		stored += result.Stored
		for _, w := range told[i].windows {
			if w.Route != saveris.RouteExport || w.Reason == "" || w.Empty() {
				t.Errorf("bridge %d tells of %+v", i, w)
			}
		}
	}
	if in := report.Stored; stored != in {
		t.Errorf("%d events are told, the stream holds %d", stored, in)
	}
	_, _, _, result := told[0].sum()
	if sum := batches[string(poller.ReasonTail)] + batches[string(poller.ReasonCatchUp)] + batches[string(poller.ReasonRevisit)]; sum != result.Stored || batches[""] > 0 {
		t.Errorf("batches %v, of %d events", batches, result.Stored)
	}
	last := map[string]poller.Doing{}
	for _, s := range told[0].steps {
		last[s.Line] = s.Doing
	}
	if len(last) != 2 || last[poller.TailLine] != poller.Ends || last[poller.FillLine] != poller.Ends {
		t.Errorf("the last steps are %v", last)
	}
}

func TestLinesTellWhatFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	client := b.client(func(cfg *saveris.Config) { cfg.Sync = saveris.SyncNever })
	var told ledger
	bridge := b.live(b.js, schema.Readings, client)
	bridge.OnStored, bridge.OnStep = told.stored, told.step
	b.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultUnavailable, On: "submit", Times: 3})
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, bridge)
	if got := told.failures(); got[poller.Fetches] != 3 || len(got) != 1 {
		t.Errorf("tries that failed: %v, want three of fetching", got)
	}
	for _, s := range told.steps {
		var vendor *saveris.Error
		if s.Doing == poller.Retries && (!errors.As(s.Err, &vendor) || vendor.Status != 503) {
			t.Errorf("a try failed with %v", s.Err)
		}
		if s.Doing == poller.Plans && s.For != bridge.Interval {
			t.Errorf("a plan looks again after %v, not %v", s.For, bridge.Interval)
		}
	}
}

// TestALineThatGoesOnTakesSteps: reading a large window is many steps, and an outage of the broker is, too.
func TestALineThatGoesOnTakesSteps(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 10 * time.Second}})
	b.answer = 2 * time.Second
	link := bridgetest.LinkTo(t, b.broker.ClientURL())
	var told ledger
	bridge := b.live(b.connect(link.URL()), schema.Readings, b.client(nil))
	bridge.OnStep = told.step
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		link.Cut()
		b.await("tries that fail", func(context.Context) bool {
			n := 0
			told.note(func() { n = told.failures()[poller.Plans] + told.failures()[poller.Commits] })
			return n > 3
		})
		link.Mend()
	}, bridge)
	most, run := 0, 0
	for _, s := range told.steps {
		if s.Line != poller.TailLine {
			continue
		}
		if run++; s.Doing != poller.Fetches {
			run = 0
		}
		most = max(most, run)
	}
	if most < 3 {
		t.Errorf("%d steps in a row of reading: an hour has %d rows", most, 12*360)
	}
}

// A line whose rows wait until another one has stored its own is not taken for one that reads: nobody knows how long a broker takes
// nothing.
func TestALineThatWaitsForAnotherSaysSo(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	pool := poller.NewPool(1, b.maker(schema.Readings))
	room := <-pool // another line has it
	client := b.client(nil)
	steps := make(chan poller.Doing, 100)
	line := poller.Line{
		Source: client, Writer: b.live(b.js, schema.Readings, client).Writer, Log: quietLog, MaxWait: time.Second, Pool: pool,
		OnStep: func(s poller.Step) { steps <- s.Doing },
	}
	ended := make(chan error)
	go func() {
		ended <- line.Run(b.Context(), &once{window: poller.Window{Span: checkpoint.Span{From: b.start, Until: b.start.Add(time.Hour)}}})
	}()
	var last poller.Doing
	b.await("the line to be told as waiting", func(context.Context) bool {
		for len(steps) > 0 {
			last = <-steps
		}
		return last == poller.Waits
	})
	pool <- room
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if last = <-steps; last != poller.Fetches {
		t.Errorf("then it is %s", last)
	}
}

// TestAStreamThatIsLostInMidCommitIsNotToldAsLessThanNothing: what was acknowledged and is then stored again counts twice as
// stored, and never against what was known.
func TestAStreamThatIsLostInMidCommitIsNotToldAsLessThanNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Sites: 4, Loggers: 4, Channels: 2, Cycle: 30 * time.Second}})
	client := b.client(func(cfg *saveris.Config) { cfg.Sync = saveris.SyncNever })
	var told ledger
	bridge := b.live(b.js, schema.Readings, client)
	bridge.OnStored = told.stored
	var lose sync.Once
	acknowledged := 0
	bridge.Writer.OnStored = func(batch publish.Batch) {
		if acknowledged += len(batch.Events); acknowledged > 1500 {
			lose.Do(func() {
				if err := b.js.DeleteStream(t.Context(), "SAVERIS_READINGS"); err != nil {
					t.Error(err)
				}
			})
		}
	}
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, bridge)
	for _, w := range told.windows {
		if w.Known < 0 {
			t.Errorf("%d rows were known of window %v", w.Known, w.Window)
		}
	}
	report := b.audit(schema.Readings, dayEnd)
	if acknowledged <= report.Stored { // a batch whose answer went with the stream may not be among them
		t.Errorf("%d events were acknowledged and %d are stored: nothing was lost", acknowledged, report.Stored)
	}
}

package poller_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/lossy"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// tally counts the records of some messages, of any level.
type tally map[string]*atomic.Int64

func (tally) Enabled(context.Context, slog.Level) bool { return true }
func (t tally) WithAttrs([]slog.Attr) slog.Handler     { return t }
func (t tally) WithGroup(string) slog.Handler          { return t }
func (t tally) Handle(_ context.Context, r slog.Record) error {
	if n := t[r.Message]; n != nil {
		n.Add(1)
	}
	return nil
}

func TestAnOutageSaysOnceThatCheckpointsAreNotShown(t *testing.T) {
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	link, err := lossy.New(strings.TrimPrefix(b.broker.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	bridge := b.live(b.connect("nats://"+link.Addr()), schema.Readings, b.client(nil))
	hidden, again := new(atomic.Int64), new(atomic.Int64)
	bridge.Log = slog.New(tally{"checkpoints are not shown": hidden, "will try again": again})
	var fill atomic.Value // what it does
	fill.Store(poller.Doing(""))
	bridge.Step = func(s poller.Step) {
		if s.Line == poller.FillLine {
			fill.Store(s.Doing)
		}
	}
	b.run(func() {
		for outage := int64(1); outage <= 2; outage++ {
			b.awaitCovered(schema.Readings, dayEnd.Add(time.Duration(outage-1)*10*time.Minute))
			b.await("the line that shows checkpoints to have stored its window", func(context.Context) bool { return fill.Load() == poller.Plans })
			tried := again.Load()
			link.Cut()
			b.await("twenty failed tries and a word on the checkpoints", func(context.Context) bool {
				return again.Load() >= tried+20 && hidden.Load() > 0
			})
			if n := hidden.Load(); n > outage {
				t.Errorf("said %d times in %d outages", n, outage)
			}
			link.Mend()
			b.forward(10 * time.Minute)
		}
		b.awaitCovered(schema.Readings, dayEnd.Add(20*time.Minute))
	}, bridge)
}

package poller_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

var config = publish.Config{Names: names, Replicas: 1}

// backfill makes a worker at the time from the start to the vendor's clock at the beginning.
func (b *bench) backfill(js jetstream.JetStream, feed schema.Feed, client *saveris.Client) *poller.Backfill {
	return &poller.Backfill{
		Span:   checkpoint.Span{From: b.start, Until: dayEnd},
		Source: client, Writer: b.live(js, feed, client).Writer, Log: slog.New(counter{&b.warned, b}),
		Maker:   b.maker(feed),
		Exports: 2, Rows: 200, Interval: time.Minute,
	}
}

// fill runs backfills to their end.
func (b *bench) fill(fills ...*poller.Backfill) {
	b.Helper()
	var group sync.WaitGroup
	for _, f := range fills {
		group.Go(func() {
			if err := f.Run(b.Context()); err != nil {
				b.Errorf("backfill: %v", err)
			}
		})
	}
	group.Wait()
}

var perMinute = saveristest.Config{World: saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: time.Minute}}

func TestBackfillStoresEachRowOnceAndHasNothingToReadThen(t *testing.T) {
	t.Parallel()
	b := newBench(t, perMinute)
	client := b.client(func(c *saveris.Config) { c.NoLive = true })
	for _, feed := range publish.Feeds {
		b.fill(b.backfill(b.js, feed, client))
		b.audit(feed, dayEnd)
	}
	asked := b.submits()
	for _, feed := range publish.Feeds {
		b.fill(b.backfill(b.js, feed, client))
	}
	if again := b.submits() - asked; again > 0 {
		t.Errorf("a backfill that was done asks the vendor %d times", again)
	}
}

func TestBackfillWithEveryFault(t *testing.T) {
	t.Parallel()
	config := perMinute
	config.Faults = saveristest.Faults{
		TooMany: 0.02, Internal: 0.03, BadGateway: 0.03, TimeoutStart: 0.02, Reset: 0.03, Truncate: 0.03, Cut: 0.03,
		ExpiredLink: 0.02, QueryError: 0.03, Forgotten: 0.02, Duplicate: 0.02, DuplicateAcross: 0.02, Garbage: 0.01,
	}
	config.Switches = saveristest.Switches{FileCount: "n"}
	b := newBench(t, config)
	for again := true; again; { // chance may take all tries of a window: the next run goes on
		err := b.backfill(b.js, schema.Readings, b.client(nil)).Run(t.Context())
		if again = errors.As(err, new(*poller.IncompleteError)); err != nil && !again {
			t.Fatal(err)
		}
	}
	b.audit(schema.Readings, dayEnd)
}

func TestWorkersAtOneRangeShareItsDays(t *testing.T) {
	t.Parallel()
	b := newBench(t, perMinute)
	b.start = dayEnd.Add(-5 * 24 * time.Hour) // nothing was measured in most of it, which nobody knows
	// No lease ends while its worker lives, however late that is.
	longest := jetstream.KeyValueConfig{Bucket: names.Leases(), TTL: 6 * lease.Life}
	if _, err := publish.MakeBucket(t.Context(), b.js, longest); err != nil {
		t.Fatal(err)
	}
	var workers []*poller.Backfill
	var mu sync.Mutex
	read := map[string]string{}
	for i := range 3 {
		w := b.backfill(b.connect(b.broker.ClientURL()), schema.Readings, b.client(nil))
		leases := publish.NewLeases(b.js, config, schema.Readings, fmt.Sprint(i), nil)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go leases.Keep(ctx)
		w.Leases = leases
		w.OnStored = func(w poller.StoredWindow) {
			mu.Lock()
			defer mu.Unlock()
			for _, day := range w.Days() {
				if span, err := checkpoint.DaySpan(day); err != nil || w.Cut(span.From, span.Until).Width() <= 5*time.Minute {
					continue // a narrow window reaches back over another's day
				}
				if other, taken := read[day]; taken && other != fmt.Sprint(i) {
					t.Errorf("worker %d reads %s, which worker %s has read", i, day, other)
				}
				read[day] = fmt.Sprint(i)
			}
		}
		workers = append(workers, w)
	}
	b.fill(workers...)
	b.start = dayEnd.Add(-6 * time.Hour)
	b.audit(schema.Readings, dayEnd)
}

func TestBackfillBesideLiveDoublesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, perMinute)
	beside := b.backfill(b.connect(b.broker.ClientURL()), schema.Readings, b.client(nil))
	b.run(func() {
		b.fill(beside)
		b.awaitCovered(schema.Readings, dayEnd)
	}, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
}

func TestBackfillOutlivesANatsOutage(t *testing.T) {
	t.Parallel()
	b := newBench(t, perMinute)
	link := bridgetest.LinkTo(t, b.broker.ClientURL())
	f := b.backfill(b.connect(link.URL()), schema.Readings, b.client(nil))
	cut := 0
	f.OnStored = func(poller.StoredWindow) {
		if cut++; cut == 3 {
			link.Cut()
			time.AfterFunc(time.Second, link.Mend)
		}
	}
	b.fill(f)
	b.audit(schema.Readings, dayEnd)
}

func TestBackfillAdoptsTheExportsOfADeadOne(t *testing.T) {
	t.Parallel()
	config := perMinute
	config.Switches.QueryLatency = "1h"
	b := newBench(t, config)
	requests, err := publish.OpenRequests(t.Context(), b.js, publish.Config{Names: names, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	process := func() *poller.Backfill {
		client := b.client(func(c *saveris.Config) { c.Requests, c.NoLive = requests, true })
		f := b.backfill(b.js, schema.Readings, client)
		f.Until = b.start.Add(time.Hour) // two windows
		return f
	}
	ctx, die := context.WithCancel(t.Context())
	dead := make(chan error)
	go func() { dead <- process().Run(ctx) }()
	b.awaitKept(requests, 2)
	die()
	<-dead
	b.forward(61 * time.Minute) // what was submitted is ready; what is submitted from now on is not for another hour
	b.fill(process())
	if b.submits() != 2 {
		t.Errorf("%d exports were submitted, 2 were needed", b.submits())
	}
	b.audit(schema.Readings, b.start.Add(time.Hour))
}

func TestWhatCannotBeHadIsNamedAndAllElseIsStored(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	for i := range 30 {
		b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-20*time.Minute), fmt.Sprintf(`{"uuid":"bad-%d","timestamp":"never"}`, i))
	}
	b.vendor.AddMeasurement(row("good", 4*time.Hour, "4.7"))
	err := b.backfill(b.js, schema.Readings, b.client(nil)).Run(t.Context())
	var incomplete *poller.IncompleteError
	if !errors.As(err, &incomplete) || !errors.Is(err, poller.ErrRejected) || len(incomplete.Windows) == 0 {
		t.Fatalf("got %v", err)
	}
	for _, w := range incomplete.Windows {
		if w.Cut(dayEnd.Add(-20*time.Minute), dayEnd.Add(-20*time.Minute+time.Second)).Empty() {
			t.Errorf("names %v, which holds nothing bad", w.Span)
		}
	}
	b.awaitEvent(schema.Readings, "good")
}

func TestBackfillWaitsWhileLiveIsLate(t *testing.T) {
	t.Parallel()
	b := newBench(t, perMinute)
	f := b.backfill(b.js, schema.Readings, b.client(nil))
	f.Span = checkpoint.Span{From: b.start, Until: b.start.Add(time.Hour)}
	end := dayEnd.Add(-4 * time.Minute) // late: more than two polls, and not so much that nobody polls
	f.Writer.SetLowWatermark(b.start)   // as live polling does
	cover := &checkpoint.Interval{From: end.Add(-10 * time.Minute), Until: end, ReadAt: end, Route: "sync"}
	if _, err := f.Writer.Commit(t.Context(), checkpoint.DayOf(end), nil, cover); err != nil {
		t.Fatal(err)
	}
	var waiting atomic.Int64
	f.OnYield = func(late time.Duration) func() {
		if waiting.Add(1); late < 4*time.Minute {
			t.Errorf("%v late", late)
		}
		return func() { waiting.Add(-1) }
	}
	done := make(chan error)
	go func() { done <- f.Run(t.Context()) }()
	b.await("all lines to wait", func(context.Context) bool {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		return int(waiting.Load()) == f.Exports+1
	})
	if n := b.submits(); n > 0 {
		t.Errorf("asked the vendor %d times", n)
	}
	now := dayEnd.Add(-10 * time.Second)
	cover = &checkpoint.Interval{From: end, Until: now, ReadAt: now, Route: "sync"}
	if _, err := f.Writer.Commit(t.Context(), checkpoint.DayOf(now), nil, cover); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := waiting.Load(); b.submits() == 0 || n != 0 {
		t.Errorf("asked the vendor %d times, %d lines wait", b.submits(), n)
	}
}

package poller_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// dayEnd is when the vendor's clock starts in these tests: a little before midnight UTC, so that windows cross it.
var dayEnd = time.Date(2026, 11, 23, 23, 59, 50, 0, time.UTC)

var names = publish.Names{Prefix: "saveris"}

// bench is a pretend vendor whose clock can be put forward, and a real broker.
type bench struct {
	*testing.T
	vendor *saveristest.Server
	broker *natsd.Server
	ahead  atomic.Int64 // what the vendor's clock has been put forward by
	still  atomic.Bool  // the vendor's clock stands at its start
	js     jetstream.JetStream
	start  time.Time     // of the first run
	answer time.Duration // that a batch waits for; what is not answered counts for no writer. A line that is cut off waits as long
	warned atomic.Int64
	served saveristest.Served // up to a poll before the last run was stopped
}

// newBench starts a vendor whose world the caller has described, and a broker.
func newBench(t *testing.T, config saveristest.Config) *bench {
	t.Helper()
	b := &bench{T: t, start: dayEnd.Add(-6 * time.Hour), answer: time.Minute}
	began := time.Now()
	config.Now = func() time.Time {
		if b.still.Load() {
			return dayEnd
		}
		return dayEnd.Add(time.Since(began) + time.Duration(b.ahead.Load()))
	}
	config.Record = true
	config.World.Start = b.start
	if config.Switches.QueryLatency == "" {
		config.Switches.QueryLatency = "zero"
	}
	var err error
	if b.vendor, err = saveristest.Start(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.vendor.Close() })
	b.broker = bridgetest.Embedded(t)
	b.js = b.connect(b.broker.ClientURL())
	return b
}

func (b *bench) connect(url string) jetstream.JetStream {
	b.Helper()
	js := bridgetest.JetStream(b, url)
	if err := publish.Open(b.Context(), js, publish.Config{Names: names, Replicas: 1}); err != nil {
		b.Fatal(err)
	}
	return js
}

// client makes a client of the vendor, as a process of its own would have one.
func (b *bench) client(change func(*saveris.Config)) *saveris.Client {
	b.Helper()
	config := saveris.Config{
		BaseURL: b.vendor.URL(), Username: "demo", Password: secret.New("demo"),
		FirstPoll: time.Millisecond, Answer: time.Minute, Stall: time.Minute, // who is given up too early is asked again
		RetryWait: 20 * time.Millisecond, ThrottledWait: 50 * time.Millisecond,
	}
	if change != nil {
		change(&config)
	}
	client, err := saveris.New(config)
	if err != nil {
		b.Fatal(err)
	}
	return client
}

func (b *bench) maker(feed schema.Feed) func() *schema.Maker {
	return func() *schema.Maker { return schema.NewMaker(feed, names.Prefix, b.vendor.URL()) }
}

// live makes one bridge for one feed.
func (b *bench) live(js jetstream.JetStream, feed schema.Feed, client *saveris.Client) *poller.Live {
	return &poller.Live{
		Source: client,
		Writer: publish.NewWriter(js, publish.Config{Names: names, Replicas: 1}, publish.Options{
			Feed: feed, Name: b.Name(), LiveAge: 24 * time.Hour, Ages: ages,
			Now: time.Now, Timeout: b.answer,
		}),
		Maker:    b.maker(feed)(),
		Log:      slog.New(counter{&b.warned, b}),
		Interval: 20 * time.Millisecond,
		Overlap:  15 * time.Minute,
		Rows:     10_000,
		Start:    func(time.Time) time.Time { return b.start },
	}
}

// counter counts warnings and shows them if the test fails.
type counter struct {
	warned *atomic.Int64
	b      *bench
}

func (c counter) Enabled(context.Context, slog.Level) bool { return true }
func (c counter) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c counter) WithGroup(string) slog.Handler            { return c }
func (c counter) Handle(_ context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn || r.Message == "retrying" {
		c.warned.Add(1)
		var text strings.Builder
		r.Attrs(func(a slog.Attr) bool { text.WriteString(" " + a.String()); return true })
		c.b.Logf("%s%s", r.Message, &text)
	}
	return nil
}

// run runs bridges until the test has seen what it waits for, and stops them.
func (b *bench) run(until func(), bridges ...*poller.Live) {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	var group sync.WaitGroup
	for _, bridge := range bridges {
		group.Go(func() {
			if err := bridge.Run(ctx); !errors.Is(err, context.Canceled) {
				b.Errorf("run: %v", err)
			}
		})
	}
	until()
	b.served = b.vendor.Served()
	served := time.Now()
	for _, bridge := range bridges { // a poll later, all that had been served is stored
		b.await("one more poll", func(context.Context) bool { return bridge.LastPoll().After(served) })
	}
	stop()
	group.Wait()
}

var ages = checkpoint.Ages{time.Hour, 6 * time.Hour}

// awaitCovered waits until a feed is covered without a gap from the start to the given time, by the vendor's clock, and
// nothing is due to be read again.
func (b *bench) awaitCovered(feed schema.Feed, until time.Time) {
	b.Helper()
	writer := b.live(b.js, feed, b.client(nil)).Writer
	b.await("coverage of "+string(feed), func(ctx context.Context) bool {
		covered, err := writer.Covered(ctx, checkpoint.Span{From: b.start, Until: until.Add(time.Hour)})
		return err == nil && len(checkpoint.Gaps(covered, b.start, until)) == 0 && len(checkpoint.Ripe(covered, ages, until)) == 0
	})
}

// awaitEvent waits until a stream holds an event with this id.
func (b *bench) awaitEvent(feed schema.Feed, id string) {
	b.Helper()
	consumer, err := b.js.OrderedConsumer(b.Context(), names.Stream(feed), jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		b.Fatal(err)
	}
	defer messages.Stop()
	ctx, cancel := context.WithTimeout(b.Context(), bridgetest.Patience)
	defer cancel()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			b.Fatalf("event %s did not come: %v", id, err)
		}
		if v := msg.Headers()["ce-id"]; len(v) == 1 && v[0] == id {
			return
		}
	}
}

// awaitKept waits until so many exports are kept for the next process. That they have been submitted is not enough: who ends in
// between keeps none.
func (b *bench) awaitKept(requests *publish.Requests, n int) {
	b.Helper()
	client := b.client(func(c *saveris.Config) { c.Requests = requests })
	b.await("exports that are kept", func(ctx context.Context) bool {
		unfinished, err := client.Unfinished(ctx, saveris.Measurements)
		return err == nil && len(unfinished) == n
	})
}

func (b *bench) await(what string, so func(context.Context) bool) {
	b.Helper()
	bridgetest.Await(b, what, so)
}

// audit fails unless a feed's stream holds what the vendor knows up to a time, each once.
func (b *bench) audit(feed schema.Feed, until time.Time) *bridgetest.AuditReport {
	b.Helper()
	due := bridgetest.Due{From: b.start, Until: until, AsOf: dayEnd, Served: b.served}
	if until.After(dayEnd) { // the clock was put forward
		due.AsOf = until
	}
	report := b.judge(feed, due)
	b.Log(report)
	if !report.Clean() {
		b.Error("the audit found fault")
	}
	return report
}

func (b *bench) judge(feed schema.Feed, due bridgetest.Due) *bridgetest.AuditReport {
	b.Helper()
	report, err := bridgetest.Audits[string(feed)](b.Context(), b.js, names.Stream(feed), b.vendor, due)
	if err != nil {
		b.Fatal(err)
	}
	return report
}

// corrections counts the corrections that are stored so far.
func (b *bench) corrections() int {
	b.Helper()
	return b.judge(schema.Readings, bridgetest.Due{From: b.start, Until: b.start, AsOf: dayEnd}).Corrections
}

func TestEveryRowOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Sites: 3, Loggers: 4, Channels: 3, Cycle: 30 * time.Second}})
	client := b.client(nil)
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client))
	readings, alarms := b.audit(schema.Readings, dayEnd), b.audit(schema.Alarms, dayEnd)
	if readings.Stored < 20_000 || alarms.Stored < 100 {
		t.Errorf("%d readings and %d alarms: too few to prove anything", readings.Stored, alarms.Stored)
	}
}

func TestEveryRowOnceWithEveryFault(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{
		World:    saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 30 * time.Second},
		Switches: saveristest.Switches{RowsChanged: "on"},
		Faults: saveristest.Faults{
			TooMany: .02, Internal: .02, BadGateway: .02, Unavailable: .02, Timeout: .02, TimeoutStart: .02, Reset: .02,
			Truncate: .05, Cut: .05, ExpiredLink: .05, NoSuchKey: .02, ExpiredToken: .005, QueryError: .02, Forgotten: .02,
			Duplicate: .02, DuplicateAcross: .02, Garbage: .002,
		},
	})
	client := b.client(nil)
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client))
	readings := b.audit(schema.Readings, dayEnd)
	b.audit(schema.Alarms, dayEnd)
	if readings.Rejected == 0 {
		t.Error("no row was rejected: the garbage did not come")
	}
}

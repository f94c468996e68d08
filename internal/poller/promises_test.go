package poller_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// quiet is a world with no rows but those that a test adds.
var quiet = saveristest.Config{World: saveristest.World{Empty: true}}

// row is a reading of a sensor a while before the vendor's clock starts.
func row(uuid string, before time.Duration, value string) saveristest.Measurement {
	return saveristest.Measurement{
		UUID: uuid, SensorUUID: "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", ChannelNo: 1, SerialNo: "22011234",
		TenantUUID: "6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f", CustomerSite: "b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e",
		Timestamp: dayEnd.Add(-before), Measurement: value, PhysicalPropertyName: "Temperature", PhysicalUnit: "°C",
	}
}

// forward puts the vendor's clock forward.
func (b *bench) forward(d time.Duration) { b.ahead.Add(int64(d)) }

// submits is how many exports the vendor was asked for.
func (b *bench) submits() int { return b.vendor.Count("submit") }

func TestLateRowIsFoundByRevisit(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	b.vendor.AddMeasurement(row("on-time", 2*time.Hour, "4.7"))
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		late := row("late", 30*time.Minute, "4.8")
		late.VisibleAt = dayEnd.Add(42 * time.Minute)
		b.vendor.AddMeasurement(late)
		b.forward(40 * time.Minute) // covered again by polls, but not as far back as half an hour before the start
		b.awaitCovered(schema.Readings, dayEnd.Add(40*time.Minute))
		b.forward(21 * time.Minute) // now an age of an hour has passed, and the row can be seen
		b.awaitEvent(schema.Readings, "late")
	}, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
}

func TestSecondBridgeDoublesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: time.Minute}})
	var bridges []*poller.Live
	for range 3 {
		client, js := b.client(nil), b.connect(b.broker.ClientURL())
		bridges = append(bridges, b.live(js, schema.Readings, client), b.live(js, schema.Alarms, client))
	}
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, bridges...)
	b.audit(schema.Readings, dayEnd)
	b.audit(schema.Alarms, dayEnd)
}

func TestNatsOutageSubmitsNoExtraExports(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	b.answer = 2 * time.Second
	link := bridgetest.LinkTo(t, b.broker.ClientURL())
	bridge := b.live(b.connect(link.URL()), schema.Readings, b.client(nil))
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		link.Cut()
		asked, warned := b.submits(), b.warned.Load()
		b.forward(10 * time.Minute)
		b.await("twenty failed tries", func(context.Context) bool { return b.warned.Load() >= warned+20 })
		if extra := b.submits() - asked; extra > 2 { // one window for each of the two lines may have been under way
			t.Errorf("%d exports were submitted while NATS was away", extra)
		}
		link.Mend()
		b.awaitCovered(schema.Readings, dayEnd.Add(10*time.Minute))
	}, bridge)
	b.audit(schema.Readings, dayEnd.Add(9*time.Minute))
}

func TestABrokerThatTakesNothingSubmitsNoExtraExports(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	full := b.limitStream(100)
	b.run(func() {
		b.await("thirty failed tries", func(context.Context) bool { return b.warned.Load() >= 30 })
		if asked := b.submits(); asked > 2 { // one window for each of the two lines
			t.Errorf("%d exports were submitted for a broker that is full", asked)
		}
		full(-1)
		b.awaitCovered(schema.Readings, dayEnd)
	}, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
}

// limitStream makes the stream of readings refuse what goes beyond so many messages, and gives what sets another limit.
func (b *bench) limitStream(messages int64) (limit func(messages int64)) {
	b.Helper()
	stream, err := b.js.Stream(b.Context(), names.Stream(schema.Readings))
	if err != nil {
		b.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.Discard = jetstream.DiscardNew
	limit = func(messages int64) {
		config.MaxMsgs = messages
		if _, err := b.js.UpdateStream(b.Context(), config); err != nil {
			b.Fatal(err)
		}
	}
	limit(messages)
	return limit
}

func TestNothingIsCoveredBeyondTheVendorsClock(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet) // the vendor's clock is far behind ours
	bridge := b.live(b.js, schema.Readings, b.client(nil))
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, bridge)
	beyond, err := bridge.Writer.Covered(t.Context(), checkpoint.Span{From: dayEnd.Add(10 * time.Minute), Until: time.Now()})
	if err != nil || len(beyond) > 0 {
		t.Errorf("covered %v (%v): the vendor can still show rows there", beyond, err)
	}
}

// afterPlan does something once a window is planned.
type afterPlan struct {
	poller.Plan
	do func()
}

func (p afterPlan) Next(ctx context.Context) (poller.Window, error) {
	defer p.do()
	return p.Plan.Next(ctx)
}

// A vendor's clock that was ahead when a window was planned is right when he is asked for it.
func TestWhatTheVendorCannotHaveMeasuredYetIsNotCovered(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	client := b.client(nil)
	bridge := b.live(b.js, schema.Readings, client)
	line := poller.Line{Source: client, Writer: bridge.Writer, Log: bridge.Log, MaxWait: time.Second, Pool: poller.NewPool(1, b.maker(schema.Readings)), OnStored: func(poller.StoredWindow) { stop() }}
	tail := &poller.Tail{Interval: time.Hour, Overlap: 15 * time.Minute, Now: client.Now, Covered: bridge.Writer.Covered, Since: b.start}
	b.forward(40 * time.Minute)
	if err := line.Run(ctx, afterPlan{tail, func() { b.forward(-40 * time.Minute) }}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	covered, err := bridge.Writer.Covered(t.Context(), checkpoint.Span{From: b.start, Until: dayEnd.Add(time.Hour)})
	if err != nil || len(covered) == 0 {
		t.Fatalf("covered %v (%v)", covered, err)
	}
	for _, iv := range covered {
		if iv.Until.After(iv.ReadAt.Add(time.Second)) {
			t.Errorf("what was asked for at %v is covered until %v", iv.ReadAt, iv.Until)
		}
	}
}

func TestDuplicateAcrossFilesIsOneEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{
		World:    saveristest.World{Cycle: time.Minute},
		Switches: saveristest.Switches{FileCount: "n", FileDuplicates: "on"},
	})
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
}

func TestRejectedRowDoesNotStopTheRestAndIsRejectedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	for i := range 50 {
		b.vendor.AddMeasurement(row(fmt.Sprintf("row-%d", i), time.Duration(i)*time.Minute, "4.7"))
	}
	b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-3*time.Minute), `{"uuid":"no time"}`)
	b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-3*time.Minute), `this is no JSON at all`)
	asked := 0
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		asked = b.submits() // every poll from now on reads the garbage again
		b.await("five more polls", func(context.Context) bool { return b.submits() >= asked+5 })
	}, b.live(b.js, schema.Readings, b.client(nil)))
	readings := b.audit(schema.Readings, dayEnd)
	if readings.Rejected != 2 || readings.Stored != 52 {
		t.Errorf("stored %d of which %d rejected, want 52 and 2", readings.Stored, readings.Rejected)
	}
}

// carry reads and commits one window: the last ten minutes before the vendor's clock started.
func (b *bench) carry() error {
	line := poller.Line{
		Source: b.client(nil), Pool: poller.NewPool(1, b.maker(schema.Readings)),
		Writer: b.live(b.js, schema.Readings, b.client(nil)).Writer, Log: quietLog, MaxWait: time.Millisecond,
	}
	plan := &once{window: poller.Window{Span: checkpoint.Span{From: dayEnd.Add(-10 * time.Minute), Until: dayEnd}}}
	return line.Carry(b.Context(), plan, plan.window)
}

func TestWhatAWindowDoesNotCoverIsStoredBeforeItIsCovered(t *testing.T) {
	t.Parallel()
	one := quiet
	one.Switches.FileCount = "1" // a file that holds nothing but "no row" is none of the feed's
	b := newBench(t, one)
	b.vendor.AddMeasurement(row("good", 2*time.Minute, "4.7"))
	b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-3*time.Minute), `no row`)
	b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-3*time.Minute),
		`{"uuid":"of another day","timestamp":"2026-11-20T10:00:00Z","measurement":1}`)
	if err := b.carry(); err != nil {
		t.Fatal(err)
	}
	stream, err := b.js.Stream(t.Context(), names.Stream(schema.Readings))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if _, day, found := strings.Cut(msg.Subject, "saveris.checkpoints.readings."); found {
			order = append(order, day)
		}
	}
	if len(order) != 3 || order[2] != "2026-11-23" {
		t.Errorf("records of %v: want the covered day last, so that a crash before it loses nothing", order)
	}
}

func TestOneSitesGarbageStopsNoOther(t *testing.T) {
	const hours = 48
	b := newBench(t, quiet)
	b.start = dayEnd.Add(-hours * time.Hour)
	for i := range hours {
		at := time.Duration(i)*time.Hour + 5*time.Minute
		for _, site := range []string{"site-b", "site-c"} {
			b.vendor.AddMeasurement(row(fmt.Sprintf("%s-%d", site, i), at, "4.7"))
		}
		for channel := range 5 { // three rows in four are of a site whose clock is broken
			b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-at),
				fmt.Sprintf(`{"uuid":"site-a-%d-%d","customer_site":"site-a","timestamp":"0000-00-00 00:00:00","measurement":4.7}`, i, channel))
		}
	}
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, b.live(b.js, schema.Readings, b.client(nil)))
	readings := b.audit(schema.Readings, dayEnd)
	if readings.Rejected != 5*hours || readings.Stored != 7*hours {
		t.Errorf("stored %d of which %d rejected, want %d and %d", readings.Stored, readings.Rejected, 7*hours, 5*hours)
	}
}

func TestMostlyGarbageStopsTheFeed(t *testing.T) {
	renamed := func(i int) string { return fmt.Sprintf(`{"columns":"renamed","n":%d}`, i) }
	noTime := func(i int) string { return fmt.Sprintf(`{"uuid":"bad-%d","timestamp":"yesterday"}`, i) }
	for name, tt := range map[string]struct {
		bad  func(i int) string
		good int
		want error
	}{
		"nothing can be read":     {renamed, 0, saveris.ErrNotUnderstood},
		"most cannot be read":     {renamed, 30, poller.ErrRejected},
		"half can be read":        {renamed, 60, nil},
		"nothing can be an event": {noTime, 0, poller.ErrRejected},
		"one can be an event":     {noTime, 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, quiet)
			for i := range 60 {
				b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-time.Minute), tt.bad(i))
			}
			for i := range tt.good {
				b.vendor.AddMeasurement(row(fmt.Sprintf("good-%d", i), time.Minute, "4.7"))
			}
			if err := b.carry(); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			want := 60 + tt.good
			if tt.want != nil {
				want = 0
			}
			if stored := b.judge(schema.Readings, bridgetest.Due{From: b.start, Until: b.start, AsOf: dayEnd}).Stored; stored != want {
				t.Errorf("%d rows were stored, want %d", stored, want)
			}
		})
	}
}

func TestCorrectionIsStoredBesideItsFirstContent(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	b.vendor.AddMeasurement(row("revised", 2*time.Minute, "4.7"))
	b.run(func() {
		b.awaitEvent(schema.Readings, "revised")
		b.vendor.ReviseMeasurement("revised", dayEnd, "4.9")
		b.await("the correction", func(context.Context) bool { return b.corrections() == 1 })
	}, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
}

func TestWindowThatIsTooLargeIsReadInHalves(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	b.vendor.AddMeasurement(row("older-half", 8*time.Minute, "1"))
	b.vendor.AddMeasurement(row("newer-half", 2*time.Minute, "2"))
	b.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultQueryError, On: "submit.measurements"})
	if err := b.carry(); err != nil {
		t.Fatal(err)
	}
	writer := b.live(b.js, schema.Readings, b.client(nil)).Writer
	covered, err := writer.Covered(t.Context(), checkpoint.Span{From: b.start, Until: dayEnd.Add(time.Hour)})
	if err != nil || len(checkpoint.Gaps(covered, dayEnd.Add(-10*time.Minute), dayEnd)) > 0 {
		t.Errorf("covered %v (%v), want the whole window", covered, err)
	}
	if report := b.audit(schema.Readings, dayEnd); report.Stored != 2 || b.submits() != 3 {
		t.Errorf("%d rows of %d exports, want 2 of 3", report.Stored, b.submits())
	}
}

func TestFirstRunThatWasStoppedLeavesNoGap(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Sites: 1, Cycle: time.Minute}})
	first := b.live(b.js, schema.Readings, b.client(nil))
	b.run(func() { // stop as soon as the tail has been stored: what lies behind it has not been read
		b.await("the first poll", func(context.Context) bool { return !first.LastPoll().IsZero() })
	}, first)
	b.forward(48 * time.Hour)
	second := b.live(b.js, schema.Readings, b.client(nil))
	second.Start = func(now time.Time) time.Time { return now.Add(-time.Hour) } // what it would take for the first run
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd.Add(48*time.Hour)) }, second)
	b.audit(schema.Readings, dayEnd.Add(47*time.Hour))
}

func TestRefusedLoginEndsTheFeed(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	bridge := b.live(b.js, schema.Readings, b.client(func(c *saveris.Config) { c.Username = "nobody" }))
	if err := bridge.Run(t.Context()); !errors.Is(err, saveris.ErrRefused) {
		t.Errorf("got %v, want ErrRefused", err)
	}
}

func TestSynchronousRouteIsUsedWhereItAnswers(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{
		World:    saveristest.World{Cycle: time.Minute},
		Switches: saveristest.Switches{Sync: "array"},
	})
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, b.live(b.js, schema.Readings, b.client(nil)))
	b.audit(schema.Readings, dayEnd)
	if n := b.submits(); n > 0 {
		t.Errorf("%d exports were submitted", n)
	}
}

func TestRunningExportIsAdoptedByTheNextProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}, Switches: saveristest.Switches{QueryLatency: "1h"}})
	requests, err := publish.OpenRequests(t.Context(), b.js, publish.Config{Names: names, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	process := func() *poller.Live {
		return b.live(b.js, schema.Readings, b.client(func(c *saveris.Config) { c.Requests = requests }))
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- process().Run(ctx) }()
	b.awaitKept(requests, 1) // that of the oldest gap: a poll's is not kept
	stop()
	<-ended

	b.forward(61 * time.Minute) // what was submitted is ready; what is submitted from now on is not for another hour
	ctx, stop = context.WithCancel(t.Context())
	go func() { ended <- process().Run(ctx) }()
	writer := process().Writer
	b.await("the oldest gap", func(ctx context.Context) bool {
		covered, err := writer.Covered(ctx, checkpoint.Span{From: b.start, Until: dayEnd})
		return err == nil && len(covered) > 0 && covered[0].From.Equal(b.start)
	})
	stop()
	<-ended
}

func TestARefusalAfterALoginThatWorkedIsBelievedTheThirdTime(t *testing.T) {
	t.Parallel()
	b := newBench(t, quiet)
	bridge := b.live(b.js, schema.Readings, b.client(nil))
	b.run(func() {
		b.await("a poll", func(context.Context) bool { return !bridge.LastPoll().IsZero() })
		b.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultExpiredToken, On: "submit", Times: 2}) // the renewed token as well
		began := time.Now()
		b.await("a poll after it", func(context.Context) bool { return bridge.LastPoll().After(began) })
	}, bridge)
	shut := make(chan error, 1)
	again := b.live(b.js, schema.Readings, b.client(nil))
	again.OnRefusal = func(err error) { shut <- err }
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- again.Run(ctx) }()
	b.await("a poll", func(context.Context) bool { return !again.LastPoll().IsZero() })
	b.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultExpiredToken, On: "submit", Times: -1})
	if err := <-shut; !errors.Is(err, saveris.ErrForbidden) {
		t.Errorf("got %v, want ErrForbidden", err)
	}
	stop()
	<-ended
}

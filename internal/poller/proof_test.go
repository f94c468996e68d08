package poller_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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

// The accounts of two logins.
var (
	former = publish.AccountOf("http://vendor", "former")
	later  = publish.AccountOf("http://vendor", "later")
)

// readBefore is a bench on which the former login has covered both feeds, and stopped.
func readBefore(t *testing.T, config saveristest.Config) *bench {
	t.Helper()
	b := newBench(t, config)
	client, accounts := b.client(nil), b.accounts(former)
	readings, alarms := b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client)
	readings.Writer.Accounts, alarms.Writer.Accounts = accounts, accounts
	b.run(func() {
		b.awaitCovered(schema.Readings, dayEnd)
		b.awaitCovered(schema.Alarms, dayEnd)
	}, readings, alarms)
	return b
}

func (b *bench) accounts(own string) *publish.Accounts {
	return publish.NewAccounts(b.js, publish.Config{Names: names, Replicas: 1}, own)
}

// other is another vendor of the same time, for the same broker.
func (b *bench) other(config saveristest.Config) *bench {
	b.Helper()
	o := &bench{T: b.T, js: b.js, start: b.start}
	began, offset := time.Now(), b.now()
	config.Now = func() time.Time { return offset.Add(time.Since(began)) }
	config.World.Start, config.World.Seed, config.Switches.QueryLatency = b.start, 7, "zero"
	var err error
	if o.vendor, err = saveristest.Start(config); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { o.vendor.Close() })
	return o
}

// now is the vendor's time.
func (b *bench) now() time.Time {
	b.Helper()
	now, err := b.client(nil).Now(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return now
}

// settle has the later login find out whose the coverage is.
func (b *bench) settle() (*publish.Accounts, error) {
	b.Helper()
	return b.settleTelling(func() {})
}

// settleTelling is settle, which tells before it looks again.
func (b *bench) settleTelling(again func()) (*publish.Accounts, error) {
	b.Helper()
	accounts := b.accounts(later)
	proof := &poller.Proof{
		Source: b.client(nil), Accounts: accounts, Log: slog.New(telling{counter{&b.warned, b}, again}), Wait: 20 * time.Millisecond,
		Maker: func(feed schema.Feed) *schema.Maker { return schema.NewMaker(feed, names.Prefix, b.vendor.URL()) },
	}
	ctx, cancel := context.WithTimeout(b.Context(), bridgetest.Patience)
	defer cancel()
	return accounts, proof.Settle(ctx)
}

// telling is a counter that calls again where something is retried.
type telling struct {
	counter
	again func()
}

func (l telling) Handle(ctx context.Context, r slog.Record) error {
	if strings.HasSuffix(r.Message, "retrying") {
		l.again()
	}
	return l.counter.Handle(ctx, r)
}

// foreign fails unless an error says that the coverage is another account's, with so many rows compared, and returns the text.
func foreign(t *testing.T, err error, rows bool) string {
	t.Helper()
	var other *publish.AnotherAccount
	if !errors.As(err, &other) || other.Theirs != former || other.Ours != later || (other.Rows > 0) != rows {
		t.Fatalf("%+v: %v", other, err)
	}
	return err.Error()
}

func TestOneRowThatIsStoredProvesTheAccount(t *testing.T) {
	t.Parallel()
	b := readBefore(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	accounts, err := b.settle()
	if err != nil {
		t.Fatal(err)
	}
	if unknown, err := accounts.Look(t.Context()); err != nil || len(unknown) > 0 {
		t.Errorf("%v, %v", unknown, err)
	}
	w := b.live(b.js, schema.Readings, b.client(nil)).Writer
	w.Accounts = accounts
	if found, err := w.Covered(t.Context(), checkpoint.Span{From: b.start, Until: dayEnd}); err != nil || len(found) == 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestRowsOfWhichNoneIsStoredAreAnotherAccounts(t *testing.T) {
	t.Parallel()
	b := readBefore(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	_, err := b.other(saveristest.Config{World: saveristest.World{Cycle: time.Minute}}).settle()
	if text := foreign(t, err, true); !strings.Contains(text, "that the vendor shows it is stored") {
		t.Error(text)
	}
	_, err = b.other(saveristest.Config{World: saveristest.World{Empty: true}}).settle()
	if text := foreign(t, err, false); !strings.Contains(text, "where some are stored") {
		t.Error(text)
	}
}

func TestCoverageWithoutRowsProvesNothing(t *testing.T) {
	t.Parallel()
	b := readBefore(t, saveristest.Config{World: saveristest.World{Empty: true}})
	_, err := b.settle()
	if text := foreign(t, err, false); !strings.Contains(text, "there are no rows to compare") {
		t.Error(text)
	}
}

// TestGarbageProvesNothing: any account may show the same text that is no row.
func TestGarbageProvesNothing(t *testing.T) {
	t.Parallel()
	const garbage = `{"uuid":"x","sensor_uuid":"y","channel_no":1,"serial_no":"z","timestamp":"yesterday","measurement":1}`
	b := newBench(t, saveristest.Config{World: saveristest.World{Empty: true}})
	b.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-10*time.Minute), garbage)
	live := b.live(b.js, schema.Readings, b.client(nil))
	live.Writer.Accounts = b.accounts(former)
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, live)
	o := b.other(saveristest.Config{World: saveristest.World{Empty: true}})
	o.vendor.AddRaw(saveristest.FeedMeasurements, dayEnd.Add(-10*time.Minute), garbage)
	_, err := o.settle()
	foreign(t, err, false)
}

func TestAVendorWhoDoesNotAnswerDecidesNothing(t *testing.T) {
	t.Parallel()
	b := readBefore(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	b.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultUnavailable, On: "submit", Times: 2})
	if _, err := b.settle(); err != nil {
		t.Error(err)
	}
	o := b.other(saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
	o.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultUnavailable, On: "submit", Times: 2})
	_, err := o.settle()
	foreign(t, err, true)
}

// TestAnEmptyAnswerIsAskedForAgain: the vendor shows nothing now and then, and everything a moment later.
func TestAnEmptyAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	row := saveristest.Measurement{UUID: "c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f", SensorUUID: "y", ChannelNo: 1, SerialNo: "z", Timestamp: dayEnd.Add(-10 * time.Minute), Measurement: "1"}
	b := newBench(t, saveristest.Config{World: saveristest.World{Empty: true}})
	b.vendor.AddMeasurement(row)
	live := b.live(b.js, schema.Readings, b.client(nil))
	live.Writer.Accounts = b.accounts(former)
	b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, live)
	o := b.other(saveristest.Config{World: saveristest.World{Empty: true}})
	var once sync.Once
	_, err := o.settleTelling(func() { once.Do(func() { o.vendor.AddMeasurement(row) }) })
	if n := o.vendor.Count("submit.measurements"); err != nil || n < 2 {
		t.Errorf("%v after %d submissions", err, n)
	}
}

func TestAFeedWithoutALicenceLeavesTheProofToTheOthers(t *testing.T) {
	t.Parallel()
	b := readBefore(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute, AlarmEvery: 10 * time.Minute}})
	b.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) {
		sw.AuthNoLicence, sw.AuthNoLicenceFeed = "403B", "measurements"
	})
	if _, err := b.settle(); err != nil {
		t.Error(err)
	}
	b.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.AuthNoLicenceFeed = "all" })
	if _, err := b.settle(); !errors.Is(err, saveris.ErrForbidden) {
		t.Errorf("without any licence: %v", err)
	}
}

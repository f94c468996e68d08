package backfill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

func TestMain(m *testing.M) { bridgetest.Main(m) }

// vendorAt is the pretend vendor's time when a test begins: its world is two hours old, with a midnight in them.
var vendorAt = time.Date(2026, 11, 24, 0, 20, 0, 0, time.UTC)

var stream = seed.Broker.Names.Stream(schema.Readings)

// scene is a vendor and a broker, in this process.
type scene struct {
	*testing.T
	vendor *saveristest.Server
	url    string // of the broker
	js     jetstream.JetStream
	start  time.Time    // of the vendor's world
	later  atomic.Int64 // how much later than vendorAt the vendor's clock is, in ns
}

func newScene(t *testing.T, world saveristest.World) *scene {
	t.Helper()
	began := time.Now()
	s := &scene{T: t, start: vendorAt.Add(-2 * time.Hour)}
	world.Start = s.start
	vendor, err := saveristest.Start(saveristest.Config{
		World: world, Record: true, Switches: saveristest.Switches{QueryLatency: "zero"},
		Now: func() time.Time { return vendorAt.Add(time.Since(began) + time.Duration(s.later.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	s.vendor, s.url = vendor, bridgetest.NATSServer(t, &server.Options{JetStream: true}).ClientURL()
	s.js = bridgetest.JetStream(t, s.url)
	return s
}

// config returns a backfill of all that the vendor has of readings; what it prints goes to out.
func (s *scene) config(out *strings.Builder, changes ...string) backfill.Config {
	s.Helper()
	settings, err := config.Load(s.Context(), bridgetest.Env(append([]string{
		"SAVERIS_URL", s.vendor.URL(), "SAVERIS_USERNAME", "demo", "SAVERIS_PASSWORD", "demo", "NATS_URL", s.url,
		"BRIDGE_FEEDS", "readings", "BRIDGE_LIVE_AGE", "24h",
	}, changes...)...))
	if err != nil {
		s.Fatal(err)
	}
	settings.FirstPoll = 20 * time.Millisecond // the pretend vendor's exports are ready at once
	return backfill.Config{
		Pipeline: settings.Pipeline, Workers: 1, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Out: out, Notes: out,
		Range: func(time.Time) (checkpoint.Span, error) { return checkpoint.Span{From: s.start, Until: vendorAt}, nil },
	}
}

// fill runs a backfill, and returns what it printed.
func (s *scene) fill(change func(*backfill.Config), changes ...string) string {
	s.Helper()
	out, err := s.try(change, changes...)
	if err != nil {
		s.Fatalf("%v\n%s", err, out)
	}
	return out
}

func (s *scene) try(change func(*backfill.Config), changes ...string) (string, error) {
	s.Helper()
	var out strings.Builder
	c := s.config(&out, changes...)
	if change != nil {
		change(&c)
	}
	err := backfill.Run(s.Context(), c)
	return out.String(), err
}

func (s *scene) forecast(change func(*backfill.Config)) string {
	s.Helper()
	var out strings.Builder
	c := s.config(&out)
	change(&c)
	if err := backfill.Forecast(s.Context(), c); err != nil {
		s.Fatalf("%v\n%s", err, &out)
	}
	return out.String()
}

// messages returns how many messages the stream holds on a subject.
func (s *scene) messages(subject string) (n uint64) {
	s.Helper()
	held, err := s.js.Stream(s.Context(), stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0
	}
	if err != nil {
		s.Fatal(err)
	}
	info, err := held.Info(s.Context(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		s.Fatal(err)
	}
	for _, of := range info.State.Subjects {
		n += of
	}
	return n
}

func (s *scene) audit() *bridgetest.AuditReport {
	s.Helper()
	report, err := bridgetest.AuditReadings(s.Context(), s.js, stream, s.vendor, bridgetest.Due{From: s.start, Until: vendorAt, AsOf: vendorAt})
	if err != nil {
		s.Fatal(err)
	}
	return report
}

func (s *scene) clean() {
	s.Helper()
	if report := s.audit(); !report.Clean() {
		s.Error(report)
	}
}

// state returns what the last backfill has published last.
func (s *scene) state() (state schema.Backfill) {
	s.Helper()
	kv, err := s.js.KeyValue(s.Context(), seed.Broker.Names.Backfills())
	if err != nil {
		s.Fatal(err)
	}
	keys, err := kv.Keys(s.Context())
	if err != nil || len(keys) != 1 {
		s.Fatalf("backfills %v, %v", keys, err)
	}
	entry, err := kv.Get(s.Context(), keys[0])
	if err == nil {
		err = json.Unmarshal(entry.Value(), &state)
	}
	if err != nil {
		s.Fatal(err)
	}
	return state
}

func TestABackfillThatIsStoppedPausesAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute}) // 16,800 rows
	// So that there is something left to be stopped.
	s.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultHang, On: "submit.measurements", After: 1})
	var out strings.Builder
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- backfill.Run(ctx, s.config(&out, "BRIDGE_WINDOW_ROWS", "2000")) }()
	bridgetest.Await(t, "a first batch", func(context.Context) bool {
		return s.vendor.Count("fault.hang") > 0 && s.messages("saveris.readings.>") > 0
	})
	stop()
	err := <-ended
	code, advice := hint.Of(err)
	if code != hint.Failed || !strings.HasPrefix(fmt.Sprint(err), "paused: ") ||
		!strings.HasSuffix(advice, "bridge backfill --from 2026-11-23T22:20:00Z --until 2026-11-24T00:20:00Z --feeds readings") {
		t.Errorf("%v: %d, %s", err, code, advice)
	}
	if state := s.state(); state.Phase != schema.BackfillPaused || state.Covered >= 1 {
		t.Errorf("the last state is %+v", state)
	}
	if out := s.fill(nil); !strings.HasPrefix(out, "covered: from 2026-11-23T22:20:00Z until 2026-11-24T00:20:00Z, ") {
		t.Error(out)
	}
	if state := s.state(); state.Phase != schema.BackfillFinished || state.Covered != 1 {
		t.Errorf("the last state is %+v", state)
	}
	s.clean()
	asked := s.vendor.Count("submit")
	if out := s.fill(nil); !strings.HasPrefix(out, "covered already: ") || s.vendor.Count("submit") > asked {
		t.Errorf("a backfill that was done: %d exports, %s", s.vendor.Count("submit")-asked, out)
	}
}

func TestAForecastChangesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	if out := s.forecast(func(*backfill.Config) {}); !strings.Contains(out, "readings: 2 windows, 2h0m0s of 2h0m0s are not covered; nothing is stored yet") {
		t.Error(out)
	}
	short := func(c *backfill.Config) {
		c.Range = func(time.Time) (checkpoint.Span, error) {
			return checkpoint.Span{From: vendorAt.Add(-5 * time.Minute), Until: vendorAt}, nil
		}
	}
	if out := s.forecast(short); !strings.Contains(out, "readings: 1 window, 5m0s of 5m0s are not covered") {
		t.Error(out)
	}
	if names := s.js.StreamNames(t.Context()); s.vendor.Count("submit") > 0 || <-names.Name() != "" {
		t.Errorf("%d exports, or a stream was created", s.vendor.Count("submit"))
	}
	s.fill(nil)
	if out := s.forecast(func(c *backfill.Config) { c.Reread = true }); !strings.Contains(out, "as stored so far") {
		t.Error(out)
	}
}

func TestARereadFindsWhatHasChangedAndStoresNothingTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	s.fill(nil)
	stored := s.messages(">")
	s.later.Store(int64(2 * time.Second)) // so that what was read before is older
	s.vendor.AddMeasurement(saveristest.Measurement{
		UUID: "late", SensorUUID: "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", ChannelNo: 1, SerialNo: "22011234", Timestamp: vendorAt.Add(-time.Hour), Measurement: "4.7",
	})
	if out := s.fill(func(c *backfill.Config) { c.Reread = true }); strings.Contains(out, " 0 stored") {
		t.Error(out)
	}
	if state := s.state(); state.Phase != schema.BackfillFinished || !state.Reread || state.Covered != 1 {
		t.Errorf("the last state is %+v", state)
	}
	if now := s.messages(">"); now > stored+20 {
		t.Errorf("%d messages, %d before", now, stored)
	}
	s.clean()
}

func TestDaysThatRetentionRemovedAreLeftAloneUnlessRepublished(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	s.fill(func(c *backfill.Config) {
		c.Range = func(time.Time) (checkpoint.Span, error) { return checkpoint.Span{From: s.start, Until: midnight}, nil }
	})
	s.fill(nil)
	held, err := s.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	first, err := held.GetLastMsgForSubject(t.Context(), "saveris.checkpoints.readings.2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Purge(t.Context(), jetstream.WithPurgeSequence(first.Sequence+1)); err != nil { // the older day, as an age limit would
		t.Fatal(err)
	}
	asked := s.vendor.Count("submit")
	if out := s.fill(nil); !strings.Contains(out, "retention has removed days of readings") || s.vendor.Count("submit") > asked {
		t.Errorf("%d exports\n%s", s.vendor.Count("submit")-asked, out)
	}
	if out := s.fill(func(c *backfill.Config) { c.Republish = true }); s.vendor.Count("submit") == asked {
		t.Errorf("nothing was read\n%s", out)
	}
	if report := s.audit(); report.Missing+report.Doubled+report.Unexpected > 0 { // its pages begin before the stream does
		t.Error(report)
	}
}

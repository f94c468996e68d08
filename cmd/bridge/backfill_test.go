package main

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// past is the range of the backfills in these tests: all that the vendor has, with a midnight in it.
func (s *scene) past() []string {
	return []string{"backfill", "--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339), "--feeds", "readings"}
}

func TestBackfillGoesOnWhereItWasKilled(t *testing.T) {
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute}) // 16,800 rows
	addr := s.broker()
	link, err := bridgetest.NewLink(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	env := append(s.env, "NATS_URL=nats://"+link.Addr(), "BRIDGE_WINDOW_ROWS=4000")
	cmd := s.startCommand(env, s.past()...)
	s.await("half of the rows", func(ctx context.Context) bool { return s.messages(ctx) > 8000 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if got := bridge(t, env, s.past()...); got.code != hint.Done || !strings.Contains(got.out, "covered: from ") {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	s.audit()
	asked := s.vendor.Count("submit")
	got := bridge(t, env, s.past()...)
	if got.code != hint.Done || !strings.HasPrefix(got.out, "covered already: ") || s.vendor.Count("submit") > asked {
		t.Errorf("a backfill that was done: exit code %d, %d exports\n%s%s", got.code, s.vendor.Count("submit")-asked, got.out, got.err)
	}
}

func TestSeveralProcessesShareABackfill(t *testing.T) {
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_WINDOW_ROWS=4000")
	ended := make(chan outcome)
	for range 3 {
		go func() { ended <- bridge(t, env, append(s.past(), "--workers", "2")...) }()
	}
	for range 3 {
		if got := <-ended; got.code != hint.Done {
			t.Errorf("exit code %d\n%s", got.code, got.err)
		}
	}
	s.audit()
}

func TestBackfillThatIsStoppedPausesAndSaysSo(t *testing.T) {
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute})
	link, err := bridgetest.NewLink(s.broker())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	link.Delay(20 * time.Millisecond) // so that there is something left to be stopped
	env := append(s.env, "NATS_URL=nats://"+link.Addr(), "BRIDGE_WINDOW_ROWS=2000")
	cmd := s.startCommand(env, s.past()...)
	s.await("the first rows", func(ctx context.Context) bool { return s.messages(ctx) > 0 })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says it
	if code := cmd.ProcessState.ExitCode(); code != hint.Failed {
		t.Errorf("exit code %d", code)
	}
	if state := s.lastWord(); state.Phase != schema.BackfillPaused || state.Covered >= 1 {
		t.Errorf("the last word is %+v", state)
	}
	if got := bridge(t, env, s.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	if state := s.lastWord(); state.Phase != schema.BackfillFinished || state.Covered != 1 {
		t.Errorf("the last word is %+v", state)
	}
	s.audit()
}

// lastWord is what the last backfill said last.
func (s *scene) lastWord() (state schema.Backfill) {
	s.Helper()
	kv, err := s.js.KeyValue(s.Context(), "saveris-backfills")
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

func TestDryRunChangesNothing(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	got := bridge(t, env, append(s.past(), "--dry-run")...)
	if got.code != hint.Done || !strings.Contains(got.out, "readings: 2 windows, 2h0m0s of 2h0m0s are not covered; nothing is stored yet") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if names := s.js.StreamNames(t.Context()); s.vendor.Count("submit") > 0 || <-names.Name() != "" {
		t.Errorf("%d exports, or a stream was created", s.vendor.Count("submit"))
	}
	if got := bridge(t, env, s.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	got = bridge(t, env, append(s.past(), "--dry-run", "--reread")...)
	if got.code != hint.Done || !strings.Contains(got.out, "as stored so far") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestRereadFindsWhatHasChangedAndStoresNothingTwice(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	if got := bridge(t, env, s.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	stored, read := s.messages(t.Context()), time.Now()
	s.await("the vendor's next second, so that the first reading is older", func(context.Context) bool { return time.Since(read) > 1100*time.Millisecond })
	s.vendor.AddMeasurement(saveristest.Measurement{
		UUID: "late", SensorUUID: "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", ChannelNo: 1, SerialNo: "22011234", Timestamp: vendorAt.Add(-time.Hour), Measurement: "4.7",
	})
	got := bridge(t, env, append(s.past(), "--reread")...)
	if got.code != hint.Done || strings.Contains(got.out, " 0 stored") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if state := s.lastWord(); state.Phase != schema.BackfillFinished || !state.Reread || state.Covered != 1 {
		t.Errorf("the last word is %+v", state)
	}
	if now := s.messages(t.Context()); now > stored+20 {
		t.Errorf("%d messages, %d before", now, stored)
	}
	s.audit()
}

func TestDaysThatRetentionRemovedAreLeftAloneUnlessRepublished(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	for _, until := range []string{"2026-11-24T00:00:00Z", vendorAt.Format(time.RFC3339)} {
		if got := bridge(t, env, append(s.past(), "--until", until)...); got.code != hint.Done {
			t.Fatalf("exit code %d\n%s", got.code, got.err)
		}
	}
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetLastMsgForSubject(t.Context(), "saveris.checkpoints.readings.2026-11-23")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(first.Sequence+1)); err != nil { // the older day, as an age limit would
		t.Fatal(err)
	}
	asked := s.vendor.Count("submit")
	got := bridge(t, env, s.past()...)
	if got.code != hint.Done || !strings.Contains(got.err, "retention has removed days of readings") || s.vendor.Count("submit") > asked {
		t.Errorf("exit code %d, %d exports\n%s%s", got.code, s.vendor.Count("submit")-asked, got.out, got.err)
	}
	got = bridge(t, env, append(s.past(), "--republish")...)
	if got.code != hint.Done || s.vendor.Count("submit") == asked {
		t.Errorf("exit code %d, %d exports\n%s%s", got.code, s.vendor.Count("submit")-asked, got.out, got.err)
	}
	report, err := bridgetest.AuditReadings(t.Context(), s.js, streamOfReadings, s.vendor, bridgetest.Due{From: s.start, Until: vendorAt, AsOf: vendorAt})
	if err != nil || report.Missing+report.Doubled+report.Unexpected > 0 { // its pages begin before the stream does
		t.Errorf("%v, %v", report, err)
	}
}

func TestBackfillRefusesWrongFlags(t *testing.T) {
	env := []string{"SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo"}
	for _, c := range []struct{ args, want string }{
		{"", "--from is missing"},
		{"--from yesterday", `--from is "yesterday"`},
		{"--from 1h --until soon", `--until is "soon"`},
		{"--from 1h --workers 0", "--workers is 0"},
		{"--from 1h --workers 99", "--workers is 99"},
		{"--from 1h --feeds wind", `--feeds is "wind"`},
	} {
		got := bridge(t, env, append([]string{"backfill"}, strings.Fields(c.args)...)...)
		cause, advice := lastLines(t, got.err)
		if got.code != hint.Settings || !strings.Contains(cause, c.want) || !strings.Contains(advice, "bridge backfill --help") {
			t.Errorf("%s: exit code %d\n%s", c.args, got.code, got.err)
		}
	}
}

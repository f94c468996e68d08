package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// remove deletes the events at some places among those of the stream, counted from the end where they are negative, and gives
// their sequences.
func (s *scene) remove(places ...int) (removed []uint64) {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), streamOfReadings)
	if err != nil {
		s.Fatal(err)
	}
	var seqs []uint64
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		if m, err := stream.GetMsg(s.Context(), seq); err == nil && strings.HasPrefix(m.Subject, "saveris.readings.") {
			seqs = append(seqs, seq)
		}
	}
	for _, place := range places {
		if place < 0 {
			place += len(seqs)
		}
		if err := stream.DeleteMsg(s.Context(), seqs[place]); err != nil {
			s.Fatal(err)
		}
		removed = append(removed, seqs[place])
	}
	return removed
}

// fill backfills the range of these tests.
func (s *scene) fill() {
	s.Helper()
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker())
	if got := bridge(s.T, s.env, s.past()...); got.code != hint.Done {
		s.Fatalf("exit code %d\n%s", got.code, got.err)
	}
}

func TestRepairPutsBackWhatWasRemovedAndNothingElse(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute, Sites: 3})
	s.fill()
	asked := s.vendor.Count("submit")
	got := bridge(t, s.env, append(s.past(), "--repair")...)
	if got.code != hint.Done || !strings.Contains(got.out, "nothing is lacking") || s.vendor.Count("submit") > asked {
		t.Errorf("nothing was removed: exit code %d, %d exports\n%s%s", got.code, s.vendor.Count("submit")-asked, got.out, got.err)
	}
	s.remove(3, 4, 200, -1)
	got = s.verify("--feeds", "readings")
	if _, advice := lastLines(t, got.err); got.code != hint.Failed || !strings.Contains(advice, "bridge backfill") || !strings.Contains(advice, "--repair") {
		t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if again := bridge(t, s.env, append(s.past(), "--reread")...); again.code != hint.Done {
		t.Errorf("--reread: exit code %d\n%s%s", again.code, again.out, again.err)
	}
	if _, sum := verdicts(t, s.verify("--json", "--feeds", "readings").out); sum.Missing != 4 {
		t.Errorf("a re-read has put back %d of 4", 4-sum.Missing)
	}
	dry := bridge(t, s.env, append(s.past(), "--repair", "--dry-run")...)
	if dry.code != hint.Done || !strings.Contains(dry.out, "readings: 4 events are lacking") {
		t.Errorf("--dry-run: exit code %d\n%s%s", dry.code, dry.out, dry.err)
	}
	got = bridge(t, s.env, append(s.past(), "--repair")...)
	if got.code != hint.Done || !strings.Contains(got.out, "put back: 4 events") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := s.verify("--feeds", "readings"); got.code != hint.Done || !strings.Contains(got.out, "proven: ") {
		t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	s.audit()
	if covered, err := checkpoint.NewBook(checkpoint.NewStream(s.js, streamOfReadings, "saveris", "readings")).Records(t.Context(), []string{"2026-11-23"}); err != nil || !covered[0].Covered[0].From.Equal(s.start) {
		t.Errorf("a repair has read what nobody had asked for: %+v, %v", covered, err)
	}
	stored := s.messages(t.Context())
	if got := bridge(t, s.env, append(s.past(), "--repair")...); got.code != hint.Done || !strings.Contains(got.out, "nothing is lacking") || s.messages(t.Context()) != stored {
		t.Errorf("once more: exit code %d, %d messages instead of %d\n%s%s", got.code, s.messages(t.Context()), stored, got.out, got.err)
	}
}

func TestARepairThatWasKilledGoesOnBesideAnother(t *testing.T) {
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute}) // 16,800 rows
	s.punctual()
	link, err := bridgetest.NewLink(s.broker())
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	s.env = append(s.env, "NATS_URL=nats://"+link.Addr(), "BRIDGE_WINDOW_ROWS=4000")
	if got := bridge(t, s.env, s.past()...); got.code != hint.Done {
		t.Fatalf("exit code %d\n%s", got.code, got.err)
	}
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("saveris.readings.>")); err != nil { // the index stays
		t.Fatal(err)
	}
	link.Delay(20 * time.Millisecond) // so that there is something left to be killed
	cmd := s.startCommand(s.env, append(s.past(), "--repair")...)
	s.await("some of the rows", func(ctx context.Context) bool { return s.messages(ctx) > 3000 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if now := s.messages(t.Context()); now > 14_000 {
		t.Errorf("%d messages: too late to prove anything", now)
	}
	link.Delay(0)
	ended := make(chan outcome)
	for range 2 {
		go func() { ended <- bridge(t, s.env, append(s.past(), "--repair")...) }()
	}
	for range 2 {
		if got := <-ended; got.code != hint.Done {
			t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
		}
	}
	if got := s.verify("--feeds", "readings"); got.code != hint.Done {
		t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	s.audit()
}

// A repair reads what it repairs itself: live polling that has read the same rows a moment later stores nothing again.
func TestRepairBesideLivePollingPutsBackTheNewest(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute, Sites: 3})
	s.fill()
	s.startCommand(append(s.env, "BRIDGE_FEEDS=readings"), "run")
	s.remove(-1, -2, -3, 0)
	got := bridge(t, s.env, append(s.past(), "--repair")...)
	if got.code != hint.Done || !strings.Contains(got.out, "put back: 4 events") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestWhatCannotBePutBackIsListed(t *testing.T) {
	s := newScene(t, saveristest.World{Empty: true})
	at := vendorAt.Add(-70 * time.Minute)
	for i := range 3 {
		s.vendor.AddMeasurement(saveristest.Measurement{UUID: fmt.Sprintf("row-%d", i), ChannelNo: 1, SerialNo: "22011234", Timestamp: at.Add(time.Duration(i) * time.Second), Measurement: "4.7"})
	}
	s.fill()
	own := load(t, with("SAVERIS_URL", s.vendor.URL(), "SAVERIS_USERNAME", "demo", "NATS_URL", "nats://127.0.0.1:4222"))
	w := publish.NewWriter(s.js, pipeline.Broker(own.Streams), publish.Options{Feed: schema.Readings, Name: "test", Now: time.Now, Accounts: pipeline.New(own.Pipeline, s.js).Accounts})
	if _, err := w.Commit(t.Context(), "2026-11-23", []schema.Event{event(schema.Readings, "uuid", "nobody's", "timestamp", at.Format(time.RFC3339), "measurement", "4.7")}, nil); err != nil {
		t.Fatal(err)
	}
	removed := s.remove(0, 1, 2, 3)
	s.vendor.ReviseMeasurement("row-1", vendorAt.Add(-time.Minute), "9.9")
	for range 2 {
		got := bridge(t, s.env, append(s.past(), "--repair")...)
		cause, advice := lastLines(t, got.err)
		if got.code != hint.Failed || !strings.Contains(cause, "2 events that were removed cannot be put back") || !strings.Contains(advice, "backup") {
			t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
		}
		wantLines(t, got.out, fmt.Sprintf("readings 2026-11-23 sequence %d id row-1: the vendor shows its row with other content", removed[1]),
			fmt.Sprintf("readings 2026-11-23 sequence %d entry the vendor shows no row that it is", removed[3]))
	}
	days, _ := verdicts(t, s.verify("--json", "--feeds", "readings").out)
	if d := days[0]; d.Stored != 3 || d.Corrections != 1 || d.Missing != 0 || d.BadIndex != 2 {
		t.Errorf("verify: %+v", d)
	}
}

func TestRepairGoesAlone(t *testing.T) {
	env := []string{"SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo"}
	for _, other := range []string{"--reread", "--republish", "--workers 2"} {
		got := bridge(t, env, append([]string{"backfill", "--from", "1h", "--repair"}, strings.Fields(other)...)...)
		if cause, _ := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, "--repair") {
			t.Errorf("%s: exit code %d\n%s", other, got.code, got.err)
		}
	}
}

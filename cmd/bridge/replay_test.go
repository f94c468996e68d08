package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/schema"
)

// player is a scene with stored events, and the environment of a bridge replay that knows nothing of the vendor.
func player(t *testing.T) (s *scene, env []string) {
	t.Helper()
	s = filled(t)
	return s, []string{"NATS_URL=" + s.js.Conn().ConnectedUrl(), "SAVERIS_REGION=mars", "SAVERIS_USERNAME=nobody"}
}

// future is after all that a scene's vendor will ever measure.
var future = vendorAt.AddDate(1, 0, 0)

// stored returns the ids of all stored events of both feeds.
func (s *scene) stored() []string { return s.before(future) }

// before returns those of what was measured before a time.
func (s *scene) before(until time.Time) []string {
	s.Helper()
	return append(s.idsOf(streamOfReadings, until), s.idsOf("SAVERIS_ALARMS", until)...)
}

// idsOf returns the ids of the events in a stream, in its order, that were measured before a time.
func (s *scene) idsOf(name string, until time.Time) (ids []string) {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(s.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		s.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		s.Fatal(err)
	}
	defer messages.Stop()
	for range stream.CachedInfo().State.Msgs {
		m, err := messages.Next()
		if err != nil {
			s.Fatal(err)
		}
		attributes, _, err := schema.Unwrap(m.Headers(), m.Data())
		if err != nil {
			s.Fatal(err)
		}
		if attributes["id"] == "" || attributes["dataschema"] == "urn:saveris-bridge:rejected:v1" {
			continue
		}
		at, err := time.Parse(time.RFC3339, attributes["time"])
		if err != nil {
			s.Fatal(err)
		}
		if at.Before(until) {
			ids = append(ids, attributes["id"])
		}
	}
	return ids
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func TestReplayStoresInAStreamWhatTheBridgeHasStored(t *testing.T) {
	t.Parallel()
	s, env := player(t)
	for _, c := range []struct {
		stream string
		atomic bool
	}{{"ONE", false}, {"BATCHES", true}} {
		prefix := strings.ToLower(c.stream)
		if _, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: c.stream, Subjects: []string{prefix + ".>"}, AllowAtomicPublish: c.atomic}); err != nil {
			t.Fatal(err)
		}
		got := bridge(t, env, "replay", "--from", s.start.Format(time.RFC3339), "--until", future.Format(time.RFC3339), "--to", prefix+".>")
		if got.code != hint.Done || got.err != "" || !strings.Contains(got.out, "stored in stream "+c.stream+"\n") || strings.Count(got.out, "/s\n") != 2 {
			t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
		}
		if ids := s.idsOf(c.stream, future); !slices.Equal(sorted(ids), sorted(s.stored())) {
			t.Errorf("%s: %d events, want %d", c.stream, len(ids), len(s.stored()))
		}
	}
	if first, second := s.idsOf("ONE", future), s.idsOf("BATCHES", future); !slices.Equal(first, second) {
		t.Error("two replays differ in their order")
	}
}

func TestAStoppedReplaySaysFromWhereToGoOn(t *testing.T) {
	t.Parallel()
	s, env := player(t)
	nc := bridgetest.Connect(t, s.js.Conn().ConnectedUrl())
	heard, err := nc.SubscribeSync("copy.>")
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, env, "replay", "--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339), "--to", "copy.>", "--speed", "10")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for len(ids) < 3 {
		m, err := heard.NextMsg(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.Header["ce-id"][0])
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	cause, advice := lastLines(t, stderr.String())
	next, found := strings.CutPrefix(advice, "hint: go on with --from ")
	if cmd.ProcessState.ExitCode() != hint.Failed || !strings.Contains(cause, "stopped before it was done") || !found {
		t.Fatalf("exit code %d\n%s", cmd.ProcessState.ExitCode(), &stderr)
	}
	got := bridge(t, env, "replay", "--from", next, "--until", vendorAt.Format(time.RFC3339), "--to", "copy.>")
	if got.code != hint.Done || !strings.Contains(got.out, "not stored, no stream takes it") {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for waiting, _, _ := heard.Pending(); waiting > 0; waiting-- {
		m, err := heard.NextMsg(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.Header["ce-id"][0])
	}
	if want := s.before(vendorAt); !slices.Equal(sorted(ids), sorted(want)) {
		t.Errorf("%d events were heard, %d are stored", len(ids), len(want))
	}
}

func TestReplayTellsWhatTheIndexListsAndTheStreamLacks(t *testing.T) {
	t.Parallel()
	s, env := player(t)
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	for _, seq := range []uint64{1, 2, 4} { // the claim and the first event, as retention does, and one by hand
		if err == nil {
			err = stream.DeleteMsg(t.Context(), seq)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	got := bridge(t, env, "replay", "--from", s.start.Format(time.RFC3339), "--until", future.Format(time.RFC3339), "--to", "copy.>")
	cause, advice := lastLines(t, got.err)
	if got.code != hint.Failed || !strings.Contains(got.err, "the index lists 1 events that are not there") || !strings.Contains(got.err, "retention has removed 1 events") ||
		!strings.Contains(cause, "may not be all") || !strings.Contains(advice, "bridge verify") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestReplayRefusesTheBridgesOwnSubjectsAndWrongFlags(t *testing.T) {
	t.Parallel()
	s, env := player(t)
	for name, subject := range map[string]string{"PART": "part.readings.live.>", "COLD": "cold.checkpoints.readings.>"} {
		if _, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject, strings.ToLower(name) + ".alarms.>"}}); err != nil {
			t.Fatal(err)
		}
	}
	before := s.messages(t.Context())
	for _, c := range []struct {
		args, cause string
		code        int
	}{
		{"", "--from is missing", hint.Settings},
		{"--from 1h", "--to is missing", hint.Settings},
		{"--from yesterday --to x", "--from is", hint.Settings},
		{"--from 1h --until 2h --to x", "not empty", hint.Settings},
		{"--from 1h --to x --feeds weather", "--feeds is", hint.Settings},
		{"--from 1h --to x --speed -1", "--speed is -1", hint.Settings},
		{"--from 1h --to x --speed NaN", "--speed is NaN", hint.Settings},
		{"--from 1h --to x y", "takes no argument", hint.Settings},
		{"--from 1h --to saveris.>", "belongs to the streams of the bridge", hint.Settings},
		{"--from 1h --to saveris.readings.x", "belongs to the streams of the bridge", hint.Settings},
		{"--from 1h --to saveris.index.readings.2026-11-23", "belongs to the streams of the bridge", hint.Settings},
		{"--from 1h --to saveris.checkpoints.>", "belongs to the streams of the bridge", hint.Settings},
		{"--from 1h --to $KV.saveris-checkpoints.x", "NATS itself", hint.Settings},
		{"--from 1h --to $JS.API.>", "NATS itself", hint.Settings},
		{"--from 1h --to a.*.b", "expected a subject", hint.Settings},
		{"--from 1h --to part.>", "nobody stores part.readings.history.>", hint.Settings},
		{"--from 1h --to cold.>", "stream COLD, which a bridge writes", hint.Settings},
	} {
		got := bridge(t, env, append([]string{"replay"}, strings.Fields(c.args)...)...)
		cause, advice := lastLines(t, got.err)
		if got.code != c.code || !strings.Contains(cause, c.cause) || !strings.HasPrefix(advice, "hint: bridge replay --help") {
			t.Errorf("%q: exit code %d\n%s", c.args, got.code, got.err)
		}
	}
	if after := s.messages(t.Context()); after != before {
		t.Errorf("%d messages, then %d", before, after)
	}
	got := bridge(t, append(env, "BRIDGE_PREFIX=other"), "replay", "--from", "1h", "--to", "x")
	if got.code != hint.NATS || !strings.Contains(got.err, "OTHER_READINGS does not exist") {
		t.Errorf("no stream: exit code %d\n%s", got.code, got.err)
	}
}

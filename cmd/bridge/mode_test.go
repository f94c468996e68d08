package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// newestMode is the content mode of the newest reading.
func newestMode(t *testing.T, js jetstream.JetStream) schema.Mode {
	t.Helper()
	stream, err := js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(t.Context(), "saveris.readings.>")
	if err != nil {
		t.Fatal(err)
	}
	if schema.IsStructured(last.Header) {
		return schema.Structured
	}
	return schema.Binary
}

// TestBothContentModesInOneStream: an hour is filled in structured mode, the rest in binary mode, and all of it is read again
// in structured mode. Every command reads what came of it.
func TestBothContentModesInOneStream(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 2, Cycle: time.Minute})
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker())
	inStructured := append(slices.Clone(s.env), "BRIDGE_CONTENT_MODE=structured")
	from, half, until := s.start.Format(time.RFC3339), s.start.Add(time.Hour).Format(time.RFC3339), vendorAt.Format(time.RFC3339)
	if got := bridge(t, inStructured, "backfill", "--from", from, "--until", half); got.code != hint.Done {
		t.Fatalf("backfill: exit code %d\n%s", got.code, got.err)
	}
	if got := newestMode(t, s.js); got != schema.Structured {
		t.Errorf("stored in %s mode", got)
	}
	cmd := s.startCommand(s.env, "run")
	s.await("full coverage", func(ctx context.Context) bool { return s.covered(ctx) && s.alarmsCovered(ctx) })
	if code := stop(t, cmd); code != hint.Done {
		t.Fatalf("run: exit code %d", code)
	}
	if got := newestMode(t, s.js); got != schema.Binary {
		t.Errorf("stored in %s mode", got)
	}
	stored := s.stored()
	if got := bridge(t, inStructured, "backfill", "--from", from, "--until", until, "--reread"); got.code != hint.Done || !slices.Equal(s.stored(), stored) {
		t.Errorf("reread: exit code %d, %d events instead of %d\n%s", got.code, len(s.stored()), len(stored), got.err)
	}
	s.audit()
	if got := s.verify(); got.code != hint.Done {
		t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, s.env, "status", "--json"); got.code != hint.Done || !strings.Contains(got.out, `"newest"`) || strings.Contains(got.out, `"newest":null`) {
		t.Errorf("status: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	s.tailsAll(stored)
	for _, mode := range []string{"", "binary", "structured"} {
		s.replays(mode, stored)
	}
}

// tailsAll fails unless tail prints each event as it prints it of the other content mode.
func (s *scene) tailsAll(stored []string) {
	s.Helper()
	run := startTail(s.T, environment(s.env), "--json", "--since", "1h")
	var ids []string
	for range stored {
		var event struct {
			SpecVersion, ID, RecordedTime string
			Data                          json.RawMessage
		}
		line := run.next()
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.SpecVersion != "1.0" || event.RecordedTime == "" || len(event.Data) < 100 || strings.Contains(line, "content-type") {
			s.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, event.ID)
	}
	run.end()
	if !slices.Equal(sorted(ids), sorted(stored)) {
		s.Errorf("tail shows %d events, %d are stored", len(ids), len(stored))
	}
}

// environment looks variables up in a list.
func environment(list []string) config.Lookup {
	return func(name string) (string, bool) {
		for _, one := range slices.Backward(list) {
			if value, found := strings.CutPrefix(one, name+"="); found {
				return value, true
			}
		}
		return "", false
	}
}

// replays fails unless a replay in a content mode, which may be none, stores each event in it.
func (s *scene) replays(mode string, stored []string) {
	s.Helper()
	stream, err := s.js.CreateStream(s.Context(), jetstream.StreamConfig{Name: "COPY", Subjects: []string{"copy.>"}, AllowAtomicPublish: true})
	if err != nil {
		s.Fatal(err)
	}
	args := []string{"replay", "--from", s.start.Format(time.RFC3339), "--until", future.Format(time.RFC3339), "--to", "copy.>"}
	if mode != "" {
		args = append(args, "--content-mode", mode)
	}
	if got := bridge(s.T, s.env, args...); got.code != hint.Done {
		s.Fatalf("replay: exit code %d\n%s%s", got.code, got.out, got.err)
	}
	if ids := s.idsOf("COPY", future); !slices.Equal(sorted(ids), sorted(stored)) {
		s.Errorf("in mode %q %d events, want %d", mode, len(ids), len(stored))
	}
	modes := map[bool]int{}
	for seq := uint64(1); seq <= uint64(len(stored)); seq++ {
		m, err := stream.GetMsg(s.Context(), seq)
		if err != nil {
			s.Fatal(err)
		}
		modes[schema.IsStructured(m.Header)]++
	}
	if both := modes[true] > 0 && modes[false] > 0; mode == "" && !both || mode == "structured" && modes[false] > 0 || mode == "binary" && modes[true] > 0 {
		s.Errorf("in mode %q: %d structured, %d binary", mode, modes[true], modes[false])
	}
	if err := s.js.DeleteStream(s.Context(), "COPY"); err != nil {
		s.Fatal(err)
	}
}

func TestAWrongContentModeIsNamed(t *testing.T) {
	t.Parallel()
	for command, name := range map[string]string{"run": "BRIDGE_CONTENT_MODE", "backfill --from 24h": "BRIDGE_CONTENT_MODE", "demo": "BRIDGE_CONTENT_MODE", "replay --from 24h --to a.b --content-mode json": "--content-mode"} {
		env := []string{"SAVERIS_USERNAME=u", "SAVERIS_PASSWORD=p"}
		if name[0] != '-' {
			env = append(env, "BRIDGE_CONTENT_MODE=json")
		}
		got := bridge(t, env, strings.Fields(command)...)
		if got.code != hint.Settings || !strings.Contains(got.err, name+` is "json": expected binary or structured`) {
			t.Errorf("%s: exit code %d\n%s", command, got.code, got.err)
		}
	}
}

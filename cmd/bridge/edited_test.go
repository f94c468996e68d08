package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestWhateverAnOperatorEditsIsNamedWithItsRemedy while run works, in the log and by check, and is gone on with once it is mended.
func TestWhateverAnOperatorEditsIsNamedWithItsRemedy(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 1, Cycle: time.Minute})
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_LOG_FORMAT=json")
	var log noise
	cmd := command(t, s.env, "run")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.await("all that is old", s.covered)
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	made := stream.CachedInfo().Config
	line := func(words ...string) bool {
		for one := range strings.Lines(log.String()) {
			found := true
			for _, word := range words {
				found = found && strings.Contains(one, word)
			}
			if found {
				return true
			}
		}
		return false
	}
	windows := func() int {
		n := 0
		for one := range strings.Lines(log.String()) {
			if strings.Contains(one, "window stored") && strings.Contains(one, `"feed":"readings"`) {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		edit        func(*jetstream.StreamConfig)
		cause, hint string
	}{
		{func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic is false", "nats stream edit SAVERIS_READINGS --force --allow-batch"},
		{func(c *jetstream.StreamConfig) { c.SubjectTransform, c.RePublish = nil, nil }, "subject transform is none", "--transform-source='saveris-ingest.>'"},
		{func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:2] }, "saveris-ingest.index.readings.>, saveris-ingest.checkpoints.readings.> are missing", "--subjects='saveris-ingest.readings.>,"},
	} {
		edited := made
		edited.Subjects = append([]string(nil), made.Subjects...)
		c.edit(&edited)
		if _, err := s.js.UpdateStream(t.Context(), edited); err != nil {
			t.Fatal(err)
		}
		s.await("the log to name "+c.cause, func(context.Context) bool {
			return line(`"level":"ERROR"`, `"feed":"readings"`, c.cause, c.hint)
		})
		got := bridge(t, s.env, "check")
		wantLines(t, got.out, "FAIL SAVERIS_READINGS "+c.cause+" hint: "+c.hint)
		if got := bridge(t, s.env, "status"); !strings.Contains(got.out, c.cause) || !strings.Contains(got.out, c.hint) {
			t.Errorf("status does not name %s:\n%s%s", c.cause, got.out, got.err)
		}
		if _, err := s.js.UpdateStream(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		before := windows()
		s.await("windows stored again", func(context.Context) bool { return windows() > before+1 })
	}
	if err := s.js.DeleteStream(t.Context(), streamOfReadings); err != nil {
		t.Fatal(err)
	}
	s.await("all that the stream held", s.covered)
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	for one := range strings.Lines(log.String()) {
		if strings.Contains(one, `"hint"`) && (strings.Contains(one, "stream rm ") || strings.Contains(one, "kv del")) {
			t.Errorf("a hint to remove what may be somebody else's: %s", one)
		}
	}
	got := s.verify("--feeds", "readings")
	if got.code != hint.Done {
		t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

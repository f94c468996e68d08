package main

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
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

// A repair reads what it repairs itself: live polling that has read the same rows a moment later stores nothing again.
func TestRepairBesideLivePollingPutsBackTheNewest(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute, Sites: 3})
	s.fill()
	s.startCommand(append(s.env, "BRIDGE_FEEDS=readings"), "run")
	s.remove(-1, -2, -3, 0)
	got := bridge(t, s.env, append(s.past(), "--repair")...)
	if got.code != hint.Done || !strings.Contains(got.out, "put back: 4 events") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestRepairGoesAlone(t *testing.T) {
	t.Parallel()
	env := []string{"SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo"}
	for _, other := range []string{"--reread", "--republish", "--workers 2"} {
		got := bridge(t, env, append([]string{"backfill", "--from", "1h", "--repair"}, strings.Fields(other)...)...)
		if cause, _ := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, "--repair") {
			t.Errorf("%s: exit code %d\n%s", other, got.code, got.err)
		}
	}
}

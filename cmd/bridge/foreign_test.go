package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
)

// stray stores messages in the stream of readings that are not the bridge's, and returns their sequences.
func (s *scene) stray() (seqs []uint64) {
	s.Helper()
	days := checkpoint.Span{From: s.start, Until: vendorAt}.Days()
	last := days[len(days)-1]
	for _, msg := range []*nats.Msg{
		{Subject: "saveris-ingest.readings.live.hello", Data: []byte("hello")},
		{Subject: "saveris-ingest.readings.live.a.b.c.d.e", Data: []byte(`{"value":1,"measured_at":"2026-11-23T12:00:00Z"}`)},
		{Subject: "saveris-ingest.rejected.readings", Data: []byte("x")},
		{Subject: "saveris-ingest.index.readings." + last, Data: []byte("x")},
		{Subject: "saveris-ingest.index.readings." + days[0], Data: make([]byte, checkpoint.EntrySize)},
		{Subject: "saveris-ingest.checkpoints.readings." + days[0], Data: []byte("x")},
		{Subject: "saveris-ingest.checkpoints.readings." + last, Data: []byte("{}")},
		{Subject: "saveris-ingest.checkpoints.readings." + last, Header: nats.Header{"KV-Operation": {"DEL"}}},
		{Subject: "saveris-ingest.checkpoints.readings.rejected"},
		{Subject: "saveris-ingest.checkpoints.readings.x", Data: []byte("x")},
		{Subject: "saveris-ingest.readings.live.hello"},
	} {
		ack, err := s.js.PublishMsg(s.Context(), msg)
		if err != nil {
			s.Fatal(err)
		}
		seqs = append(seqs, ack.Sequence)
	}
	return seqs
}

// TestWhatSomebodyElseStoresIsNamedOnceAndPassedOver by every command that reads what is stored.
func TestWhatSomebodyElseStoresIsNamedOnceAndPassedOver(t *testing.T) {
	t.Parallel()
	s := filled(t)
	seqs := s.stray()
	var log noise
	cmd := command(t, append(s.env, "BRIDGE_LOG_FORMAT=json"), "run")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	named := func(seq uint64) int { return strings.Count(log.String(), fmt.Sprintf(`"seq":%d,`, seq)) }
	s.await("all of them named", func(context.Context) bool {
		for _, seq := range seqs {
			if named(seq) == 0 {
				return false
			}
		}
		return true
	})
	windows := func() int { return strings.Count(log.String(), "window stored") }
	before := windows()
	s.await("windows stored behind them", func(context.Context) bool { return windows() > before+4 })
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	for _, seq := range seqs {
		if named(seq) != 1 {
			t.Errorf("sequence %d is named %d times", seq, named(seq))
		}
	}
	if failed := strings.Count(log.String(), "retrying"); failed > 0 {
		t.Errorf("%d tries failed:\n%s", failed, log.String())
	}

	span := []string{"--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339)}
	for _, args := range [][]string{
		{"check"}, append([]string{"verify"}, span...), {"status"}, {"checkpoint", "show"}, append([]string{"replay", "--to", "copy.>"}, span...),
		append([]string{"backfill", "--reread"}, span...), append([]string{"backfill", "--repair"}, span...), append([]string{"verify"}, span...),
	} {
		got := bridge(t, s.env, args...)
		if got.code != hint.Done {
			t.Errorf("%s: exit code %d\n%s%s", args[0], got.code, got.out, got.err)
		}
		switch args[0] {
		case "check":
			wantLines(t, got.out, fmt.Sprintf("warn other messages SAVERIS_READINGS sequence %d on saveris.readings.live.hello and more", seqs[0]))
		case "verify":
			if !strings.Contains(got.out, "proven: ") || !strings.Contains(got.err, "passed over") {
				t.Errorf("verify:\n%s%s", got.out, got.err)
			}
		}
	}
}

//go:build processes

package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/status"
)

// forgetKilled ends the leases of processes that were killed, as ten seconds would, and what the others know them to have in flight, as
// thirty would. No other process runs.
func (s *scene) forgetKilled() {
	s.Helper()
	for bucket, keys := range map[string]string{"saveris-leases": ">", "saveris-exports": publish.SharedKey} {
		kv, err := s.js.Stream(s.Context(), "KV_"+bucket)
		if err == nil {
			err = kv.Purge(s.Context(), jetstream.WithPurgeSubject("$KV."+bucket+"."+keys))
		}
		if err != nil {
			s.Fatal(err)
		}
	}
}

// hang has the vendor answer some more windows of readings and never the one after them, so that a process cannot end before it is killed.
func (s *scene) hang(after int) {
	s.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultHang, On: "submit.measurements", After: after})
}

func TestCrashBetweenBatchesLosesNothing(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 3, Loggers: 4, Channels: 4, Cycle: 20 * time.Second})
	link := bridgetest.LinkTo(t, s.broker())
	env := append(s.env, "NATS_URL="+link.URL())
	for range 5 {
		started := make(chan *os.Process, 1)
		link.After(`"count":`, func() { _ = (<-started).Kill() }) // a batch is stored, and its answer has arrived
		cmd := s.startCommand(env, "run")
		started <- cmd.Process
		if _ = cmd.Wait(); cmd.ProcessState.Exited() {
			t.Fatalf("it ended by itself: %v", cmd.ProcessState)
		}
		s.forgetKilled()
	}
	if s.covered(t.Context()) {
		t.Error("all was stored before the last kill: too little to prove anything")
	}
	cmd := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("SIGTERM: exit code %d, want 0", code)
	}
	if report := s.audit(); report.Stored < 10_000 {
		t.Errorf("%d readings stored: too few to prove anything", report.Stored)
	}
}

func TestBackfillGoesOnWhereItWasKilled(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute}) // 16,800 rows
	env := append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_WINDOW_ROWS=4000")
	s.hang(2)
	cmd := s.startCommand(env, s.past()...)
	s.await("some of the rows", func(ctx context.Context) bool { return s.vendor.Count("fault.hang") > 0 && s.messages(ctx) > 3000 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	s.forgetKilled()
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
	t.Parallel()
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

func TestARepairThatWasKilledGoesOnBesideAnother(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Minute}) // 16,800 rows
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_WINDOW_ROWS=4000")
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
	s.hang(1)
	cmd := s.startCommand(s.env, append(s.past(), "--repair")...)
	s.await("some of the rows", func(ctx context.Context) bool { return s.vendor.Count("fault.hang") > 0 && s.messages(ctx) > 3000 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	s.forgetKilled()
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

func TestStatusNamesABridgeThatWasKilled(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	run := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	var now status.Report
	look := func() bool {
		got := bridge(t, env, "status", "--json")
		if got.code != hint.Done {
			return false
		}
		if err := json.Unmarshal([]byte(got.out), &now); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
		return true
	}
	s.await("who polls", func(context.Context) bool { return look() && now.Feeds[0].Leader != "" })
	if now.NoBridge || now.Heard == nil {
		t.Errorf("while a bridge runs: %v, heard of at %v", now.NoBridge, now.Heard)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	killed := time.Now()
	s.await("a word of its end", func(context.Context) bool { return look() && now.NoBridge })
	if gone := now.At.Sub(*now.Heard); gone < 20*time.Second || now.Heard.After(killed.Add(time.Second)) {
		t.Errorf("it was heard of at %v, which is %v ago, and killed at %v", now.Heard, gone, killed)
	}
	if got := bridge(t, env, "status"); got.code != hint.Done || !strings.Contains(got.out, ": no bridge is running, the last one was seen at ") {
		t.Errorf("exit code %d, %s%s", got.code, got.out, got.err)
	}
}

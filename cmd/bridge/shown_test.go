package main

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
)

// names are those of the default prefix.
var names = publish.Names{Prefix: "saveris"}

// sourced makes the checkpoint bucket as older bridges made it.
func (s *scene) sourced() {
	s.Helper()
	old := jetstream.KeyValueConfig{Bucket: names.Checkpoints()}
	for _, feed := range publish.Feeds {
		old.Sources = append(old.Sources, &jetstream.StreamSource{Name: names.Stream(feed), SubjectTransforms: []jetstream.SubjectTransformConfig{{
			Source: "saveris.checkpoints." + string(feed) + ".>", Destination: "$KV." + names.Checkpoints() + "." + string(feed) + ".>",
		}}})
	}
	if err := publish.Open(s.Context(), s.js, publish.Config{Names: names, Replicas: 1}); err != nil {
		s.Fatal(err)
	}
	if _, err := s.js.CreateKeyValue(s.Context(), old); err != nil {
		s.Fatal(err)
	}
}

func TestASourcedBucketIsNamedAndReplacedOnceItIsRemoved(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	s.sourced()
	run := s.startCommand(env, "run")
	s.await("all to be read beside it", s.covered)
	const advice = "all else goes on; once whoever manages saveris-checkpoints has taken it away, the bridge makes its own"
	status := func() string { return bridge(t, env, "status").out }
	s.await("status to name it for both feeds", func(context.Context) bool {
		first, _, _ := strings.Cut(status(), "\n")
		return strings.Count(first, "are not shown as they are: bucket saveris-checkpoints: foreign settings: it is sourced, as older bridges made it; "+advice) == 2
	})
	wantLines(t, bridge(t, env, "check").out, "warn bucket saveris-checkpoints sourced hint: "+advice)
	if err := s.js.DeleteKeyValue(t.Context(), names.Checkpoints()); err != nil {
		t.Fatal(err)
	}
	s.await("status to be that of the new one", func(context.Context) bool {
		out := status()
		return !strings.Contains(out, "not shown") && strings.Contains(out, "\nreadings\n") && strings.Contains(out, "\nalarms\n") && !strings.Contains(out, "nothing is stored yet")
	})
	wantLines(t, bridge(t, env, "check").out, "ok bucket saveris-checkpoints shows the checkpoints")
	s.stop(run)
}

// stop ends a run in good order.
func (s *scene) stop(run *exec.Cmd) {
	s.Helper()
	_ = run.Process.Signal(syscall.SIGTERM)
	if err := run.Wait(); err != nil {
		s.Error(err)
	}
}

func TestWithoutTheRightToTheCheckpointBucketRowsAreStored(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	url := rightsBut(t, "$KV.saveris-checkpoints.>")
	s.connect(strings.Replace(url, "nats://", "nats://all:a@", 1))
	env := append(s.env, "NATS_URL="+url, "NATS_USER=bridge", "NATS_PASSWORD=b")
	run := s.startCommand(env, "run")
	s.await("all to be read", s.covered)
	s.await("status to say why nothing is seen of it", func(context.Context) bool {
		out := bridge(t, env, "status").out
		return strings.Contains(out, `are not shown as they are: nats: permissions violation: Permissions Violation for Publish to "$KV.saveris-checkpoints.`)
	})
	s.stop(run)
}

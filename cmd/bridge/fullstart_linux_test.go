package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestAStartOnAFullDisk ends where there is no store yet, and else waits for space.
func TestAStartOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("SKIPPED: no disk can be mounted here (%v)", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	fill := filepath.Join(dir, "fill")
	full := func() {
		if err := os.WriteFile(fill, make([]byte, 25<<20), 0o600); err == nil {
			t.Fatal("the disk is not full")
		}
	}
	s := newScene(t, saveristest.World{Sites: 1, Cycle: time.Minute})
	listen := bridgetest.Address(t)
	env := append(s.env, "BRIDGE_DATA_DIR="+filepath.Join(dir, "store"), "BRIDGE_NATS_LISTEN="+listen, "BRIDGE_LOG_FORMAT=json")

	full()
	if got := bridge(t, env, "run"); got.code != hint.NATS || !strings.Contains(got.err, "no space left") {
		t.Errorf("without a store: exit code %d\n%s", got.code, got.err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	s.connect("nats://" + listen)
	first := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	if code := stop(t, first); code != hint.Done {
		t.Errorf("exit code %d", code)
	}

	full()
	var log noise
	again := command(t, env, "run")
	again.Stdout, again.Stderr = &log, &log
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	s.await("a word of it, and a beginning", func(context.Context) bool {
		return strings.Contains(log.String(), "no space left") && strings.Contains(log.String(), "feed begins")
	})
	if code := stop(t, again); code != hint.Done {
		t.Errorf("with a store: exit code %d\n%s", code, log.String())
	}
}

//go:build processes && linux

package main

import (
	"context"
	"io"
	"net/http"
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

// badDisk is where a bridge has its store. It can be made full for a process, and free again.
type badDisk struct {
	dir  string
	full func(pid int)
	free func()
	says string // what the bridge says while it is full
}

// smallDisk is a disk of its own that is full indeed.
func smallDisk(t *testing.T) badDisk {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("SKIPPED: no disk can be mounted here (%v); files that cannot grow are tried instead", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	fill := filepath.Join(dir, "fill")
	return badDisk{
		dir: filepath.Join(dir, "store"), says: "no space left",
		full: func(int) {
			if err := os.WriteFile(fill, make([]byte, 64<<20), 0o600); err == nil {
				t.Fatal("the disk is not full")
			}
		},
		free: func() {
			if err := os.Remove(fill); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// stiffFiles are files of the process that cannot grow: it needs no rights, and the system does not see it as a full disk.
func stiffFiles(t *testing.T) badDisk {
	var lift func() error
	return badDisk{
		dir: t.TempDir(), says: "it cannot be written: file too large; see to that disk",
		full: func(pid int) {
			var err error
			if lift, err = bridgetest.LimitFiles(pid, 16<<10); err != nil {
				t.Fatal(err)
			}
		},
		free: func() { _ = lift() }, // of a process that has ended: it has no limit any more
	}
}

func TestAFullDiskIsToldAndOutlived(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T) badDisk{"a small disk": smallDisk, "files that cannot grow": stiffFiles} {
		t.Run(name, func(t *testing.T) {
			disk := prepare(t)
			s := newScene(t, saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 20 * time.Second})
			listen, page := bridgetest.Address(t), bridgetest.Address(t)
			env := append(s.env, "BRIDGE_DATA_DIR="+disk.dir, "BRIDGE_NATS_LISTEN="+listen, "BRIDGE_HTTP_ADDR="+page)
			says := func(path, text string) func(context.Context) bool {
				return func(ctx context.Context) bool { return strings.Contains(answered(ctx, "http://"+page+path), text) }
			}
			cmd := s.startCommand(env, "run")
			s.connect("nats://" + listen)
			s.await("the first batches", func(ctx context.Context) bool { return s.messages(ctx) > 100 })

			disk.full(cmd.Process.Pid)
			s.await("a warning", says("/readyz", disk.says))
			s.await("the page to say it", says("/status.json", disk.says))
			s.await("the metric", says("/metrics", "saveris_bridge_store_writable 0"))
			if got := bridge(t, env, "status"); name == "a small disk" && !strings.Contains(got.out, disk.says) {
				t.Errorf("bridge status says\n%s%s", got.out, got.err)
			}
			disk.free()
			s.await("the metric to be well", says("/metrics", "saveris_bridge_store_writable 1"))
			s.await("full coverage", s.covered)

			disk.full(cmd.Process.Pid)
			s.await("a second warning", says("/readyz", disk.says))
			began := time.Now()
			if code := stop(t, cmd); code != hint.Done {
				t.Errorf("it was stopped while the disk was full, and ended with %d", code)
			}
			t.Logf("stopped after %v", time.Since(began).Round(time.Millisecond))
			disk.free()
			cmd = s.startCommand(env, "run")
			s.await("readiness", func(ctx context.Context) bool { return get(ctx, "http://"+page+"/readyz") == http.StatusOK })
			s.audit()
			if code := stop(t, cmd); code != hint.Done {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// answered is what is answered at an address, empty where nothing is.
func answered(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return string(text)
}

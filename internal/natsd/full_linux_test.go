package natsd_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saveris-bridge/internal/natsd"
)

func TestAFullDiskIsSeen(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("SKIPPED: no disk can be mounted here (%v); the logic behind it is tested without one", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	if free, err := natsd.CheckSpace(dir); free < natsd.Least || free > 8<<20 || err != nil {
		t.Errorf("an empty disk of 8 MiB has %d bytes free (%v)", free, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 9<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("it takes more than it has: %v", err)
	}
	var full *natsd.FullError
	if free, err := natsd.CheckSpace(dir); free != 0 || !errors.As(err, &full) || !strings.Contains(err.Error(), dir+": no space left, 0 bytes free") {
		t.Errorf("a full disk has %d bytes free (%v)", free, err)
	}
	if err := natsd.TryWrite(dir); !errors.As(err, &full) {
		t.Errorf("it can be written: %v", err)
	}
	s, err := natsd.Start(natsd.Config{Dir: filepath.Join(dir, "store"), Listen: "127.0.0.1:0"})
	switch {
	case err == nil: // it needs no space to begin with, so that one may look
		s.Close()
	case !errors.As(err, &full):
		t.Errorf("a server that is started there: %v", err)
	}
}

package natsd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"saveris-bridge/internal/hint"
	"syscall"
)

// Least is how many bytes have to be free for a store to be written: a batch is written twice, staged and stored, and so are
// those of another feed beside it.
const Least = 4 << 20

// FullError is a store without space left on its disk.
type FullError struct {
	Dir  string
	Free int64 // bytes
}

func (e *FullError) Error() string {
	return fmt.Sprintf("store %s: no space left, %s free", e.Dir, Size(e.Free))
}

// Advice returns the exit code and what to do where a server cannot start.
func (e *FullError) Advice() (code int, text string) {
	return hint.NATS, "free some space there, or choose a BRIDGE_DATA_DIR (demo: --data-dir) on another disk, and start it again"
}

// CheckSpace returns how many bytes this user may still write in a folder that exists, -1 where the system does not say, and a
// FullError where that is less than Least.
func CheckSpace(dir string) (free int64, err error) {
	if free, err = freeBytes(dir); err != nil {
		return -1, nil // nothing is known: the first write tells
	}
	if free < Least {
		return free, &FullError{Dir: dir, Free: free}
	}
	return free, nil
}

// TryWrite writes 64 KiB into a file of a folder, to the disk, and removes it. It finds what CheckSpace cannot, such as a quota.
func TryWrite(dir string) error {
	path := filepath.Join(dir, "bridge.try")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(make([]byte, 64<<10))
		err = cmp.Or(err, f.Sync())
		err = cmp.Or(err, f.Close())
		err = cmp.Or(err, os.Remove(path))
	}
	var reason *fs.PathError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return &FullError{Dir: dir}
	case errors.As(err, &reason):
		return fmt.Errorf("store %s: it cannot be written: %w", dir, reason.Err)
	}
	return err
}

// Size is a number of bytes for people.
func Size(bytes int64) string {
	switch n := float64(bytes); {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", n/1e3)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

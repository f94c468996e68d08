//go:build unix

package natsd

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lock keeps a second process off a store: two servers on one would spoil it. The lock dies with the process.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "bridge.lock"), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("store of the embedded NATS server: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("store of the embedded NATS server: %s: %w: another bridge runs on it", dir, ErrTaken)
	}
	return f, nil
}

//go:build unix

package natsd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const lockFile = "bridge.lock"

// Locks says that a store is kept from a second server whatever address that one listens on.
const Locks = true

// lock keeps a second process off a store: two servers on one would spoil it. The lock dies with the process.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, taken(dir)
	}
	return f, nil
}

// checkLock reports whether a server has the store now. It holds the lock itself for no longer than that takes.
func checkLock(dir string) error {
	f, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unusable(err)
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil {
		return taken(dir)
	}
	return nil
}

// writable reports why this user cannot make files in a folder.
func writable(dir string) error {
	const write, search = 2, 1
	if err := syscall.Access(dir, write|search); err != nil {
		return &fs.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

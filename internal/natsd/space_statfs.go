//go:build linux || darwin || freebsd

package natsd

import (
	"os"
	"syscall"
)

// freeBytes is what is free for this user: root may take what is kept for it.
func freeBytes(dir string) (int64, error) {
	var at syscall.Statfs_t
	if err := syscall.Statfs(dir, &at); err != nil {
		return 0, err
	}
	if at.Blocks == 0 { // a file system that does not count
		return 0, syscall.ENOSYS
	}
	blocks := int64(at.Bavail)
	if os.Geteuid() == 0 {
		blocks = int64(at.Bfree)
	}
	return blocks * int64(at.Bsize), nil
}

package bridgetest

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"unsafe"
)

// LimitFiles has all files of a process end at so many bytes, 0 being this process, until lift is called: what is written behind
// that fails, as on a disk that is full, but with the error "file too large". It needs no rights for a process of one's own.
func LimitFiles(pid int, size uint64) (lift func() error, err error) {
	var was syscall.Rlimit
	if err := prlimit(pid, nil, &was); err != nil {
		return nil, err
	}
	return func() error { return prlimit(pid, &was, nil) }, prlimit(pid, &syscall.Rlimit{Cur: size, Max: was.Max}, nil)
}

func prlimit(pid int, set, was *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(was)), 0, 0)
	if errno != 0 {
		return fmt.Errorf("limit the files of process %d: %w", pid, errno)
	}
	return nil
}

// Apart runs the test that calls it in a process of its own and reports that it did; there it reports false. The test binary that go
// test runs has a file, too, which it writes.
func Apart(t *testing.T) bool {
	t.Helper()
	const apart = "TEST_APART"
	if os.Getenv(apart) == t.Name() {
		return false
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), apart+"="+t.Name())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

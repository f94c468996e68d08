//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"saveris-bridge/internal/natsd"
)

func TestABridgeThatDiesWhileItIsJoinedLeavesItsStoreToWhoLooks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	dying, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dying.Close() })
	lock, err := os.Create(filepath.Join(dir, "bridge.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := lock.WriteString("nats://" + dying.Addr().String() + "\n"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() {
		nc, err := dying.Accept()
		if err == nil {
			_ = nc.Close()
			_ = dying.Close()
			err = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
		}
		died <- err
	}()
	got := in(t, dir, []string{"BRIDGE_DATA_DIR=" + dir}, "status")
	if err := <-died; err != nil {
		t.Fatal(err)
	}
	const want = `error: nothing has been stored yet under BRIDGE_PREFIX "saveris": stream SAVERIS_READINGS does not exist`
	if cause, _ := lastLines(t, got.err); cause != want {
		t.Errorf("%s", got.err)
	}
}

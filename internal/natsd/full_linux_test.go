package natsd_test

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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

func TestAServerThatStartsOnAFullDiskStoresOnceThereIsSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("SKIPPED: no disk can be mounted here (%v); the logic behind it is tested without one", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	on := natsd.Config{Dir: filepath.Join(dir, "store"), Listen: "127.0.0.1:0"}
	use := func(do func(js jetstream.JetStream) error) error {
		s, err := natsd.Start(on)
		if err != nil {
			return err
		}
		defer s.Close()
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			return err
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		return do(js)
	}
	store := func(js jetstream.JetStream) error {
		_, err := js.Publish(t.Context(), "s", make([]byte, 1<<19))
		return err
	}
	err := use(func(js jetstream.JetStream) error {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
		for range 8 { // more than three quarters of it and of what will be free
			err = cmp.Or(err, store(js))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fill := filepath.Join(dir, "fill")
	free, err := natsd.CheckSpace(dir)
	if err := cmp.Or(err, os.WriteFile(fill, make([]byte, free-1<<20), 0o600)); err != nil {
		t.Fatal(err)
	}
	err = use(func(js jetstream.JetStream) error { return cmp.Or(os.Remove(fill), store(js)) })
	if err != nil {
		t.Errorf("there is space again: %v", err)
	}
}

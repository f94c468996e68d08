package natsd_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsd"
)

func TestWhatIsStoredIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		s, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		nc := bridgetest.Connect(t, "", nats.InProcessServer(s))
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
		ack, err := js.Publish(t.Context(), "s", nil)
		if err != nil || ack.Sequence != uint64(round+1) {
			t.Errorf("round %d: sequence %d (%v)", round, ack.Sequence, err)
		}
		nc.Close()
		s.Close()
	}
}

func TestAStoreServesOneServer(t *testing.T) {
	dir := t.TempDir()
	s, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"}); !errors.Is(err, natsd.ErrStoreTaken) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second server on the store: got %v", err)
	}
}

func TestATakenAddressIsTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: l.Addr().String()}); !errors.Is(err, natsd.ErrListen) {
		t.Errorf("got %v, want ErrListen", err)
	}
	for _, listen := range []string{"nowhere", "127.0.0.1:99999", "127.0.0.1:x"} {
		if _, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: listen}); err == nil || !strings.Contains(err.Error(), listen) {
			t.Errorf("%s: got %v", listen, err)
		}
	}
}

func TestTheStoreIsItsOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "store")
	s, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// TestTheDiskAloneLimitsTheStore reserves more than any disk has: a limit taken from what was free at the start would be
// reached long before the disk is full, and nobody could raise it.
func TestTheDiskAloneLimitsTheStore(t *testing.T) {
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc := bridgetest.Connect(t, "", nats.InProcessServer(s))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: 1 << 50}); err != nil {
		t.Error(err)
	}
}

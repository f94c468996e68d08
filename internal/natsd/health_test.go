//go:build linux

package natsd_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsd"
)

// publish stores a message, or gives up after a time.
func publish(t *testing.T, js jetstream.JetStream, data []byte, patience time.Duration) (uint64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := js.Publish(ctx, "s", data)
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

func TestARestartMendsAStreamThatCouldNotBeWritten(t *testing.T) {
	if bridgetest.Apart(t) {
		return
	}
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	back := make(chan struct{}, 1)
	nc := bridgetest.Connect(t, "", nats.InProcessServer(s), nats.ReconnectWait(time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if seq, err := publish(t, js, []byte("one"), bridgetest.Patience); seq != 1 || err != nil || s.Fault() != nil {
		t.Fatalf("sequence %d (%v), fault %v", seq, err, s.Fault())
	}

	lift, err := bridgetest.LimitFiles(0, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer lift()
	if _, err := publish(t, js, make([]byte, 8192), time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the server answered a message that it could not store: %v", err)
	}
	if s.Fault() == nil {
		t.Error("the server says that it is well")
	}
	if err := lift(); err != nil {
		t.Fatal(err)
	}
	if _, err := publish(t, js, []byte("two"), time.Second); err == nil {
		t.Error("the server has mended itself: no restart is needed any more")
	}

	url := s.ClientURL()
	if err := s.Restart(); err != nil || s.Fault() != nil || s.ClientURL() != url {
		t.Fatalf("restart: %v, fault %v, at %s and not %s", err, s.Fault(), s.ClientURL(), url)
	}
	<-back
	if seq, err := publish(t, js, []byte("two"), bridgetest.Patience); seq != 2 || err != nil {
		t.Errorf("sequence %d (%v), expected 2", seq, err)
	}
}

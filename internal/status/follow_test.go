package status_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
)

// TestWhatFollowsALostTailIsShown takes a broker back to an older copy of its store, as a power cut may, while a board and
// a follower look on: the sequences of what was lost are given away again.
func TestWhatFollowsALostTailIsShown(t *testing.T) {
	t.Parallel()
	dir, older := t.TempDir(), t.TempDir()+"/copy"
	listen := bridgetest.Address(t)
	start := func() *natsd.Server {
		t.Helper()
		server, err := natsd.Start(natsd.Config{Dir: dir, Listen: listen})
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	server := start()
	s := &stage{TB: t, config: publish.Config{Names: names, Replicas: 1}, url: server.ClientURL()}
	s.js = s.dial()
	s.ready()
	publishReading := func(serial string) {
		t.Helper()
		event := reading(serial, minute(1), "1")
		if _, err := s.js.Publish(t.Context(), event.Ingest(schema.Live), event.AppendData(nil)); err != nil {
			t.Fatal(err)
		}
	}
	publishReading("first")
	b := s.board()
	seen := make(chan string, 10)
	f := &tail.Follow{
		Timings: quick.Follow,
		Stream:  names.Stream(schema.Readings), Filters: []string{"saveris.readings.>"},
		Begin: func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}, nil
		},
		Each: func(m tail.Message) error { seen <- fmt.Sprint(m.Seq, strings.Split(m.Subject(), ".")[5]); return nil },
	}
	s.Go(func() {
		if err := f.Run(t.Context(), s.js); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	restart := func(between func() error) {
		t.Helper()
		lost := s.js.Conn().StatusChanged(nats.RECONNECTING)
		server.Close()
		<-lost // or the next message is sent to nobody
		if err := between(); err != nil {
			t.Fatal(err)
		}
		server = start()
		t.Cleanup(server.Close)
		for !s.js.Conn().IsConnected() {
			if err := s.js.Conn().ForceReconnect(); err != nil {
				t.Fatal(err)
			}
		}
	}
	restart(func() error { return os.CopyFS(older, os.DirFS(dir)) })
	for i := range 5 {
		publishReading(fmt.Sprint("lost", i))
	}
	s.await(b, "what will be lost", func() bool { return b.Recent("").Known == 6 })
	var got []string
	follow := func(until string) {
		t.Helper()
		for deadline := time.After(bridgetest.Patience); !slices.Contains(got, until); {
			select {
			case one := <-seen:
				got = append(got, one)
			case <-deadline:
				t.Fatalf("saw %v", got)
			}
		}
	}
	follow("6lost4") // it may be slower than the board
	restart(func() error { return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(older))) })
	publishReading("new")
	s.await(b, "what is stored now", func() bool { return len(b.Recent("new").Sensors) == 1 })
	follow("2new")
	if got[0] != "1first" || got[5] != "6lost4" {
		t.Errorf("saw %v", got)
	}
}

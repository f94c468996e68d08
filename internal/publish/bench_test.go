package publish_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// BenchmarkCommit stores windows of 9980 new readings in either content mode: ten full batches each. One operation is one reading.
func BenchmarkCommit(b *testing.B) {
	for _, sync := range []bool{false, true} {
		for _, mode := range []schema.Mode{schema.Binary, schema.Structured} {
			b.Run(fmt.Sprintf("sync_always=%v/%s", sync, mode), func(b *testing.B) { benchmarkCommit(b, sync, mode) })
		}
	}
}

func benchmarkCommit(b *testing.B, sync bool, mode schema.Mode) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: b.TempDir(), NoSigs: true, NoLog: true, SyncAlways: sync,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		b.Fatal("server not ready")
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	if err := publish.Open(context.Background(), js, config); err != nil {
		b.Fatal(err)
	}
	w := newWriter(js, 0)
	w.Mode = mode
	benchmarkWindows(b, w)
}

func benchmarkWindows(b *testing.B, w *publish.Writer) {
	const window = 9980
	events := make([]schema.Event, 0, window)
	for stored := 0; stored < b.N; stored += window {
		b.StopTimer()
		events = events[:0]
		for i := range min(window, b.N-stored) {
			events = append(events, reading(fmt.Sprintf("uuid-%d", stored+i), noon.Add(time.Duration(i)*time.Second), "4.7"))
		}
		b.StartTimer()
		cover := &checkpoint.Interval{From: noon, Until: noon.Add(time.Hour), ReadAt: noon, Route: "sync"}
		if _, err := w.Commit(context.Background(), day, events, cover); err != nil {
			b.Fatal(err)
		}
	}
}

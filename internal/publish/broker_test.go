package publish_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/lossy"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// startLimited starts a server whose operator allows batches of n messages.
func startLimited(t *testing.T, n int) (url string) {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		JetStreamLimits: server.JSLimitOpts{MaxBatchSize: n},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("server not ready")
	}
	return s.ClientURL()
}

func TestLostAckIsNotStoredTwice(t *testing.T) {
	server := startServer(t)
	link, err := lossy.New(strings.TrimPrefix(server.ClientURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	direct := open(t, connect(t, server.ClientURL()))
	w := newWriter(open(t, connect(t, "nats://"+link.Addr())), time.Second)
	commit(t, w, readings(0, 10), interval(0, time.Minute))

	link.DeafenAt(`"count":`) // the answer to a stored batch
	if _, err = w.Commit(t.Context(), day, readings(0, 20), interval(0, 2*time.Minute)); err == nil || !link.Deaf() {
		t.Fatalf("deaf %v, error %v: expected an answer to be lost and the commit to say so", link.Deaf(), err)
	}
	link.Mend()
	if n := len(stored(t, direct, stream)); n != 10+2+10+2 {
		t.Fatalf("%d messages: expected the unanswered batch to be stored", n)
	}
	commitUntilDone(t, w, readings(0, 30), interval(0, 3*time.Minute))
	checkOnce(t, direct, readings(0, 30))
}

func commitUntilDone(t *testing.T, w *publish.Writer, events []schema.Event, cover *checkpoint.Interval) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		_, err := w.Commit(ctx, day, events, cover)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func TestABrokerThatLostItsTailIsFilledAgain(t *testing.T) {
	dir := t.TempDir()
	start := func() *natsd.Server {
		s, err := natsd.Start(natsd.Config{Dir: dir, Listen: "127.0.0.1:0"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := start()
	listen := strings.TrimPrefix(s.ClientURL(), "nats://")
	nc := connect(t, s.ClientURL())
	js := open(t, nc)
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	s.Close()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	restart := func() {
		var err error
		if s, err = natsd.Start(natsd.Config{Dir: dir, Listen: listen}); err != nil {
			t.Fatal(err)
		}
	}
	restart()
	commitUntilDone(t, w, readings(0, 30), interval(0, 2*time.Minute))
	s.Close()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	restart()
	defer func() { s.Close() }()

	// The same writer still has all of it in memory. What it reads next overlaps what was lost.
	commitUntilDone(t, w, readings(5, 40), interval(0, 3*time.Minute))
	checkOnce(t, js, readings(0, 40))
}

func TestForeignStreamsAreRefusedWithTheDifference(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"without atomic batches": {func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic is false"},
		"without the index":      {func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:2] }, `"saveris.index.readings.>" is missing`},
		"dropping events":        {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject is 1"},
		"small messages":         {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, "max_msg_size is 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			nc := connect(t, startServer(t).ClientURL())
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			foreign := jetstream.StreamConfig{Name: stream, Subjects: config.Names.Subjects(schema.Readings), AllowAtomicPublish: true}
			c.change(&foreign)
			if _, err := js.CreateStream(t.Context(), foreign); err != nil {
				t.Fatal(err)
			}
			err = publish.Open(t.Context(), js, config)
			if !errors.Is(err, publish.ErrUnusable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAStreamThatCanServeIsUsedAsItIs(t *testing.T) {
	nc := connect(t, startServer(t).ClientURL())
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	own := jetstream.StreamConfig{
		Name: stream, Subjects: []string{"saveris.*.readings.>", "saveris.readings.>", "saveris.rejected.readings"},
		AllowAtomicPublish: true, Compression: jetstream.S2Compression, Description: "ours",
	}
	own.Subjects = append(own.Subjects[1:], "saveris.index.readings.>", "saveris.checkpoints.>")
	if _, err := js.CreateStream(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	err = publish.Open(t.Context(), js, config)
	if err == nil || !strings.Contains(err.Error(), "ALARMS") { // the readings took the alarms' checkpoints
		t.Errorf("got %v, want the overlap of the other stream's subjects named", err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil || s.CachedInfo().Config.Description != "ours" || s.CachedInfo().Config.Compression != jetstream.S2Compression {
		t.Errorf("the stream was altered: %+v (%v)", s.CachedInfo().Config, err)
	}
}

func TestAPageWhoseBeginningRetentionRemovedIsStillProven(t *testing.T) {
	js := open(t, connect(t, startServer(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 2500), interval(0, time.Hour))
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(1500)); err != nil { // into the second batch
		t.Fatal(err)
	}
	result := commit(t, newWriter(js, 0), readings(998, 2600), interval(0, time.Hour))
	if result.Stored != 100 {
		t.Errorf("stored %d, want 100: the rest is known", result.Stored)
	}
	if err := s.DeleteMsg(t.Context(), 2506-1); err != nil { // an index message in the middle
		t.Fatal(err)
	}
	if _, err := newWriter(js, 0).Commit(t.Context(), day, readings(0, 10), nil); !errors.Is(err, checkpoint.ErrIndex) {
		t.Errorf("a hole in the index: got %v, want ErrIndex", err)
	}
}

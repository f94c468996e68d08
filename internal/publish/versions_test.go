//go:build processes

package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// connection returns one to a server that may not be ready yet.
func connection(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// ready opens the bridge's streams as soon as the servers can.
func (s setup) ready(t *testing.T) (jetstream.JetStream, Config) {
	t.Helper()
	js, config := s.jetStream(t), s.config()
	repeat(t, func(ctx context.Context) error { return Open(ctx, js, config) })
	return js, config
}

func (s setup) config() Config { return Config{Names: subscriberConfig.Names, Replicas: s.replicas} }

func (s setup) jetStream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.NewWithDomain(connection(t, s.bridge), s.domain)
	if s.domain == "" {
		js, err = jetstream.New(connection(t, s.bridge))
	}
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// repeat does what a cluster may refuse while it finds its leaders, until it succeeds.
func repeat(t *testing.T, do func(context.Context) error) {
	t.Helper()
	for deadline := time.Now().Add(bridgetest.Patience); ; {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := do(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// subscriptions subscribes at every server and returns when all of them are heard of where the bridge is.
func (s setup) subscriptions(t *testing.T, js jetstream.JetStream) (list []*nats.Subscription) {
	t.Helper()
	for _, url := range s.subscribers {
		nc := connection(t, url)
		sub, err := nc.SubscribeSync("saveris.>")
		if err != nil {
			t.Fatal(err)
		}
		repeat(t, func(context.Context) error {
			if err := js.Conn().Publish("saveris.hello", nil); err != nil {
				return err
			}
			_, err := sub.NextMsg(50 * time.Millisecond)
			return err
		})
		list = append(list, sub)
	}
	return list
}

func TestSubscribersSeeWhatIsStoredOnEveryVersion(t *testing.T) {
	for _, version := range serverVersions {
		binary := natsServer(t, version)
		for name, start := range setups {
			t.Run(version+"/"+name, func(t *testing.T) {
				s := start(t, binary)
				js, config := s.ready(t)
				if v := js.Conn().ConnectedServerVersion(); v != version {
					t.Fatalf("the server is %s", v)
				}
				subs := s.subscriptions(t, js)
				last := spoilAndStore(t, js, config)
				for i, sub := range subs {
					sawJustWhatIsStored(t, js, fmt.Sprintf("at %s", s.subscribers[i]), sub, last)
				}
			})
		}
	}
}

func TestAnEditedStreamServesOnEveryVersion(t *testing.T) {
	for _, version := range serverVersions {
		binary := natsServer(t, version)
		for _, name := range []string{"one node", "three replicas"} {
			t.Run(version+"/"+name, func(t *testing.T) {
				s := setups[name](t, binary)
				js := s.jetStream(t)
				config := s.config()
				old := config.Stream(schema.Readings)
				old.SubjectTransform, old.RePublish = nil, nil
				for i := range old.Subjects {
					old.Subjects[i] = "saveris" + strings.TrimPrefix(old.Subjects[i], "saveris-ingest")
				}
				repeat(t, func(ctx context.Context) error { _, err := js.CreateStream(ctx, old); return err })
				var unfit *Unfit
				repeat(t, func(ctx context.Context) error {
					if err := Open(ctx, js, config); !errors.As(err, &unfit) {
						return fmt.Errorf("got %w, want that the stream is refused", err)
					}
					_, err := js.UpdateStream(ctx, unfit.Want)
					return err
				})
				s.ready(t)
				subs := s.subscriptions(t, js)
				last := spoilAndStore(t, js, config)
				for i, sub := range subs {
					sawJustWhatIsStored(t, js, fmt.Sprintf("at %s", s.subscribers[i]), sub, last)
				}
			})
		}
	}
}

// spoilAndStore has two writers meet, batches given up and refused, and others' messages beside them. It returns the id of the
// event that is stored last.
func spoilAndStore(t *testing.T, js jetstream.JetStream, config Config) (last string) {
	t.Helper()
	writer := func() *Writer {
		w := NewWriter(js, config, Options{Feed: schema.Readings, LiveAge: 24 * time.Hour, Now: subscriberAt})
		if err := w.send.begin(); err != nil {
			t.Fatal(err)
		}
		return w
	}
	one, other := writer(), writer()
	store := func(w *Writer, first, n int) {
		cover := &checkpoint.Interval{From: subscriberAt().Add(-time.Hour), Until: subscriberAt(), ReadAt: subscriberAt(), Route: "sync"}
		repeat(t, func(ctx context.Context) error {
			_, err := w.Commit(ctx, subscriberDay, someReadings(first, n), cover)
			return err
		})
	}
	refuse := func(w *Writer, b *batch) {
		if _, err := w.send.send(t.Context(), b); !errors.Is(err, errConflict) {
			t.Errorf("a batch behind record %d: %v, want that it is refused", b.after, err)
		}
	}
	cold := batchOf(t, other, someReadings(0, 20))
	cold.after = 1 << 20
	refuse(other, cold) // a day without a record
	late := batchOf(t, other, someReadings(100, 20))
	store(one, 0, 10)
	refuse(other, late) // the day has one by now
	abandoned := batchOf(t, one, someReadings(200, 20))
	if err := one.send.stage(abandoned); err != nil {
		t.Fatal(err)
	}
	one.send.abandon(abandoned)
	for i := range 10 { // two writers in turn, each of them behind
		store(one, 10+i*20, 20)
		store(other, 20+i*20, 20)
	}
	if err := js.Conn().Publish("saveris.checkpoints.readings."+subscriberDay, []byte("forged")); err != nil {
		t.Fatal(err)
	}
	store(one, 1000, 1)
	return "uuid-1000"
}

// sawJustWhatIsStored fails unless a subscriber saw every event of the stream, once, in order, with the headers to notice what
// he missed.
func sawJustWhatIsStored(t *testing.T, js jetstream.JetStream, where string, sub *nats.Subscription, last string) {
	t.Helper()
	stream, err := js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	seen, before := map[string]bool{}, uint64(0)
	for id := ""; id != last; {
		m, err := sub.NextMsg(bridgetest.Patience)
		if err != nil {
			t.Fatalf("%s, after %d: %v", where, len(seen), err)
		}
		if !strings.HasPrefix(m.Subject, "saveris.readings.") {
			continue // ours: greetings, and the forged record
		}
		id = m.Header["ce-id"][0]
		var seq, lastSeq uint64
		fmt.Sscan(m.Header.Get("Nats-Sequence"), &seq)
		fmt.Sscan(m.Header.Get("Nats-Last-Sequence"), &lastSeq)
		stored, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatalf("%s saw %s at sequence %d: %v", where, id, seq, err)
		}
		if seen[id] || lastSeq != before || m.Header.Get("Nats-Stream") != "SAVERIS_READINGS" || stored.Subject != m.Subject || stored.Header["ce-id"][0] != id {
			t.Errorf("%s saw %s on %s with %v behind %d, seen before: %v; stored is %s on %s", where, id, m.Subject, m.Header, before, seen[id], stored.Header["ce-id"], stored.Subject)
		}
		seen[id], before = true, seq
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("saveris.readings.>"))
	if err != nil {
		t.Fatal(err)
	}
	total := uint64(0)
	for _, n := range info.State.Subjects {
		total += n
	}
	if total != uint64(len(seen)) || total == 0 {
		t.Errorf("%s saw %d events, stored are %d", where, len(seen), total)
	}
}

// TestABucketIsWrittenThroughEveryRoute has the bucket be where the bridge is not.
func TestABucketIsWrittenThroughEveryRoute(t *testing.T) {
	binary := natsServer(t, serverVersions[len(serverVersions)-1])
	for name, start := range setups {
		t.Run(name, func(t *testing.T) {
			js, config := start(t, binary).ready(t)
			want := config.BackfillBucket()
			var kv jetstream.KeyValue
			repeat(t, func(ctx context.Context) (err error) {
				kv, err = EnsureBucket(ctx, js, want)
				return err
			})
			repeat(t, func(ctx context.Context) error {
				_, err := js.Publish(ctx, KeySubject(js, want.Bucket, "range"), []byte("started"))
				return err
			})
			if last, err := kv.Get(t.Context(), "range"); err != nil || string(last.Value()) != "started" {
				t.Errorf("the last value is %v, %v", last, err)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// TestASubscriberNeedsNoRightToPublish has the bridge and a subscriber on one server with the rights of docs/operate.md.
func TestASubscriberNeedsNoRightToPublish(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer cancel()
	n := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{
		{Username: "bridge", Password: "b", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: rights(t, "publish")}, Subscribe: &server.SubjectPermission{Allow: rights(t, "subscribe")},
		}},
		{Username: "reader", Password: "r", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{">"}}, Subscribe: &server.SubjectPermission{Allow: []string{"saveris.*.live.>"}},
		}},
		{Username: "all", Password: "a"},
	}})
	dial := func(user, password string) *nats.Conn {
		return bridgetest.Connect(t, n.ClientURL(), nats.UserInfo(user, password))
	}
	reader := dial("reader", "r")
	sub, err := reader.SubscribeSync("saveris.readings.live.>")
	if err == nil {
		err = reader.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	own := dial("bridge", "b")
	if err := natsconn.RefusedBy(ctx, own, func() error { return own.Publish("saveris.readings.live.x", nil) }); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("the bridge may publish for readers: %v", err)
	}
	s := newScene(t, saveristest.World{Sites: 1, Loggers: 1, Channels: 1, Cycle: time.Minute})
	bridge := s.startCommand(append(s.env, "NATS_URL="+n.ClientURL(), "NATS_USER=bridge", "NATS_PASSWORD=b"), "run")
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Nats-Stream") != streamOfReadings || m.Header.Get("Nats-Sequence") == "" || m.Header.Get("Nats-Last-Sequence") == "" {
		t.Errorf("saw %v", m.Header)
	}
	if code := stop(t, bridge); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
}

// TestADurableConsumerNeedsTheRightsOfTheDocument makes, reads, acknowledges and looks at one, with no right but these.
func TestADurableConsumerNeedsTheRightsOfTheDocument(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer cancel()
	n := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{
		{Username: "reader", Password: "r", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: rights(t, "publish, for a durable consumer")},
			Subscribe: &server.SubjectPermission{Allow: rights(t, "subscribe")},
		}},
		{Username: "all", Password: "a"},
	}})
	all := load(t, with("NATS_URL", n.ClientURL(), "NATS_USER", "all", "NATS_PASSWORD", "a"))
	nc, err := natsconn.ConnectNamed(ctx, all.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, all.NATS)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(ctx, js, pipeline.Broker(all.Streams)); err != nil {
		t.Fatal(err)
	}
	put(t, js, schema.Readings, hour(), measured("a", "1", "2"))

	theirs, err := jetstream.New(bridgetest.Connect(t, n.ClientURL(), nats.UserInfo("reader", "r")))
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := theirs.CreateOrUpdateConsumer(ctx, streamOfReadings, jetstream.ConsumerConfig{
		Durable: "dashboard", FilterSubject: "saveris.readings.>", AckPolicy: jetstream.AckExplicitPolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next(jetstream.FetchContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DoubleAck(ctx); err != nil {
		t.Error(err)
	}
	if info, err := consumer.Info(ctx); err != nil || info.NumAckPending != 0 || info.AckFloor.Consumer != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := theirs.AccountInfo(ctx); err != nil { // the library for JavaScript asks for this first
		t.Error(err)
	}
}

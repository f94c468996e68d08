package tail

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
)

func TestAServerThatHandsOutFewMessagesAtOnceIsFollowed(t *testing.T) {
	n := bridgetest.NATSServer(t, &server.Options{JetStream: true, JetStreamLimits: server.JSLimitOpts{MaxRequestBatch: 7}})
	js := bridgetest.JetStream(t, n.ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	const all = 30
	for i := range all {
		if _, err := js.Publish(t.Context(), "s", []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	f := &Follow{
		Timings: quick,
		Stream:  "S",
		Begin: func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}, nil
		},
		Each: func(m Message) error {
			if m.Seq == all {
				return enough
			}
			return nil
		},
		Failed: func(err error) error { return err },
	}
	if err := f.Run(t.Context(), js); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestAPageLeavesConsumersForThoseWhoStore: the stream may have ten, and others have six.
func TestAPageLeavesConsumersForThoseWhoStore(t *testing.T) {
	js, _ := newBroker(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxConsumers: publish.MinConsumers})
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for range publish.MinConsumers - 4 {
		c, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{InactiveThreshold: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, c.CachedInfo().Name)
	}
	if _, err := js.Publish(t.Context(), "s", nil); err != nil {
		t.Fatal(err)
	}
	got, tries := errors.New("got it"), 0
	f := &Follow{
		Timings: quick,
		Stream:  "S",
		Begin: func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}, nil
		},
		Each: func(Message) error { return got },
		Failed: func(err error) error {
			info, infoErr := stream.Info(t.Context())
			if infoErr != nil || info.State.Consumers > len(others) || !strings.Contains(err.Error(), "max_consumers") {
				t.Errorf("%v: %+v (%v)", err, info, infoErr)
			}
			if tries++; tries == 2 {
				return stream.DeleteConsumer(t.Context(), others[0])
			}
			return nil
		},
	}
	if err := f.Run(t.Context(), js); !errors.Is(err, got) || tries != 2 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

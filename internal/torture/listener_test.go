//go:build torture

package torture

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
)

// listener is what hangs on the bridge's events in every round: a plain subscriber of all live lanes, of the fleet and of silence, who knows nothing of
// streams, and a durable consumer of each stream of rows.
type listener struct {
	*testing.T
	js    jetstream.JetStream
	conns sync.WaitGroup

	mu   sync.Mutex
	seen map[string][]bridgetest.Seen // by feed, in the order of arrival
	got  map[string][]bridgetest.Seen
}

// The feeds of rows, and those without lanes.
var (
	feeds   = []string{"readings", "alarms", "tasks"}
	changes = []string{"devices", "health"}
)

// subscribed is what a plain subscriber listens to.
func subscribed(feed string) string {
	if slices.Contains(changes, feed) {
		return "saveris." + feed + ".>"
	}
	return "saveris." + feed + ".live.>"
}

func streamOf(feed string) string { return "SAVERIS_" + strings.ToUpper(feed) }

// consumed is what a durable consumer gets of a feed. One message at a time is slower than anything else, so of the readings it is one
// quantity.
func consumed(feed string) string {
	if feed == "readings" {
		return "saveris.readings.*.*.*.*.*.relative_humidity"
	}
	return "saveris." + feed + ".>"
}

// listen starts a listener before there is a bridge. It ends with the test.
func listen(t *testing.T, urls []string) *listener {
	t.Helper()
	l := &listener{T: t, seen: map[string][]bridgetest.Seen{}, got: map[string][]bridgetest.Seen{}}
	l.subscribe(l.dial(urls))
	nc := l.dial(urls)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	l.js = js
	ctx, cancel := context.WithCancel(context.Background())
	for _, feed := range feeds {
		l.conns.Go(func() { l.consume(ctx, feed) })
	}
	t.Cleanup(func() { cancel(); l.conns.Wait() })
	return l
}

// dial connects, as often as it takes.
func (l *listener) dial(urls []string) *nats.Conn {
	l.Helper()
	nc, err := nats.Connect(strings.Join(urls, ","), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(nc.Close)
	return nc
}

func (l *listener) subscribe(nc *nats.Conn) {
	l.Helper()
	for _, feed := range slices.Concat(feeds, changes) {
		sub, err := nc.Subscribe(subscribed(feed), func(m *nats.Msg) {
			e := bridgetest.SeenOf(m.Subject, m.Header, m.Data)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.seen[feed] = append(l.seen[feed], e)
		})
		if err == nil {
			err = sub.SetPendingLimits(-1, -1)
		}
		if err != nil {
			l.Fatal(err)
		}
	}
	for nc.Flush() != nil { // the broker is starting
	}
}

// consume reads a stream with a durable consumer, message by message, and takes up where it was whatever happens to the broker.
func (l *listener) consume(ctx context.Context, feed string) {
	newest := uint64(0)
	for ctx.Err() == nil {
		err := l.consumeOn(ctx, feed, &newest)
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
		if err != nil && ctx.Err() == nil {
			l.Logf("consumer of %s: %v", feed, err)
		}
	}
}

func (l *listener) consumeOn(ctx context.Context, feed string, newest *uint64) error {
	setup, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	consumer, err := l.js.CreateOrUpdateConsumer(setup, streamOf(feed), jetstream.ConsumerConfig{
		Durable: "torture", FilterSubject: consumed(feed), AckPolicy: jetstream.AckExplicitPolicy, AckWait: 2 * time.Second,
		MaxAckPending: 1, // so that what is delivered again comes before what follows it
	})
	if err != nil {
		return nil // the stream, or the broker, is not there
	}
	messages, err := consumer.Messages(jetstream.PullHeartbeat(time.Second), jetstream.PullExpiry(5*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if seq := meta.Sequence.Stream; seq > *newest { // otherwise it is one whose acknowledgement was lost
			e := bridgetest.SeenOf(m.Subject(), m.Headers(), m.Data())
			e.Seq = seq
			l.mu.Lock()
			l.got[feed] = append(l.got[feed], e)
			l.mu.Unlock()
			*newest = seq
		}
		if err := m.Ack(); err != nil {
			return err
		}
	}
}

// has reports whether the last message of a list has at least a sequence.
func (l *listener) has(list map[string][]bridgetest.Seen, feed string, seq uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(list[feed])
	return n > 0 && list[feed][n-1].Seq >= seq
}

// last is the sequence of the last event of a feed on the subjects of a filter, 0 where none is stored, and whether the broker says so.
func (a *arena) last(ctx context.Context, feed, filter string) (uint64, bool) {
	s, err := a.js.Stream(ctx, streamOf(feed))
	if err != nil {
		return 0, false
	}
	m, err := s.GetLastMsgForSubject(ctx, filter)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return 0, true
	case err != nil:
		return 0, false
	}
	return m.Sequence, true
}

// auditListener holds what the listener saw against what is stored.
func (a *arena) auditListener(s setting, result *row) {
	ctx, cancel := context.WithTimeout(a.Context(), patience)
	defer cancel()
	for _, feed := range slices.Concat(feeds, changes) {
		lanes := slices.Contains(feeds, feed)
		if s.broker == forgets && !lanes {
			continue // what it has lost is stored again only if it still is so
		}
		if s.broker != forgets && lanes {
			a.await("the durable consumer to get the last of the "+feed, func(ctx context.Context) bool {
				last, ok := a.last(ctx, feed, consumed(feed))
				return ok && (last == 0 || a.listener.has(a.listener.got, feed, last))
			})
		}
		if s.broker == keeps { // otherwise the last may be what it missed
			a.await("the subscriber to see the last of the "+feed, func(ctx context.Context) bool {
				last, ok := a.last(ctx, feed, "saveris."+feed+".>")
				return ok && (last == 0 || a.listener.has(a.listener.seen, feed, last))
			})
		}
		a.listener.mu.Lock()
		seen, got := slices.Clone(a.listener.seen[feed]), slices.Clone(a.listener.got[feed])
		a.listener.mu.Unlock()
		subscriber, err := bridgetest.AuditSubscriber(ctx, a.js, streamOf(feed), seen, bridgetest.Excused{Lost: s.broker == forgets, Resent: s.nodes > 1})
		if err != nil {
			a.Fatal(err)
		}
		a.Logf("subscriber of %s: %s", feed, subscriber)
		if !subscriber.Clean() || s.broker == keeps && subscriber.Missed > 0 {
			a.Errorf("the audit of the subscriber of %s found fault", feed)
		}
		result.seen += subscriber.Seen
		result.missed += subscriber.Missed
		result.other += subscriber.Unstored + subscriber.Twice + subscriber.Unnoticed + subscriber.Disordered
		if s.broker == forgets || !lanes {
			continue // a consumer's place is no promise of the bridge's
		}
		consumer, err := bridgetest.AuditConsumer(ctx, a.js, streamOf(feed), consumed(feed), got)
		if err != nil {
			a.Fatal(err)
		}
		a.Logf("consumer of %s: %s", feed, consumer)
		if !consumer.Clean() || consumer.Missed > 0 {
			a.Errorf("the audit of the consumer of %s found fault", feed)
		}
		result.other += consumer.Unstored + consumer.Twice + consumer.Missed + consumer.Disordered
	}
}

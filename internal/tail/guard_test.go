package tail

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
)

// emptyStream starts a server that has a stream S without messages.
func emptyStream(t *testing.T) (jetstream.JetStream, jetstream.Stream) {
	t.Helper()
	js := bridgetest.JetStream(t, bridgetest.NATSServer(t, &server.Options{JetStream: true}).ClientURL())
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S"})
	if err != nil {
		t.Fatal(err)
	}
	return js, stream
}

// TestAFollowerNoticesThatTheStreamIsAnother where its consumer does not: one that is made again at once goes on behind
// the old stream's last sequence.
func TestAFollowerNoticesThatTheStreamIsAnother(t *testing.T) {
	t.Parallel()
	js, stream := emptyStream(t)
	t.Run("cases", func(t *testing.T) {
		for name, c := range map[string]struct {
			stream  string
			created time.Time
			next    uint64
			want    error
		}{
			"made anew":  {"S", stream.CachedInfo().Created.Add(-time.Second), 0, errAnother},
			"tail lost":  {"S", stream.CachedInfo().Created, 5, errAnother},
			"gone":       {"T", stream.CachedInfo().Created, 0, jetstream.ErrStreamNotFound},
			"unaffected": {"S", stream.CachedInfo().Created, 1, context.DeadlineExceeded},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f := &Follow{Stream: c.stream, created: c.created, Timings: quick}
				f.next.Store(c.next)
				patience := bridgetest.Patience
				if c.want == context.DeadlineExceeded {
					patience = 10 * quick.Look
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if err := f.guard(ctx, js); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		}
	})
}

// TestAFollowerGoesOnWhereAnotherMessageHasItsPlace has a stream lose its tail and grow again before the follower is back.
func TestAFollowerGoesOnWhereAnotherMessageHasItsPlace(t *testing.T) {
	t.Parallel()
	js, stream := emptyStream(t)
	var at [3]time.Time
	for i := range at {
		if _, err := js.Publish(t.Context(), "S", nil); err != nil {
			t.Fatal(err)
		}
		msg, err := stream.GetMsg(t.Context(), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		at[i] = msg.Time
	}
	for name, c := range map[string]struct {
		next uint64
		last time.Time
		want []uint64
	}{
		"nothing lost":             {3, at[1], []uint64{3}},
		"nothing lost, and no new": {4, at[2], nil},
		"longer than it was":       {2, at[0].Add(-time.Second), []uint64{1, 2, 3}},
		"as long":                  {4, at[0], []uint64{2, 3}},
		"shorter":                  {9, at[1], []uint64{3}},
		"all of it lost":           {1, at[0].Add(-time.Second), []uint64{1, 2, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			var got []uint64
			f := &Follow{Stream: "S", Filters: []string{">"}, Timings: quick, created: stream.CachedInfo().Created, last: c.last}
			f.Each = func(m Message) error { got = append(got, m.Seq); return nil }
			f.Complete = func() {
				if len(got) == len(c.want) {
					cancel()
				}
			}
			f.next.Store(c.next)
			ctx, stop := context.WithTimeout(ctx, bridgetest.Patience)
			defer stop()
			if err := f.Run(ctx, js); !errors.Is(err, context.Canceled) || !slices.Equal(got, c.want) {
				t.Errorf("handed out %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

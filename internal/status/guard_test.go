package status

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsd"
)

// TestAFollowerNoticesThatTheStreamIsAnother where its consumer does not: one that is made again at once goes on behind
// the old stream's last sequence.
func TestAFollowerNoticesThatTheStreamIsAnother(t *testing.T) {
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S"})
	if err != nil {
		t.Fatal(err)
	}
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
				f := &Follow{Stream: c.stream, created: c.created}
				f.next.Store(c.next)
				ctx, cancel := context.WithTimeout(t.Context(), 2*followLook+time.Second)
				defer cancel()
				if err := f.guard(ctx, js); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		}
	})
}

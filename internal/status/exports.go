package status

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
)

// Export is one that the vendor has been preparing for longer than a minute.
type Export struct {
	AskedAt    time.Time `json:"asked_at"` // by the vendor's clock
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Background bool      `json:"background"` // it is of a backfill or the like; else a poll waits for it
}

// exports is what the processes of the prefix have published of their exports that are late.
type exports struct {
	*bucket[[]saveris.Running]
	ahead time.Duration // of our clock, before the server's
}

func newExports(names publish.Names) *exports {
	return &exports{bucket: newBucket(names.Requests(), func(_ string, data []byte) ([]saveris.Running, error) {
		return saveris.SharedOverdue(data), nil
	})}
}

// follow follows what the processes publish.
func (e *exports) follow(b *Board) *tail.Follow {
	f := followBucket(b, b.config.Names.Requests(), e.bucket, nil)
	f.Filters = []string{e.prefix + publish.SharedKey}
	begin := f.Begin
	f.Begin = func(ctx context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error) {
		b.mu.Lock()
		e.ahead = time.Since(stream.CachedInfo().TimeStamp)
		b.mu.Unlock()
		return begin(ctx, stream, again)
	}
	return f
}

// of returns the oldest late export of a feed, before all one that a poll waits for; nil where none is known. Where nobody has
// published anything for long, nobody waits any more.
func (e *exports) of(feed schema.Feed, now time.Time) (oldest *Export) {
	published := e.entries[publish.SharedKey]
	if now.Sub(published.at)-e.ahead > saveris.DeadAfter {
		return nil
	}
	for _, r := range published.value {
		if r.Feed != schema.VendorFeed(feed) {
			continue
		}
		if oldest == nil || oldest.Background && !r.Background {
			oldest = &Export{r.AskedAt.UTC(), r.From.UTC(), r.Until.UTC(), r.Background}
		}
	}
	return oldest
}

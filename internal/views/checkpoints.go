package views

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Checkpoints shows the newest records of a feed in the checkpoint bucket, under <feed>.<day>.
type Checkpoints struct {
	*View
	records records
}

// NewCheckpoints makes the view of a feed. The bucket is created when it is kept, if it is missing.
func NewCheckpoints(js jetstream.JetStream, config publish.Config, feed schema.Feed) *Checkpoints {
	prefix := string(feed) + "."
	source := records{checkpoint.NewStream(js, config.Names.Stream(feed), config.Names.Prefix, string(feed)), prefix}
	into := &bucket{js: js, prefix: prefix, config: config.CheckpointBucket()}
	return &Checkpoints{records: source, View: newView(source, into)}
}

// Show has a record shown that was stored. It does not wait.
func (c *Checkpoints) Show(r checkpoint.RecordMessage) { c.Put(c.records.entry(r)) }

// records are those of a feed's stream, as entries.
type records struct {
	*checkpoint.Stream
	prefix string // of keys
}

func (s records) entry(r checkpoint.RecordMessage) Entry {
	return Entry{s.prefix + r.Day, r.Data, r.Seq}
}

func (s records) Keys(ctx context.Context) ([]string, error) {
	keys, err := s.Recorded(ctx)
	for i := range keys {
		keys[i] = s.prefix + keys[i]
	}
	return keys, err
}

func (s records) Newest(ctx context.Context, key string) (Entry, error) {
	r, err := s.RecordOf(ctx, strings.TrimPrefix(key, s.prefix))
	return s.entry(r), err
}

func (s records) At(ctx context.Context, seq uint64) (Entry, error) {
	r, err := s.RecordAt(ctx, seq)
	return s.entry(r), err
}

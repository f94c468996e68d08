package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// backfillLife is how long the last word of a backfill is remembered.
const backfillLife = 30 * 24 * time.Hour

// Backfills tells others how backfills go: each word is a CloudEvent on <prefix>.backfills.<id>, and the last one of each
// stands in the KV bucket <prefix>-backfills under its id. The server itself sends what is put into the bucket on to the
// subject.
type Backfills struct {
	js     jetstream.JetStream
	bucket string
	source string
}

// OpenBackfills opens the bucket, and creates it if it is missing. Source is the vendor's base URL.
func OpenBackfills(ctx context.Context, js jetstream.JetStream, config Config, source string) (*Backfills, error) {
	name := config.Names.Backfills()
	_, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = MakeBucket(ctx, js, jetstream.KeyValueConfig{
			Bucket: name, Description: "Saveris bridge: the last word of each backfill", TTL: backfillLife, Replicas: config.Replicas,
			MaxBytes:  config.bucketBytes(backfillBytes),
			RePublish: &jetstream.RePublish{Source: "$KV." + name + ".>", Destination: config.Names.Prefix + ".backfills.>"},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return &Backfills{js: js, bucket: name, source: source}, nil
}

// Tell says how a backfill goes.
func (b *Backfills) Tell(ctx context.Context, state schema.Backfill) error {
	header, data, err := state.Message(b.source, newBatchID(), time.Now())
	if err != nil {
		return err
	}
	_, err = b.js.PublishMsg(ctx, &nats.Msg{Subject: KeySubject(b.js, b.bucket, state.ID), Header: header, Data: data})
	if err != nil {
		return fmt.Errorf("tell of backfill %s: %w", state.ID, err)
	}
	return nil
}

// Last returns the last word of a backfill; found is false where there is none.
func (b *Backfills) Last(ctx context.Context, id string) (state schema.Backfill, found bool, err error) {
	kv, err := b.js.KeyValue(ctx, b.bucket)
	if err != nil {
		return state, false, err
	}
	entry, err := kv.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return state, false, nil
	}
	if err == nil {
		err = json.Unmarshal(entry.Value(), &state)
	}
	if err != nil {
		return state, false, fmt.Errorf("last word of backfill %s: %w", id, err)
	}
	return state, true, nil
}

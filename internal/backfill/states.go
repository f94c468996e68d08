package backfill

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// States publishes the states of backfills: each is a CloudEvent on <prefix>.backfills.<id>, and the last one of each stands in
// the KV bucket <prefix>-backfills under its id. The server itself sends what is put into the bucket on to the subject.
type States struct {
	js     jetstream.JetStream
	bucket string
	source string
}

// OpenStates opens the bucket, and creates it if it is missing. Source is the vendor's base URL.
func OpenStates(ctx context.Context, js jetstream.JetStream, config publish.Config, source string) (*States, error) {
	want := config.BackfillBucket()
	if _, err := publish.EnsureBucket(ctx, js, want); err != nil {
		return nil, err
	}
	return &States{js: js, bucket: want.Bucket, source: source}, nil
}

// Publish publishes a state of a backfill.
func (s *States) Publish(ctx context.Context, state schema.Backfill) error {
	header, data, err := state.Message(s.source, rand.Text(), time.Now())
	if err != nil {
		return err
	}
	_, err = s.js.PublishMsg(ctx, &nats.Msg{Subject: publish.KeySubject(s.js, s.bucket, state.ID), Header: header, Data: data})
	if err != nil {
		return fmt.Errorf("publish the state of backfill %s: %w", state.ID, err)
	}
	return nil
}

// Last returns the last state of a backfill; found is false where there is none.
func (s *States) Last(ctx context.Context, id string) (state schema.Backfill, found bool, err error) {
	kv, err := s.js.KeyValue(ctx, s.bucket)
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
		return state, false, fmt.Errorf("last state of backfill %s: %w", id, err)
	}
	return state, true, nil
}

package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// requestLife is how long a running export is remembered: the vendor's links live a day.
const requestLife = 24 * time.Hour

// Requests remembers the vendor's running exports in the KV bucket <prefix>-exports, so that the next process adopts
// them. It may be used by many goroutines. All of its errors are harmless: an export that is not remembered is merely
// submitted again.
type Requests struct {
	js jetstream.JetStream
	kv jetstream.KeyValue
}

// OpenRequests opens the bucket and creates it if it is missing.
func OpenRequests(ctx context.Context, js jetstream.JetStream, config Config) (*Requests, error) {
	name := config.Names.Requests()
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Description: "Saveris bridge: exports that the vendor is preparing", TTL: requestLife, Replicas: config.Replicas,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return &Requests{js, kv}, nil
}

// Find gives what is remembered under a key, "" if nothing is.
func (r *Requests) Find(ctx context.Context, key string) (string, error) {
	entry, err := r.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(entry.Value()), nil
}

// Keep remembers a running export.
func (r *Requests) Keep(ctx context.Context, key, request string) error {
	_, err := r.kv.PutString(ctx, key, request)
	return err
}

// Drop forgets one.
func (r *Requests) Drop(ctx context.Context, key string) error { return r.kv.Purge(ctx, key) }

// Keys gives all keys, in no order.
func (r *Requests) Keys(ctx context.Context) ([]string, error) {
	return keysOf(ctx, r.js, r.kv.Bucket())
}

// keysOf lists the keys of a bucket by what the stream behind it tells of itself, which takes no right but to look at it.
// Keys that were dropped and not yet removed are among them.
func keysOf(ctx context.Context, js jetstream.JetStream, bucket string) ([]string, error) {
	stream, err := js.Stream(ctx, "KV_"+bucket)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", bucket, err)
	}
	subjects := "$KV." + bucket + "."
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subjects+">"))
	if err != nil {
		return nil, fmt.Errorf("bucket %s: list its keys: %w", bucket, err)
	}
	var keys []string
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, subjects))
	}
	return keys, nil
}

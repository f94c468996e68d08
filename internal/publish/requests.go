package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// requestLife is how long a running export is remembered: the vendor's links live a day.
const requestLife = 24 * time.Hour

// SharedKey is where in the bucket of running exports the processes of a prefix say what they have in flight. No key of an export is like it.
const SharedKey = "processes"

// Requests remembers the vendor's running exports in the KV bucket <prefix>-exports, so that the next process adopts them, and
// holds there what all processes of the prefix share. It may be used by many goroutines. All of its errors are
// harmless: an export that is not remembered is merely submitted again, and who knows nothing of others goes on alone.
type Requests struct {
	js     jetstream.JetStream
	config Config
	create bool // a bucket that is missing

	mu sync.Mutex
	kv jetstream.KeyValue
}

// OpenRequests opens the bucket and creates it if it is missing, also later if somebody removes it.
func OpenRequests(ctx context.Context, js jetstream.JetStream, config Config) (*Requests, error) {
	return openRequests(ctx, &Requests{js: js, config: config, create: true})
}

// FindRequests opens the bucket if it is there.
func FindRequests(ctx context.Context, js jetstream.JetStream, config Config) (*Requests, error) {
	return openRequests(ctx, &Requests{js: js, config: config})
}

func openRequests(ctx context.Context, r *Requests) (*Requests, error) {
	_, err := r.open(ctx, nil)
	return r, err
}

// open returns the bucket, anew if it was the one that has gone.
func (r *Requests) open(ctx context.Context, gone jetstream.KeyValue) (jetstream.KeyValue, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kv != nil && r.kv != gone {
		return r.kv, nil
	}
	name := r.config.Names.Requests()
	kv, err := r.js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) && r.create {
		kv, err = MakeBucket(ctx, r.js, jetstream.KeyValueConfig{
			Bucket: name, Description: "Saveris bridge: exports that the vendor is preparing", TTL: requestLife, Replicas: r.config.Replicas,
			MaxBytes: r.config.bucketBytes(requestBytes),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	r.kv = kv
	return kv, nil
}

// with uses the bucket, and a new one where it has gone.
func (r *Requests) with(ctx context.Context, use func(jetstream.KeyValue) error) error {
	kv, err := r.open(ctx, nil)
	if err != nil {
		return err
	}
	if err = use(kv); !jsapi.Missing(err) {
		return err
	}
	if kv, err = r.open(ctx, kv); err != nil {
		return err
	}
	return use(kv)
}

// get returns a key's text and its revision, "" and 0 where there is none.
func (r *Requests) get(ctx context.Context, key string) (text string, revision uint64, err error) {
	err = r.with(ctx, func(kv jetstream.KeyValue) error {
		entry, err := kv.Get(ctx, key)
		if err == nil {
			text, revision = string(entry.Value()), entry.Revision()
		}
		return err
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", 0, nil
	}
	return text, revision, err
}

// Find returns what is remembered under a key, "" if nothing is.
func (r *Requests) Find(ctx context.Context, key string) (string, error) {
	text, _, err := r.get(ctx, key)
	return text, err
}

// Keep remembers a running export.
func (r *Requests) Keep(ctx context.Context, key, request string) error {
	return r.with(ctx, func(kv jetstream.KeyValue) error {
		_, err := kv.PutString(ctx, key, request)
		return err
	})
}

// Drop forgets one.
func (r *Requests) Drop(ctx context.Context, key string) error {
	return r.with(ctx, func(kv jetstream.KeyValue) error { return kv.Purge(ctx, key) })
}

// Keys returns all keys, in no order.
func (r *Requests) Keys(ctx context.Context) ([]string, error) {
	return keysOf(ctx, r.js, r.config.Names.Requests())
}

// Load returns what the processes of the prefix share, and its revision.
func (r *Requests) Load(ctx context.Context) (text string, revision uint64, err error) {
	return r.get(ctx, SharedKey)
}

// Store replaces what has that revision and returns the new one, and fails where somebody else has replaced it.
func (r *Requests) Store(ctx context.Context, text string, revision uint64) (stored uint64, err error) {
	err = r.with(ctx, func(kv jetstream.KeyValue) (err error) {
		if revision == 0 {
			stored, err = kv.Create(ctx, SharedKey, []byte(text))
		} else {
			stored, err = kv.Update(ctx, SharedKey, []byte(text), revision)
		}
		return err
	})
	return stored, err
}

// keysOf lists the keys of a bucket by the subjects of the stream behind it, which takes no right but to look at it.
// Keys that were dropped and not yet removed are among them.
func keysOf(ctx context.Context, js jetstream.JetStream, bucket string) ([]string, error) {
	subjects := "$KV." + bucket + "."
	info, err := jsapi.StreamInfo(ctx, jsapi.Caller{JS: js}, BucketStream(bucket), jsapi.InfoRequest{SubjectsFilter: subjects + ">"})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: list its keys: %w", bucket, err)
	}
	var keys []string
	for subject := range info.State.Subjects {
		keys = append(keys, strings.TrimPrefix(subject, subjects))
	}
	return keys, nil
}

// CheckRequests returns how the settings of the stream of an existing bucket of running exports differ from those that OpenRequests
// would create it with: an ErrBucketSettings.
func CheckRequests(have jetstream.StreamConfig) error {
	var wrong []string
	if have.MaxAge != requestLife {
		wrong = append(wrong, fmt.Sprintf("ttl is %v, expected %v", have.MaxAge, requestLife))
	}
	if have.Mirror != nil || len(have.Sources) > 0 || have.Sealed {
		wrong = append(wrong, "it is sealed, a mirror, or has sources")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrBucketSettings, strings.Join(wrong, "; "))
	}
	return nil
}

package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/schema"
)

// NewLeases returns a process's leases in the KV bucket <prefix>-leases, which is opened when the first one is asked for, and
// created if it is missing. Owner tells people who has a lease, and is one word. Accounts says whose leases are waited for: where
// one is of another account, which reads other rows, Lead fails with an AnotherAccount. Nil = everybody's.
func NewLeases(js jetstream.JetStream, config Config, feed schema.Feed, owner string, accounts *Accounts) *lease.Leases {
	open := func(ctx context.Context) (jetstream.KeyValue, error) { return openLeases(ctx, js, config) }
	leases := lease.New(open, string(feed), owner, accounts.Own())
	leases.Refuse = func(value []byte) error {
		if theirs := lease.Account(value); theirs != "" && !accounts.knows(theirs) {
			return accounts.ofLease(feed, value)
		}
		return nil
	}
	return leases
}

func openLeases(ctx context.Context, js jetstream.JetStream, config Config) (kv jetstream.KeyValue, err error) {
	name := config.Names.Leases()
	kv, err = js.KeyValue(ctx, name)
	switch {
	case err == nil:
		var info *jetstream.StreamInfo
		if info, err = jsapi.StreamInfo(ctx, jsapi.Caller{JS: js}, BucketStream(name), jsapi.InfoRequest{}); err == nil {
			err = CheckLeases(info.Config)
		}
	case errors.Is(err, jetstream.ErrBucketNotFound):
		kv, err = MakeBucket(ctx, js, jetstream.KeyValueConfig{ // fails where somebody else has made another one meanwhile
			Bucket: name, Description: "Saveris bridge: who works at what", TTL: lease.Life, Replicas: config.Replicas,
			MaxBytes: config.bucketBytes(leaseBytes),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

// CheckLeases returns how the life of a lease in the stream of an existing bucket differs from what NewLeases would have created: an ErrBucketSettings.
func CheckLeases(have jetstream.StreamConfig) error {
	if err := lease.CheckLife(have.MaxAge); err != nil {
		return fmt.Errorf("%w: %w", ErrBucketSettings, err)
	}
	return nil
}

package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrBucketSettings says that a bucket is there but not as the bridge makes it, which it gets along with.
var ErrBucketSettings = errors.New("foreign settings")

// CheckpointBucket is how the checkpoint bucket is created.
func (c Config) CheckpointBucket() jetstream.KeyValueConfig {
	return c.viewBucket(c.Names.Checkpoints(), "what has been read, by feed and UTC day (a view of the streams)", checkpointBytes)
}

// InventoryBucket is how the bucket of the fleet is created.
func (c Config) InventoryBucket() jetstream.KeyValueConfig {
	return c.viewBucket(c.Names.Inventory(), "the newest document of each thing of the fleet (a view of "+c.Names.Stream(schema.Devices)+")", inventoryBytes)
}

// LatestBucket is how the bucket of the newest readings is created.
func (c Config) LatestBucket() jetstream.KeyValueConfig {
	return c.viewBucket(c.Names.Latest(), "the newest reading of each channel by its time (a view of "+c.Names.Stream(schema.Readings)+")", latestBytes)
}

// OpenAlarmsBucket is how the bucket of the open alarms is created.
func (c Config) OpenAlarmsBucket() jetstream.KeyValueConfig {
	return c.viewBucket(c.Names.OpenAlarms(), "the alarms that are open (a view of "+c.Names.Stream(schema.Alarms)+")", openAlarmsBytes)
}

func (c Config) viewBucket(name, of string, limit int64) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{Bucket: name, Description: "Saveris bridge: " + of, Replicas: c.Replicas, MaxBytes: c.bucketBytes(limit), Storage: jetstream.FileStorage}
}

// backfillLife is how long the last state of a backfill is remembered.
const backfillLife = 30 * 24 * time.Hour

// BackfillBucket is how the bucket of the states of backfills is created.
func (c Config) BackfillBucket() jetstream.KeyValueConfig {
	name := c.Names.Backfills()
	return jetstream.KeyValueConfig{
		Bucket: name, Description: "Saveris bridge: the last state of each backfill", TTL: backfillLife, Replicas: c.Replicas,
		MaxBytes:  c.bucketBytes(backfillBytes),
		RePublish: &jetstream.RePublish{Source: "$KV." + name + ".>", Destination: c.Names.Prefix + ".backfills.>"},
	}
}

// EnsureBucket opens a bucket, and creates it if it is missing.
func EnsureBucket(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, want.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = MakeBucket(ctx, js, want)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", want.Bucket, err)
	}
	return kv, nil
}

// MakeBucket creates a bucket, or opens an identical one.
func MakeBucket(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	if _, err := createStream(ctx, js, bucketStream(want)); err != nil {
		return nil, err
	}
	return js.KeyValue(ctx, want.Bucket)
}

// MakeBatchBucket is MakeBucket for one that takes atomic batches, and returns the stream behind it.
func MakeBatchBucket(ctx context.Context, js jetstream.JetStream, want jetstream.KeyValueConfig) (jetstream.Stream, error) {
	config := bucketStream(want)
	config.AllowAtomicPublish = true
	if _, err := createStream(ctx, js, config); err != nil {
		return nil, err
	}
	return js.Stream(ctx, config.Name)
}

// bucketStream is the stream of a bucket, as the client library makes it, but that it says how many consumers there may be, and leaves
// the duplicate window to the server, which may allow none as long as the library's: nothing that the bridge puts into a bucket has a
// message id.
func bucketStream(want jetstream.KeyValueConfig) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              BucketStream(want.Bucket),
		Description:       want.Description,
		Subjects:          []string{"$KV." + want.Bucket + ".>"},
		MaxMsgsPerSubject: 1,
		MaxBytes:          cmp.Or(want.MaxBytes, -1),
		MaxAge:            want.TTL,
		MaxMsgSize:        -1,
		MaxMsgs:           -1,
		MaxConsumers:      maxConsumers,
		Storage:           want.Storage,
		Replicas:          max(1, want.Replicas),
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       true,
		RePublish:         want.RePublish,
		Discard:           jetstream.DiscardNew,
	}
}

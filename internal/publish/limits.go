package publish

import (
	"errors"
	"fmt"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"

	"github.com/nats-io/nats.go/jetstream"
)

// Limits under which nothing can be stored; each comes with an ErrUnfit.
var (
	ErrSmallMessages error = &hint.Error{
		Err: errors.New("max_payload is too low"), Code: hint.NATS,
		Hint: fmt.Sprintf("raise max_payload to %d (1 MiB) or more wherever it is lower: for the server, the account, the user", MinPayload),
	}
	ErrFewConsumers error = &hint.Error{
		Err: errors.New("max_consumers is too low"), Code: hint.NATS,
		Hint: fmt.Sprintf("raise max_consumers of the account to %d or more", MinConsumers),
	}
	ErrFewStreams error = &hint.Error{
		Err: errors.New("the account or the server allows no more streams"), Code: hint.NATS,
		Hint: jsapi.StreamsHint,
	}
)

// ErrOldServer says that a server, or the one that holds a stream, is older than MinServer; it comes with an ErrUnfit.
var ErrOldServer error = &hint.Error{Err: errors.New("NATS is too old"), Code: hint.NATS, Hint: "upgrade NATS to " + MinServer + " or newer"}

// What the server refuses about the size of a stream that is created; both come with an ErrUnfit.
var (
	ErrNeedsMaxBytes error = &hint.Error{
		Err: errors.New("the account demands a size limit of every stream"), Code: hint.NATS,
		Hint: "set BRIDGE_MAX_BYTES to what each stream may take, such as 10GB",
	}
	ErrNoRoom error = &hint.Error{
		Err: errors.New("the account or the server has less room than the size limits reserve"), Code: hint.NATS,
		Hint: "each stream that the bridge creates reserves BRIDGE_MAX_BYTES for each of its replicas: set less, or raise the limits of the account or the server",
	}
)

// JetStream error codes about limits.
const (
	codeNoStorage        = 10047
	codeMaxBytesRequired = 10113
	codeMaxBytesExceeded = 10122
)

// The size limits of the buckets, where there are any: many times what they hold. What is reserved for a bucket is missing
// from the account, so none is as large as a stream may be.
const (
	checkpointBytes = 64 << 20  // a record a feed and day, a kilobyte each
	requestBytes    = 16 << 20  // an export each, for a day
	leaseBytes      = 1 << 20   // a worker each, for ten seconds
	backfillBytes   = 16 << 20  // two kilobytes a backfill
	inventoryBytes  = 512 << 20 // two kilobytes a thing, three things a logger
	latestBytes     = 128 << 20 // two kilobytes a channel
	openAlarmsBytes = 64 << 20  // two kilobytes an alarm, and 200 bytes for each that has ended
)

// bucketBytes is the size limit of a bucket that needs so much: none unless streams have one.
func (c Config) bucketBytes(need int64) int64 { return min(c.MaxBytes, need) }

// refusedForGood marks what the server refuses for good: no rights, no room, replicas without a cluster.
func refusedForGood(err error) error {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.Code == 503 || refused.ErrorCode == codeNoPeers {
		return err
	}
	switch refused.ErrorCode {
	case codeMaxBytesRequired:
		return fmt.Errorf("%w: %w: %w", ErrUnfit, ErrNeedsMaxBytes, err)
	case jsapi.CodeMaxStreams:
		return fmt.Errorf("%w: %w: %w", ErrUnfit, ErrFewStreams, err)
	case codeNoStorage, codeMaxBytesExceeded:
		return fmt.Errorf("%w: %w: %w", ErrUnfit, ErrNoRoom, err)
	}
	return unfitf("%w", err)
}

// FastSync is the oldest NATS server on which an atomic batch waits for the disk once with sync_interval: always, and not
// at every message (measured: 2.12.1, 2.12.15, 2.14.0 and 2.14.10 store 5 to 6 thousand messages a second, 2.15.2 45 to 75).
const FastSync = "2.15.0"

// SlowSync reports whether a server of this version is too old for full speed with sync_interval: always.
func SlowSync(version string) bool { return older(version, FastSync) }

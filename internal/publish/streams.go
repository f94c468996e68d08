package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// MinServer is the oldest NATS server that stores an atomic batch as this package needs it.
const MinServer = "2.12.1"

// MinPayload is the message size in bytes that the broker has to take: a row that cannot be an event is stored whole.
const MinPayload = 1 << 20

// ErrUnfit says that waiting does not help: the broker answers but cannot serve. It is too old, without JetStream, or has a stream
// of one of these names whose settings do not fit.
var ErrUnfit = errors.New("NATS cannot be used")

// unfitf returns an ErrUnfit, with advice of its own unless what it wraps has some.
func unfitf(format string, args ...any) error {
	err := fmt.Errorf("%w: %w", ErrUnfit, fmt.Errorf(format, args...))
	return hint.Else(err, hint.NATS, cmp.Or(jsapi.Hint(err), "bridge check shows what has to be changed on the server; another BRIDGE_PREFIX makes streams of other names"))
}

// Config says how streams and buckets are named and created.
type Config struct {
	Names    Names
	Replicas int
	// What streams that are created keep at most, 0 = all. With a size limit the buckets have one too.
	MaxAge    time.Duration
	MaxBytes  int64
	Immutable bool // nothing can be deleted or purged from streams that are created
}

// descriptions say to people what a stream holds.
var descriptions = map[schema.Feed]string{
	schema.Readings: "Saveris readings, each exactly once, with the checkpoints that prove it",
	schema.Alarms:   "Saveris alarms, each exactly once, with the checkpoints that prove it",
	schema.Tasks:    "Saveris HACCP tasks, each executed step exactly once, with the checkpoints that prove it: personal data",
	schema.Devices:  "Saveris fleet: what there is, and each change of it exactly once",
	schema.Health:   "Saveris silence: channels and bridges that should have been heard, each silence once",
}

// Stream is what a feed's stream is created with. That of silence has schedules, by which the broker itself says that the bridge is
// silent; they exclude deny_purge.
func (c Config) Stream(feed schema.Feed) jetstream.StreamConfig {
	scheduled := feed == schema.Health
	return jetstream.StreamConfig{
		Name:               c.Names.Stream(feed),
		Description:        descriptions[feed],
		Subjects:           c.Names.Subjects(feed),
		Storage:            jetstream.FileStorage,
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardOld,
		Replicas:           c.Replicas,
		MaxAge:             c.MaxAge,
		MaxBytes:           cmp.Or(c.MaxBytes, -1),
		MaxConsumers:       maxConsumers,
		Compression:        c.compression(),
		DenyDelete:         c.Immutable,
		DenyPurge:          c.Immutable && !scheduled,
		AllowAtomicPublish: true,
		AllowDirect:        true,
		AllowMsgSchedules:  scheduled,
		AllowRollup:        scheduled, // a schedule takes the place of the one before
		SubjectTransform:   c.Names.transform(),
		RePublish:          &jetstream.RePublish{Source: c.Names.republished(feed), Destination: c.Names.republished(feed)},
	}
}

// compression is S2, but for a stream with replicas none. At a start, a replica of nats-server 2.15 that has sync_interval
// "always" cuts its stream back to what its last snapshot covers, and the goroutine that compresses a full block may take the
// very block that is written on (v2.15.3: fileStore.Truncate, newMsgBlockForWrite). Its copy is unreadable from then on:
// "smb.truncate: s2: corrupt input".
//
// One node has a fault that is left: where a power cut takes the whole newest block, the server goes on in the block before, which
// is compressed, if the next message fits (v2.15.3: recoverMsgs, checkLastBlock). That block is unreadable from then on. A block that
// holds acknowledged messages is not lost with sync_interval "always".
func (c Config) compression() jetstream.StoreCompression {
	if c.Replicas > 1 {
		return jetstream.NoCompression
	}
	return jetstream.S2Compression
}

// Open readies the broker: its version and the streams of all feeds. What is missing is created, what exists is checked and left
// alone. An error that is ErrUnfit will not go away by waiting.
func Open(ctx context.Context, js jetstream.JetStream, c Config) error {
	if _, err := c.CheckBroker(ctx, js); err != nil {
		return err
	}
	return c.MakeStreams(ctx, js)
}

// CheckBroker reports whether server and account can serve the streams of all feeds, and returns what JetStream says of the account. An
// error that is ErrUnfit will not go away by waiting.
func (c Config) CheckBroker(ctx context.Context, js jetstream.JetStream) (*jetstream.AccountInfo, error) {
	if err := CheckServer(ctx, js.Conn()); err != nil {
		return nil, err
	}
	account, err := jsapi.AccountInfo(ctx, jsapi.Caller{JS: js})
	if err != nil {
		return nil, fmt.Errorf("ask for JetStream: %w", refusedForGood(err))
	}
	return account, c.CheckAccount(account)
}

// MakeStreams creates the streams of all feeds that are missing, checks those that exist and leaves them alone. An error that is
// ErrUnfit will not go away by waiting.
func (c Config) MakeStreams(ctx context.Context, js jetstream.JetStream) error {
	for _, feed := range StreamFeeds {
		err := c.ensureStream(ctx, js, feed)
		if err == nil && paged(feed) { // the limit is the server's
			err = c.CheckBatches(ctx, js, feed)
		}
		if err != nil {
			return fmt.Errorf("stream %s: %w", c.Names.Stream(feed), err)
		}
	}
	return nil
}

func (c Config) ensureStream(ctx context.Context, js jetstream.JetStream, feed schema.Feed) error {
	info, err := createStream(ctx, js, c.Stream(feed))
	made := err == nil
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		info, err = jsapi.StreamInfo(ctx, jsapi.Caller{JS: js}, c.Names.Stream(feed), jsapi.InfoRequest{})
	}
	if err != nil {
		return refusedForGood(err)
	}
	if made && !info.Config.AllowAtomicPublish {
		return unfitf("%w: the server that made it knows nothing of allow_atomic: it is older than %s", ErrOldServer, MinServer)
	}
	return c.CheckStream(feed, info.Config)
}

// createStream creates a stream, or succeeds where there is an identical one. Where the account allows fewer consumers than it asks for,
// the account's limit is the stream's.
func createStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	caller := jsapi.Caller{JS: js}
	info, err := jsapi.CreateStream(ctx, caller, want)
	if jsapi.HasCode(err, jetstream.JSErrCodeMaximumConsumersLimit) {
		want.MaxConsumers = 0
		info, err = jsapi.CreateStream(ctx, caller, want)
	}
	return info, err
}

// codeNoPeers is what a cluster answers that is still gathering.
const codeNoPeers = 10005

// serverAnswer is how long a connected server may take to answer a ping.
const serverAnswer = 5 * time.Second

// minLevel is the level of the JetStream API that has atomic batches, which began with version 2.12.0.
const minLevel = 2

// CheckAccount reports whether JetStream, wherever it is, can serve an account. The server that nc is connected to may be another
// and older one: a leaf node without JetStream.
func (c Config) CheckAccount(account *jetstream.AccountInfo) error {
	if level := account.API.Level; level < minLevel {
		return unfitf("%w: JetStream has API level %d, atomic batches need NATS %s or newer, which has %d", ErrOldServer, level, MinServer, minLevel)
	}
	if most := c.Tier(account).Limits.MaxConsumers; most > 0 && most < MinConsumers {
		return unfitf("%w: the account allows %d consumers of a stream, expected %d or more", ErrFewConsumers, most, MinConsumers)
	}
	return nil
}

// Tier returns the limits of the account that are for the streams.
func (c Config) Tier(account *jetstream.AccountInfo) jetstream.Tier {
	if tier, tiered := account.Tiers[fmt.Sprintf("R%d", max(1, c.Replicas))]; tiered {
		return tier
	}
	return account.Tier
}

// CheckServer reports whether the server that nc is connected to lets through what the bridge sends.
func CheckServer(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, serverAnswer)
	defer cancel()
	if err := nc.FlushWithContext(ctx); err != nil { // what the account or the user may send comes after the login
		return fmt.Errorf("wait for the server's limits: %w", err)
	}
	if limit := nc.MaxPayload(); limit > 0 && limit < MinPayload {
		return unfitf("%w: server %s takes messages of %d bytes at most (limit of the server, the account or the user), expected %d or more", ErrSmallMessages, nc.ConnectedUrlRedacted(), limit, MinPayload)
	}
	return nil
}

// older compares dotted version numbers and ignores what follows a "-".
func older(version, than string) bool {
	var v, t [3]int
	version, _, _ = strings.Cut(version, "-")
	fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2])
	fmt.Sscanf(than, "%d.%d.%d", &t[0], &t[1], &t[2])
	for i := range v {
		if v[i] != t[i] {
			return v[i] < t[i]
		}
	}
	return false
}

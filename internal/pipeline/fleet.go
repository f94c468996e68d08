package pipeline

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// How long names wait.
const (
	fleetQuiet    = time.Second // changes come many at once
	fleetStale    = 10 * time.Second
	fleetRetry    = time.Second // where the stream cannot be read; then twice as long each time
	fleetLastWait = 30 * time.Second
)

// FollowFleet keeps what events call things at what the stream of the fleet says, until ctx ends. Where there is no such stream, or it
// cannot be read, it tries again, for nobody needs names. It returns at once; read is closed once the stream has been read for the
// first time, or that has failed.
func (p *Pipeline) FollowFleet(ctx context.Context, log *slog.Logger) (read <-chan struct{}) {
	done := make(chan struct{})
	once := sync.OnceFunc(func() { close(done) })
	go func() {
		defer once()
		for wait := fleetRetry; ; wait = min(2*wait, fleetLastWait) {
			err := p.followFleet(ctx, once)
			once()
			if !errors.Is(err, jetstream.ErrStreamNotFound) && ctx.Err() == nil {
				log.Debug("names of the fleet cannot be read, trying again", "err", err)
			}
			if sleep.For(ctx, wait) != nil {
				return
			}
		}
	}()
	return done
}

// followFleet follows the stream until that fails. It calls read once it has the newest message of each thing.
func (p *Pipeline) followFleet(ctx context.Context, read func()) error {
	broker := Broker(p.Settings.Streams)
	var filters []string
	for _, kind := range fleet.PlaceKinds { // most things are states of devices and sensors
		filters = append(filters, broker.Names.Prefix+"."+string(schema.Devices)+"."+string(kind)+".>")
	}
	consumer, err := p.JS.OrderedConsumer(ctx, broker.Names.Stream(schema.Devices), jetstream.OrderedConsumerConfig{
		FilterSubjects: filters, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	})
	if err != nil {
		return err
	}
	most := jetstream.PullMaxMessages(cmp.Or(consumer.CachedInfo().Config.MaxRequestBatch, jetstream.DefaultMaxMessages))
	messages, err := consumer.Messages(most)
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	known := fleet.NewPlaces()
	pending := consumer.CachedInfo().NumPending
	begun := pending > 0
	if pending == 0 {
		read()
	}
	for shown, changed := time.Now(), false; ; {
		msg, err := messages.Next(jetstream.NextMaxWait(fleetQuiet))
		switch {
		case errors.Is(err, nats.ErrTimeout):
		case err != nil:
			return err
		default:
			changed = load(known, msg, &pending) || changed
		}
		first := pending == 0 && begun && p.Fleet.Directory() == nil
		if changed && (err != nil || first || time.Since(shown) > fleetStale) && p.worthKnowing(known) {
			p.Fleet.Set(known.Directory())
			shown, changed = time.Now(), false
		}
		if pending == 0 {
			read()
		}
	}
}

// worthKnowing reports whether events can be named by a fleet: the first look stores its devices last.
func (p *Pipeline) worthKnowing(known *fleet.Inventory) bool {
	return p.Fleet.Directory() != nil || known.Len(schema.KindDevice) > 0
}

// load takes over a message, and how many there are behind it. It reports whether it is a change of the fleet: somebody else's
// message is passed over.
func load(known *fleet.Inventory, msg jetstream.Msg, pending *uint64) bool {
	meta, err := msg.Metadata()
	if err != nil {
		return false
	}
	*pending = meta.NumPending
	change, err := schema.ReadFleetChange(msg.Subject(), msg.Headers(), msg.Data())
	return err == nil && known.LoadAt(change.Data, meta.Sequence.Stream, change.At) == nil
}

// AwaitFleet waits for the names that FollowFleet reads, never for long.
func AwaitFleet(ctx context.Context, read <-chan struct{}) {
	select {
	case <-read:
	case <-time.After(fleetStale):
	case <-ctx.Done():
	}
}

package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// How long names wait.
const (
	fleetLook     = time.Second // between looks at the stream; where it cannot be read twice as long each time
	fleetLastWait = 30 * time.Second
	fleetStale    = 10 * time.Second // for changes to come to an end
	fleetAwait    = 10 * time.Second // events for names
)

// FollowFleet keeps what events call things at what the stream of the fleet says, until ctx ends. Where there is no such stream, or it
// cannot be read, it tries again, for nobody needs names. It returns at once; read is closed once the stream has been read for the
// first time, or that has failed.
func (p *Pipeline) FollowFleet(ctx context.Context, log *slog.Logger) (read <-chan struct{}) {
	done := make(chan struct{})
	once := sync.OnceFunc(func() { close(done) })
	r := p.fleetReader()
	go func() {
		defer once()
		repeat(ctx, func(ctx context.Context) error {
			err := r.step(ctx)
			once()
			if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) && ctx.Err() == nil {
				log.Debug("names of the fleet cannot be read, retrying", "err", err)
			}
			return err
		})
	}()
	return done
}

// repeat takes one step after the other until ctx ends.
func repeat(ctx context.Context, step func(context.Context) error) {
	for wait := fleetLook; ; {
		if err := step(ctx); err == nil {
			wait = fleetLook
		} else {
			wait = min(2*wait, fleetLastWait)
		}
		if sleep.For(ctx, wait) != nil {
			return
		}
	}
}

// fleetReader reads names from the stream of the fleet. It has no consumer there but while it reads: the stream may be allowed few.
// One goroutine uses it.
type fleetReader struct {
	stream  *checkpoint.Stream
	filters []string
	names   *fleet.Names

	known *fleet.Inventory
	at    checkpoint.Position // up to where the stream is read
	read  bool                // it has been read
	since time.Time           // when something became known that the names do not say; zero: there is none
}

func (p *Pipeline) fleetReader() *fleetReader {
	r := &fleetReader{stream: p.Stream(schema.Devices), names: p.Names, known: fleet.NewPlaces()}
	r.known.Pack()
	for _, kind := range fleet.PlaceKinds { // most things are states of devices and sensors
		r.filters = append(r.filters, p.Settings.Prefix+"."+string(schema.Devices)+"."+string(kind)+".>")
	}
	return r
}

// step takes over what was stored since the last step. Names are made of it once a step finds nothing more, for changes come many at
// once, or after fleetStale; of all that the first one finds at once.
func (r *fleetReader) step(ctx context.Context) error {
	changed, err := r.take(ctx)
	if changed && r.since.IsZero() {
		r.since = time.Now()
	}
	if err != nil {
		return err
	}
	first := !r.read
	r.read = true
	if !r.since.IsZero() && (first || !changed || time.Since(r.since) > fleetStale) && r.worthKnowing() {
		r.names.Set(r.known.Directory())
		r.known.Pack()
		r.since = time.Time{}
	}
	return nil
}

// take takes over what the stream holds behind the last message that was seen, or all of it where that stands there no more: the first
// message of a thing says since when it is known. It reports whether there was anything: somebody else's message is passed over.
func (r *fleetReader) take(ctx context.Context) (changed bool, err error) {
	info, err := r.stream.Info(ctx)
	if err != nil {
		return false, err
	}
	end := checkpoint.Position{Seq: info.State.LastSeq, At: info.State.LastTime}
	if end == r.at {
		return false, nil
	}
	load := func(e checkpoint.StoredEvent) error {
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		if err == nil && r.known.LoadAt(change.Data, e.Seq, change.At) == nil {
			changed = true
		}
		return nil
	}
	goesOn, err := r.stream.Stands(ctx, r.at)
	if err != nil {
		return false, err
	}
	var from checkpoint.Since
	if goesOn {
		from.Seq = r.at.Seq + 1
	}
	if err = r.stream.EventsOnAny(ctx, r.filters, from, end.Seq+1, load); err == nil {
		r.at = end
	}
	return changed, err
}

// worthKnowing reports whether events can be named by what is known: the first look at the fleet stores its devices last.
func (r *fleetReader) worthKnowing() bool {
	return r.names.Directory() != nil || r.known.Len(schema.KindDevice) > 0
}

// AwaitFleet waits for the names that FollowFleet reads, never for long.
func AwaitFleet(ctx context.Context, read <-chan struct{}) {
	select {
	case <-read:
	case <-time.After(fleetAwait):
	case <-ctx.Done():
	}
}

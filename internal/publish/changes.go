package publish

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// ErrConflict says that the stream holds something else than the writer has read: it has to be read again.
var ErrConflict = errors.New("another writer has stored a change meanwhile")

// Changes stores what changes in the fleet, each change exactly once, and reads what is stored. One goroutine at a time may use it.
type Changes struct{ changeStore }

// NewChanges makes what stores changes of the fleet in its stream.
func NewChanges(js jetstream.JetStream, config Config) *Changes {
	c := &Changes{}
	c.init(js, config, schema.Devices)
	return c
}

// Load calls each with the newest change of every thing, oldest first. An error of each ends it and is returned as it is.
func (c *Changes) Load(ctx context.Context, each func(schema.StoredFleetChange, uint64) error) error {
	return c.load(ctx, func(e checkpoint.StoredEvent) (string, error) {
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		if err != nil {
			return "", err // it was read before
		}
		return change.ID, each(change, e.Seq)
	})
}

// Stands reports whether the stream still ends with what was loaded or stored last; if not, it was made anew, has lost its tail or
// got more, and has to be loaded.
func (c *Changes) Stands(ctx context.Context) (bool, error) {
	return c.stands(ctx, func(e checkpoint.StoredEvent) (string, error) {
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		return change.ID, err
	})
}

// First returns the sequence of the stream's first message: its limits have removed what stood before it.
func (c *Changes) First(ctx context.Context) (uint64, error) {
	info, err := c.stream.Info(ctx)
	if err != nil {
		return 0, c.diagnose(ctx, err)
	}
	return info.State.FirstSeq, nil
}

// Store stores changes of different things, in their order, and calls done with each and the sequence of its message once it is stored.
// It fails with ErrConflict where a subject's last message is another one than the change follows. After any error the stream may
// hold more than done was called for, and has to be loaded again before anything else is stored. A context that ends lets the
// batch in hand finish.
func (c *Changes) Store(ctx context.Context, changes []schema.FleetChange, done func(i int, sequence uint64)) error {
	return c.store(ctx, len(changes), func(i int) change { return &changes[i] }, done)
}

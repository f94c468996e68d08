package publish

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Outages reads from the stored alarms which loggers have been cut off and are back. One goroutine may use it.
type Outages struct {
	stream *checkpoint.Stream
	found  *schema.Outages
	next   uint64 // sequence to go on from, 0 = what was stored within rememberedFor
}

// rememberedFor is for how long the end of an outage is looked at after it was stored. What followed from it is done by then,
// unless nothing has run, and then it has not been stored either.
const rememberedFor = 31 * 24 * time.Hour

// NewOutages returns one for the alarms of a prefix.
func NewOutages(js jetstream.JetStream, names Names) *Outages {
	return &Outages{stream: checkpoint.NewStream(js, names.Stream(schema.Alarms), names.Prefix, string(schema.Alarms)), found: schema.NewOutages()}
}

// Ended returns the outages that have ended lately, the oldest first; none where no alarms are stored.
func (o *Outages) Ended(ctx context.Context) ([]schema.Outage, error) {
	since := time.Now().Add(-rememberedFor)
	next, err := o.stream.EventsFrom(ctx, o.next, since, func(e checkpoint.StoredEvent) error {
		if alarm, ok := schema.ReadAlarm(e.Header.Get("ce-id"), e.Seq, e.Data); ok {
			o.found.Take(alarm)
		}
		return nil
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o.next = next
	return o.found.Ended(since.Add(-schema.LongestOutage)), nil // what is stored late may have ended long before
}

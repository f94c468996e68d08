package poller

import (
	"context"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Outages reads from the stored alarms which loggers have been cut off and are back. One goroutine may use it.
type Outages struct {
	alarms *checkpoint.Stream
	found  *schema.Outages
	read   checkpoint.Position // up to where
}

// rememberedFor is for how long the end of an outage is looked at after it was stored. What followed from it is done by then,
// unless nothing has run, and then it has not been stored either.
const rememberedFor = 31 * 24 * time.Hour

// NewOutages returns one for a stream of alarms.
func NewOutages(alarms *checkpoint.Stream) *Outages {
	return &Outages{alarms: alarms, found: schema.NewOutages()}
}

// Ended returns the outages that have ended lately, the oldest first; none where no alarms are stored, or the stream does not exist.
func (o *Outages) Ended(ctx context.Context) ([]schema.Outage, error) {
	return o.endedSince(ctx, time.Now().Add(-rememberedFor))
}

// endedSince returns the outages whose end was stored since a moment. Their beginnings were stored long before: without its
// own, an end would have all read again that a logger may remember.
func (o *Outages) endedSince(ctx context.Context, since time.Time) ([]schema.Outage, error) {
	longAgo := since.Add(-schema.LongestOutage)
	read, err := o.alarms.EventsAfter(ctx, o.read, longAgo, func(e checkpoint.StoredEvent) error {
		attributes, data, err := schema.Unwrap(e.Header, e.Data)
		if err != nil {
			return nil // it is no event
		}
		alarm, ok := schema.ReadAlarm(attributes["id"], e.Seq, data)
		if ok && !(alarm.Ends() && e.At.Before(since)) {
			made, _ := time.Parse(time.RFC3339, attributes["recordedtime"])
			o.found.Take(alarm, made)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	o.read = read
	return o.found.Ended(longAgo), nil // what is stored late may have ended long before
}

package views

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// NewOpenAlarms makes the view of the alarms that are open, as schema.OpenAlarms pairs them: under the id of the event that raised it, as
// a token, that event or its newest correction. The key is deleted when the alarm is cleared. The bucket is created when it is kept,
// if it is missing.
func NewOpenAlarms(js jetstream.JetStream, config publish.Config) *Fold {
	source := checkpoint.NewStream(js, config.Names.Stream(schema.Alarms), config.Names.Prefix, string(schema.Alarms))
	return newFold(source, &bucket{js: js, config: config.OpenAlarmsBucket()}, &openAlarms{source: source})
}

// mostAlarms is how many messages of the stream a start reads at most, as the page does: some seconds, and years of all but the largest
// fleets. No alarm is too old to be open; of what is older the bucket says what is.
const mostAlarms = 500_000

// openAlarms are the alarms that are open.
type openAlarms struct {
	source  *checkpoint.Stream
	known   *schema.OpenAlarms
	changed bool // since open was found out
	open    map[string]uint64
}

func (o *openAlarms) rebuild(ctx context.Context, _ map[string]shownCell, removed removedCells, state jetstream.StreamState) error {
	o.known, o.changed = schema.NewOpenAlarms(), true
	from := state.FirstSeq
	if state.LastSeq > mostAlarms {
		from = max(from, state.LastSeq-mostAlarms)
	}
	err := removed(ctx, from, func(_ string, c cell) { // by retention, or it is not read
		o.take(checkpoint.StoredEvent{Seq: c.seq, Header: structured, Data: c.data})
	})
	if err != nil {
		return err
	}
	err = o.source.EventsOn(ctx, o.source.EventSubject(), checkpoint.Since{Seq: from}, state.LastSeq+1, func(e checkpoint.StoredEvent) error {
		o.take(e)
		return nil
	})
	if err != nil {
		return err
	}
	return o.settle(ctx, 0)
}

func (o *openAlarms) take(e checkpoint.StoredEvent) {
	if alarm, ok := schema.ReadAlarmEvent(e.Header, e.Data, e.Seq); ok {
		o.known.Take(alarm)
		o.changed = true
	}
}

func (o *openAlarms) settle(context.Context, uint64) error {
	if !o.changed {
		return nil
	}
	o.changed, o.open = false, map[string]uint64{}
	for _, alarm := range o.known.List() {
		o.open[schema.Token(alarm.FirstID())] = alarm.Seq
	}
	return nil
}

func (o *openAlarms) shows(each func(key string, seq uint64)) {
	for key, seq := range o.open {
		each(key, seq)
	}
}

// event returns nothing: few alarms are raised, and the stream has them.
func (o *openAlarms) event(string) (e checkpoint.StoredEvent, found bool) { return e, false }

func (o *openAlarms) release(string) {}

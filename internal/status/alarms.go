package status

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
)

// mostAlarms is how many events of alarms a board begins with at most, the newest ones: some seconds, and years of all but the
// largest fleets. An alarm has no age at which it is closed, so all that is stored is read as long as it is not more.
const mostAlarms = 500_000

// alarms is what is known of alarms.
type alarms struct {
	*schema.OpenAlarms

	most uint64    // events to begin with
	cut  bool      // the stream has held more than what was read
	from time.Time // when the first that was read was stored
}

func newAlarms() alarms { return alarms{OpenAlarms: schema.NewOpenAlarms(), most: mostAlarms} }

// followAlarms follows the events of alarms in both lanes: a backfill may bring the beginning of what is open, or its end.
func (b *Board) followAlarms() *tail.Follow {
	all := b.config.Names.Prefix + "." + string(schema.Alarms) + "."
	return &tail.Follow{
		Stream: b.config.Names.Stream(schema.Alarms), Filters: []string{all + ">"},
		Begin: func(ctx context.Context, stream jetstream.Stream, _ bool) (jetstream.OrderedConsumerConfig, error) {
			config := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
			last, err := tail.Last(ctx, stream, all+">")
			if err != nil {
				return config, err
			}
			config, err = bounded(ctx, stream, all+">", config, last.Seq, b.alarms.most)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.alarms.cut = b.alarms.cut || config.OptStartSeq > 0 || stream.CachedInfo().State.FirstSeq > 1
			return config, err
		},
		Each: func(m tail.Message) error {
			b.takeAlarm(m, strings.HasPrefix(m.Subject(), all+string(schema.Live)+"."))
			return nil
		},
	}
}

func (b *Board) takeAlarm(m tail.Message, live bool) {
	attributes, data := m.Event()
	e, ok := schema.ReadAlarm(attributes["id"], m.Seq, data)
	if !ok {
		return
	}
	if b.alarms.from.IsZero() {
		b.alarms.from = m.At
	}
	b.alarms.Take(e)
	f := b.feeds[schema.Alarms]
	f.heard(e.RaisedAt, m.At)
	if live && !e.Received.IsZero() {
		f.delays.add(e.ChangedAt, e.Received, m.At)
	}
}

// show lists the open alarms, the newest first.
func (a alarms) show() []Alarm {
	list := []Alarm{}
	for _, e := range a.List() {
		list = append(list, Alarm{
			ID: e.ID, At: e.RaisedAt, Tenant: e.Tenant, Site: e.Site, Serial: e.Serial, Severity: e.Severity, Text: e.Text(), Condition: e.Condition,
			Reason: e.Reason, Quantity: e.Quantity, Name: e.Name, SiteName: e.SiteName, Value: number(e.Value), Unit: e.Unit,
		})
	}
	return list
}

// since is from when on alarms are known, as far as records and what was read of the stream go; nil where nothing is.
func (a alarms) since(records map[string]entry[checkpoint.Record]) *time.Time {
	var covered []checkpoint.Interval
	var begin time.Time
	for _, key := range slices.Sorted(maps.Keys(records)) { // by day
		r := records[key].value
		if r.Feed != string(schema.Alarms) {
			continue
		}
		covered = append(covered, r.Covered...)
		if r.Since != nil && r.Since.After(begin) {
			begin = *r.Since
		}
	}
	if len(covered) == 0 {
		return nil
	}
	begin = reachesBack(covered, begin)
	if a.cut && a.from.After(begin) {
		begin = a.from
	}
	begin = begin.UTC()
	return &begin
}

// reachesBack is how far what was read reaches back without a gap: from the watermark, from the end where there is none.
// What is missing after the watermark is shown as gaps.
func reachesBack(covered []checkpoint.Interval, begin time.Time) time.Time {
	begin = cmp.Or(begin, covered[len(covered)-1].Until)
	for _, iv := range slices.Backward(covered) {
		switch {
		case !iv.From.Before(begin):
		case iv.Until.Before(begin):
			return begin
		default:
			begin = iv.From
		}
	}
	return begin
}

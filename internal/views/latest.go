package views

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// NewLatest makes the view of the newest readings: under <tenant>.<site>.<serial>.<channel> the one with the latest time, and of several
// the one that was stored last. A correction takes the place of what it corrects. A reading whose time is more than an hour ahead of the
// vendor's clock, which now returns, is left out, and so is one that was stored before its time and more than an hour ahead of its
// receipt. The bucket is created when it is kept, if it is missing.
func NewLatest(js jetstream.JetStream, config publish.Config, now func() time.Time) *Fold {
	source := checkpoint.NewStream(js, config.Names.Stream(schema.Readings), config.Names.Prefix, string(schema.Readings))
	events := &latest{source: source, now: now, few: fewChannels}
	f := newFold(source, &bucket{js: js, config: config.LatestBucket()}, events)
	events.remember = f.remember
	return f
}

// latest are the newest readings of all channels.
//
// Which is the newest is found out at a start without reading all of the stream. A reading was stored when its time had come, but for
// the hour that a clock may be ahead. So one that is newer than the last one stored of its channel was stored after that one's time, less
// that hour: for a channel that is alive in the stream's last hours. Of these the pages of the last days are read for all channels at
// once, and what reaches further back for each channel alone.
type latest struct {
	source *checkpoint.Stream
	now    func() time.Time
	few    int // channels that are read one by one

	remember func(key string, seq uint64, value []byte) // see Fold
	shown    map[string]shownCell                       // by the bucket, while a start finds out what is the newest
	channels map[string]*newest
	doubtful map[string]bool // keys whose reading was corrected to an earlier time: another may be the newest now
}

// newest is the newest reading of a channel.
type newest struct {
	first string // id of the first content
	at    time.Time
	seq   uint64
	event *checkpoint.StoredEvent // nil where it was released
}

// newestOf outlives the event: a text of a header holds all headers. It is nil where the event cannot be shown, as somebody else's may be.
func (l *latest) newestOf(m schema.ReadingMoment, e checkpoint.StoredEvent) *newest {
	if _, err := schema.StructuredEvent(e.Header, e.Data); err != nil {
		return nil
	}
	return &newest{strings.Clone(m.First), m.At, e.Seq, &e}
}

// put makes a reading the newest one of a channel. Of those that are found at a start and shown already it keeps what they are compared
// by: the events of all channels would be in memory.
func (l *latest) put(key string, n *newest) {
	if l.channels[key] == nil {
		key = strings.Clone(key) // it is a part of a subject
	}
	l.channels[key] = n
	if n.event != nil && n.seq <= l.shown[key].seq {
		value, _ := schema.StructuredEvent(n.event.Header, n.event.Data) // it was tried
		l.remember(key, n.seq, value)
		n.event = nil
	}
}

// olderThan reports whether another reading of the channel takes the place of this one.
func (n *newest) olderThan(m schema.ReadingMoment, seq uint64) bool {
	if m.First == n.first {
		return seq > n.seq
	}
	return m.At.After(n.at) || m.At.Equal(n.at) && seq > n.seq
}

// key returns the key of the channel that a subject of readings names, "" where it names none.
func (l *latest) key(subject string) string {
	rest := strings.TrimPrefix(subject, strings.TrimSuffix(l.source.EventSubject(), ">"))
	_, rest, _ = strings.Cut(rest, ".") // the lane
	end := strings.LastIndexByte(rest, '.')
	if strings.Count(rest, ".") != 4 {
		return ""
	}
	return rest[:end]
}

// subjects is the filter for the readings of a channel, in all lanes and of all quantities.
func (l *latest) subjects(key string) string {
	return strings.TrimSuffix(l.source.EventSubject(), ">") + "*." + key + ".*"
}

// read reads a reading's event. It reports whether it is one that may be shown.
func (l *latest) read(e checkpoint.StoredEvent) (m schema.ReadingMoment, ok bool) {
	m, err := schema.ReadReadingMoment(e.Header, e.Data, e.At)
	if err != nil {
		return m, false
	}
	ahead := !m.Received.IsZero() && m.At.After(m.Received.Add(schema.ClockAhead)) || m.At.After(l.now().Add(schema.ClockAhead))
	return m, !ahead
}

func (l *latest) take(e checkpoint.StoredEvent) { l.takeAs(l.key(e.Subject), e) }

func (l *latest) takeAs(key string, e checkpoint.StoredEvent) {
	m, ok := l.read(e)
	if key == "" || !ok {
		return
	}
	was := l.channels[key]
	if was != nil && !was.olderThan(m, e.Seq) {
		return
	}
	now := l.newestOf(m, e)
	if now == nil {
		return
	}
	if was != nil && m.At.Before(was.at) {
		l.doubtful[key] = true
	}
	l.put(key, now)
}

func (l *latest) shows(each func(key string, seq uint64)) {
	for key, n := range l.channels {
		each(key, n.seq)
	}
}

func (l *latest) event(key string) (checkpoint.StoredEvent, bool) {
	n := l.channels[key]
	if n == nil || n.event == nil {
		return checkpoint.StoredEvent{}, false
	}
	return *n.event, true
}

func (l *latest) release(key string) {
	if n := l.channels[key]; n != nil {
		n.event = nil
	}
}

func (l *latest) settle(ctx context.Context, until uint64) error {
	for key := range l.doubtful {
		if err := l.choose(ctx, key, l.storedSince(l.channels[key].at), until); err != nil {
			return err
		}
		delete(l.doubtful, key)
	}
	return nil
}

// choose finds the newest reading of a channel among those that were stored since a moment: of each its last content counts.
func (l *latest) choose(ctx context.Context, key string, since checkpoint.Since, until uint64) error {
	contents := map[string]*newest{}
	err := l.source.EventsOn(ctx, l.subjects(key), since, until, func(e checkpoint.StoredEvent) error {
		if m, ok := l.read(e); ok {
			if n := l.newestOf(m, e); n != nil {
				contents[m.First] = n
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range contents {
		if best := l.channels[key]; best == nil || contents[best.first] != nil && contents[best.first] != best ||
			best.at.Before(n.at) || best.at.Equal(n.at) && best.seq < n.seq {
			l.put(key, n)
		}
	}
	return nil
}

// storedSince is from when on a reading that is newer than a time may have been stored, by the broker's clock, which is taken to be ours.
func (l *latest) storedSince(at time.Time) checkpoint.Since {
	ahead := max(0, time.Until(l.now()))
	return checkpoint.Since{At: at.Add(-schema.ClockAhead - ahead)}
}

// extent is where in the stream a channel's newest reading may be.
type extent struct {
	key   string
	since checkpoint.Since
	last  uint64 // sequence of the last reading
}

// Bounds of what is read of all channels at once.
const (
	readTogether = 3 * time.Hour // what differs by more is read apart
	fewChannels  = 300           // that are read one by one
)

func (l *latest) rebuild(ctx context.Context, shown map[string]shownCell, removed removedCells, state jetstream.StreamState) error {
	l.channels, l.doubtful, l.shown = map[string]*newest{}, map[string]bool{}, shown
	defer func() { l.shown = nil }()
	err := removed(ctx, state.FirstSeq, func(key string, c cell) {
		l.takeAs(key, checkpoint.StoredEvent{Seq: c.seq, Header: structured, Data: c.data, At: state.FirstTime})
	})
	if err != nil {
		return err
	}
	clear(l.doubtful)
	extents, err := l.extents(ctx)
	if err != nil {
		return err
	}
	for len(extents) > 0 {
		n := 1
		for n < len(extents) && extents[0].since.At.Sub(extents[n].since.At) < readTogether {
			n++
		}
		if err := l.readExtents(ctx, extents[:n], state.LastSeq+1); err != nil {
			return err
		}
		extents = extents[n:]
	}
	return l.settle(ctx, state.LastSeq+1)
}

// structured is the header of what a bucket shows.
var structured = nats.Header{schema.KeyStructured: {schema.TypeStructured}}

// extents returns where the newest readings may be, those that were stored last first.
func (l *latest) extents(ctx context.Context) ([]extent, error) {
	times, last := map[string]time.Time{}, map[string]uint64{}
	err := l.source.LastOn(ctx, l.source.EventSubject(), func(e checkpoint.StoredEvent) error {
		key := l.key(e.Subject)
		if key == "" {
			return nil
		}
		last[key] = max(last[key], e.Seq)
		if m, ok := l.read(e); ok && m.At.After(times[key]) {
			times[key] = m.At
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]extent, 0, len(last))
	for key, seq := range last {
		e := extent{key: key, last: seq}
		if at := times[key]; !at.IsZero() { // else anything may be
			e.since = l.storedSince(at)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y extent) int { return cmp.Or(y.since.At.Compare(x.since.At), cmp.Compare(x.key, y.key)) })
	return list, nil
}

// readExtents reads what was stored at about the same time.
func (l *latest) readExtents(ctx context.Context, list []extent, until uint64) error {
	if len(list) <= l.few {
		for _, e := range list {
			if err := l.choose(ctx, e.key, e.since, min(e.last+1, until)); err != nil {
				return err
			}
		}
		return nil
	}
	keys, last := map[string]bool{}, uint64(0)
	for _, e := range list {
		keys[e.key], last = true, max(last, e.last)
	}
	since := list[len(list)-1].since
	places, err := l.source.EventsOfDays(ctx, since.At.UTC().Format(time.DateOnly), since, until) // a backfill stores others
	for _, at := range places {
		if err != nil {
			return err
		}
		err = l.source.EventsOn(ctx, l.source.EventSubject(), checkpoint.Since{Seq: at.From}, min(at.Until, last+1), func(e checkpoint.StoredEvent) error {
			if keys[l.key(e.Subject)] {
				l.take(e)
			}
			return nil
		})
	}
	return err
}

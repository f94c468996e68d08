package status

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/tail"
	"saveris-bridge/internal/words"
)

// Board is a picture of how the bridge stands, kept up to date by Run. Its methods may be called by many goroutines. What
// they return is shared and must not be changed.
type Board struct {
	js     jetstream.JetStream
	config Config
	most   uint64 // live readings to begin with

	mu        sync.Mutex
	records   *bucket[checkpoint.Record]
	backfills *bucket[schema.Backfill]
	leases    *bucket[string]
	heard     time.Time // when a bridge last renewed or gave back a lease to poll, by our clock; zero where that is not known
	notes     *bucket[Note]
	exports   *exports
	sensors   *sensors
	alarms    alarms
	silences  map[string]Silence // by subject
	fleet     *fleet             // nil while nothing is known
	feeds     map[schema.Feed]*feed
	summed    map[schema.Feed]Feed // of the records
	stale     bool                 // a record is not in it yet
	dirty     bool                 // something is not in the picture yet
	status    Status
	recent    *view // what the streams hold now, nil while nobody has asked
	changed   chan struct{}
	waiting   map[string]error // what has not been read completely yet, and why
	complete  chan struct{}    // closed when there is no more of it and the picture has been drawn
	completed bool
	blind     map[string]blindness // what cannot be read although there is a connection, by its name
}

// Config is what a Board looks at.
type Config struct {
	Names publish.Names
	Feeds []schema.Feed // of rows
	Fleet bool          // the feed of the fleet is run, too
	// History is how much of the live readings that are stored it begins with, counted back from the newest, 0 = an hour. It
	// begins with 100,000 at most.
	History time.Duration
	// Consumers asks how many the account allows of a stream, 0 = any: some of them are left for those who store. Nil = any.
	Consumers func(context.Context) int
	// Alone: nobody else can be on the broker: no bridge is running.
	Alone bool

	Timings Timings
}

// Timings are how long a Board waits. Zero is the default.
type Timings struct {
	Draw   time.Duration // between two drawings of the picture at least; default 500ms
	Blind  time.Duration // for which something cannot be read before the picture says so; default a minute
	Follow tail.Timings
}

// feed is what is known of a feed from the streams.
type feed struct {
	newest  time.Time
	delays  delays
	rejects rejects
}

// errAnotherPage: a record stands under a key that is not its own.
var errAnotherPage = errors.New("the record is of another page")

// New makes a Board that nothing is known to yet.
func New(js jetstream.JetStream, config Config) *Board {
	config.History = cmp.Or(config.History, time.Hour)
	b := &Board{
		js: js, config: config, most: mostRead, sensors: newSensors(), alarms: newAlarms(), feeds: map[schema.Feed]*feed{}, dirty: true, stale: true,
		changed: make(chan struct{}), complete: make(chan struct{}), waiting: map[string]error{}, blind: map[string]blindness{}, summed: map[schema.Feed]Feed{},
		exports: newExports(config.Names),
		records: newBucket(config.Names.Checkpoints(), parseRecord),
		backfills: newBucket(config.Names.Backfills(), func(_ string, data []byte) (w schema.Backfill, err error) {
			err = json.Unmarshal(data, &w)
			return w, err
		}),
		leases: newBucket(config.Names.Leases(), func(_ string, data []byte) (string, error) {
			return words.Shortened(lease.Owner(data), longestText), nil
		}),
	}
	b.notes = newBucket(config.Names.Requests(), parseNote)
	for _, name := range config.Feeds {
		b.feeds[name] = &feed{}
	}
	b.draw(time.Now())
	return b
}

// Read returns what a Board shows once it is ready. It fails with what was in the way when ctx ends before.
func Read(ctx context.Context, js jetstream.JetStream, config Config) (Status, Recent, error) {
	config.Timings.Draw = cmp.Or(config.Timings.Draw, 20*time.Millisecond) // it is drawn once
	b := New(js, config)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return b.Run(both) })
	err := b.Ready(ctx)
	stop()
	_ = group.Wait() // it ends because it was stopped
	return b.Status(), b.Recent(""), err
}

// Run keeps the picture up to date until ctx ends, whose error it returns. It needs the rights to look a stream up and to
// make, use and remove consumers. While something cannot be read, the last picture of it stays.
func (b *Board) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	list := b.follows()
	most := 0
	if b.config.Consumers != nil {
		most = b.config.Consumers(ctx)
	}
	for _, f := range list {
		f.MaxConsumers, f.Timings = most, b.config.Timings.Follow
		group.Go(func() error { return f.Run(ctx, b.js) })
	}
	group.Go(func() error {
		tick := time.NewTicker(cmp.Or(b.config.Timings.Draw, 500*time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				b.redraw(now)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return group.Wait()
}

// Ready waits until the picture is complete for the first time. If ctx ends before, the error names what is missing.
func (b *Board) Ready(ctx context.Context) error {
	select {
	case <-b.complete:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		missing := []error{ctx.Err()}
		for _, err := range b.waiting {
			if err != nil {
				missing = append(missing, err)
			}
		}
		return errors.Join(missing...)
	}
}

// Status is how the bridge stands now.
func (b *Board) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.status
	s.At = time.Now().UTC()
	return s
}

// Changed is closed when something is new, once between two drawings; then it is another channel.
func (b *Board) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *Board) rejects() []Reject {
	list := []Reject{}
	for _, f := range b.feeds {
		for _, r := range f.rejects.list {
			list = append(list, r.Reject)
		}
	}
	slices.SortStableFunc(list, func(x, y Reject) int { return cmp.Or(y.At.Compare(x.At), cmp.Compare(x.Row, y.Row)) })
	return list[:min(maxRejects, len(list))]
}

// redraw draws the picture anew if something has changed, and closes Changed.
func (b *Board) redraw(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.status.Feeds { // a lease ends without a word
		b.dirty = b.dirty || f.Leader != leader(b.leases, leaseKey(f.Feed), now)
		b.dirty = b.dirty || f.Export != nil && b.exports.of(f.Feed, now) == nil
	}
	b.dirty = b.dirty || b.status.NoBridge != b.noBridge(now)
	if b.dirty {
		b.draw(now)
		close(b.changed)
		b.changed = make(chan struct{})
	}
	if len(b.waiting) == 0 && !b.completed {
		b.completed = true
		close(b.complete)
	}
}

// goneAfter is how long no bridge is heard of before none is running: after a kill the next one polls within twelve seconds.
const goneAfter = 20 * time.Second

// noBridge reports whether no bridge is running. It is not known where one polls without a lease, or none ever had one.
func (b *Board) noBridge(now time.Time) bool {
	if b.config.Alone {
		return true
	}
	return !b.unleased(now) && !b.led(now) && !b.heard.IsZero() && now.Sub(b.heard) > goneAfter
}

// unleased reports whether a bridge polls without a lease.
func (b *Board) unleased(now time.Time) bool {
	for _, e := range b.notes.entries {
		if e.value.Unleased && now.Sub(e.at) < unleasedFor {
			return true
		}
	}
	return false
}

// led reports whether a bridge has the lease to poll any of these feeds, or of all where none is named.
func (b *Board) led(now time.Time, feeds ...schema.Feed) bool {
	if len(feeds) == 0 {
		feeds = publish.StreamFeeds
	}
	return slices.ContainsFunc(feeds, func(feed schema.Feed) bool { return leader(b.leases, leaseKey(feed), now) != "" })
}

// left reports whether a note is about a feed that nobody polls any more, while bridges poll others.
func (b *Board) left(n Note, now time.Time) bool {
	return n.Feed != "" && !b.led(now, n.Feed) && b.led(now) && !b.unleased(now)
}

func leaseKey(feed schema.Feed) string { return lease.Key(string(feed), lease.Leader) }

// draw makes the status of what is known.
func (b *Board) draw(now time.Time) {
	s := Status{Backfills: sumUpBackfills(b.backfills, now), Vendor: b.sumUpNotes(now, false), Bridge: b.sumUpNotes(now, true), Feeds: []Feed{}, fleet: b.config.Fleet}
	s.NoBridge, s.Silent = b.noBridge(now), sumUpSilences(b.silences, b.fleet)
	s.Fleet = b.fleet.sumUp()
	if !b.heard.IsZero() {
		heard := b.heard.UTC()
		s.Heard = &heard
	}
	s.Bridge = append(s.Bridge, b.unread(now)...)
	for _, name := range b.config.Feeds {
		if b.stale {
			b.summed[name] = sumUp(name, b.records.entries, now)
		}
		f, known := b.summed[name], b.feeds[name]
		if newest := known.newest; !newest.IsZero() {
			f.Newest = &newest
		}
		f.RejectedAt = known.rejects.newest()
		f.Lateness = known.delays.lateness()
		f.Leader = leader(b.leases, leaseKey(name), now)
		f.Export = b.exports.of(name, now)
		s.Feeds = append(s.Feeds, f)
	}
	b.status, b.recent, b.dirty, b.stale = s, nil, false, false
}

// follows lists all that a Board follows. What each hands out is taken over under the lock.
func (b *Board) follows() []*tail.Follow {
	list := []*tail.Follow{
		followBucket(b, b.config.Names.Checkpoints(), b.records, &b.stale),
		followBucket(b, b.config.Names.Backfills(), b.backfills, nil),
		b.followLeases(),
		followBucket(b, b.config.Names.Requests(), b.notes, nil),
		b.exports.follow(b),
		b.followHealth(),
		b.followFleet(),
	}
	for _, name := range b.config.Feeds {
		list = append(list, b.followEvents(name), b.followRejects(name))
	}
	for _, f := range list {
		b.watch(f)
	}
	return list
}

// watch keeps count of what has been read completely, and takes messages over under the lock.
func (b *Board) watch(f *tail.Follow) {
	name := f.Stream + " " + strings.Join(f.Filters, " ")
	b.mu.Lock()
	b.waiting[name] = nil
	b.mu.Unlock()
	each, complete := f.Each, f.Complete
	f.Each = func(m tail.Message) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.dirty = true
		delete(b.blind, name)
		return each(m)
	}
	f.Complete = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.dirty = b.dirty || b.blind[name].err != nil
		delete(b.blind, name)
		delete(b.waiting, name)
		if complete != nil {
			complete()
		}
	}
	f.Failed = func(err error) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, waiting := b.waiting[name]; waiting {
			b.waiting[name] = err
		}
		b.failed(name, f.Stream, err)
		return nil
	}
}

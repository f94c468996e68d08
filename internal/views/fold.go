package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Fold keeps in a bucket what the events of a stream come to when they are taken one after the other: each key shows one of them, in
// the JSON format of CloudEvents. It follows the stream, whoever stores there. Wake may be called by many goroutines, and Keep by one
// at a time.
type Fold struct {
	keeper

	source  *checkpoint.Stream
	bucket  *bucket
	batches *publish.Batches
	events  folding

	// Of the goroutine that keeps the view.
	stale  bool                // all has to be read again
	reread bool                // what the bucket shows has to be
	next   uint64              // the events before it are taken
	at     checkpoint.Position // of the last message that was seen of them
	seen   seen
	have   map[string]mark    // what the bucket shows; seq is 0 for what is not an event's
	sums   map[string]valueOf // of what keys have shown
	seed   maphash.Seed
}

// valueOf is what the value of an event is compared by.
type valueOf struct{ seq, sum uint64 }

// folding is what the events of a stream come to.
type folding interface {
	// rebuild forgets all, and takes the events that a stream holds, and what the bucket shows of events before them. Of the keys
	// that the bucket shows it is handed over what they show.
	rebuild(ctx context.Context, shown map[string]shownCell, removed removedCells, state jetstream.StreamState) error
	// take takes an event over that was stored behind all that were taken before.
	take(e checkpoint.StoredEvent)
	// settle finds out what keys show after events were taken that stand before a sequence.
	settle(ctx context.Context, until uint64) error
	// shows calls each with every key and the sequence of the event that it shows.
	shows(each func(key string, seq uint64))
	// event returns the event that a key shows, if that is still at hand. One that was released is not.
	event(key string) (e checkpoint.StoredEvent, found bool)
	release(key string)
}

// removedCells reads what a bucket shows of events that stand before a sequence, and calls each with it.
type removedCells func(ctx context.Context, first uint64, each func(key string, c cell)) error

func newFold(source *checkpoint.Stream, into *bucket, events folding) *Fold {
	into.bulk = true
	return &Fold{
		keeper: newKeeper(into.js.Conn()), source: source, bucket: into, batches: publish.NewBatches(into.js, publish.BucketStream(into.config.Bucket)),
		events: events, stale: true, have: map[string]mark{}, sums: map[string]valueOf{}, seed: maphash.MakeSeed(),
	}
}

// Wake says that something was stored. It does not wait.
func (f *Fold) Wake() { f.wake() }

// Keep runs work, whose error it returns, and keeps the view right meanwhile: it reads the stream first, and in the end takes what is
// stored then. Work does not wait for it, and nothing that goes wrong with the bucket ends it.
func (f *Fold) Keep(ctx context.Context, work func(context.Context) error) error {
	return f.keepBeside(ctx, f, work)
}

func (f *Fold) begin() { f.stale = true }

func (f *Fold) look() {} // each step looks

// step takes what was stored, and writes what the bucket does not show, whoever writes it meanwhile. What it fails at is read again.
func (f *Fold) step(ctx context.Context) error {
	refused := f.nc.LastError()
	for try := 0; ; try++ {
		err := f.tryStep(ctx)
		if err == nil {
			return nil
		}
		f.reread = f.reread || try > 0 || !errors.Is(err, publish.ErrConflict)
		f.stale = f.stale || errors.Is(err, errGone)
		if !errors.Is(err, publish.ErrConflict) || try == maxConflicts {
			return refusal(f.nc, refused, err)
		}
		if err := pauseFor(ctx, try); err != nil { // a replica that lags shows what was there before
			return err
		}
	}
}

func (f *Fold) tryStep(ctx context.Context) error {
	for {
		there, err := f.read(ctx)
		if err != nil || !there {
			f.stale = true
			return err
		}
		if err := f.write(ctx); err != nil || f.next > f.seen.source.State.LastSeq {
			return err
		}
	}
}

// takenAtOnce is how many messages of the stream are taken before what they have changed is written: their events are in memory.
const takenAtOnce = 2000

// read takes what was stored, or the first of it, and what the bucket shows. There is nothing to show as long as the stream is not there.
func (f *Fold) read(ctx context.Context) (there bool, err error) {
	reconnects := f.nc.Stats().Reconnects
	stream, err := f.bucket.open(ctx)
	if err != nil {
		return false, err
	}
	info := stream.CachedInfo()
	f.stale = f.stale || reconnects != f.reconnects || another(f.seen.bucket, info) || info.State.Msgs < uint64(len(f.have))
	shown, err := f.shown(ctx, stream) // before the stream is looked at: what another leader shows stands there by then
	if err != nil {
		return false, err
	}
	source, err := f.source.Info(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err == nil && !f.stale {
		var lost bool
		if lost, err = f.lost(ctx, source); lost {
			f.stale = true
			shown, err = f.shown(ctx, stream)
		}
	}
	if err == nil {
		err = f.take(ctx, stream, shown, source.State)
	}
	if err == nil {
		err = f.judge(ctx, shown, source.State.FirstSeq)
	}
	if err != nil {
		return false, err
	}
	if f.next == source.State.LastSeq+1 {
		f.at = checkpoint.Position{Seq: source.State.LastSeq, At: source.State.LastTime}
	}
	f.seen.source, f.seen.bucket, f.reconnects, f.stale, f.reread = source, info, reconnects, false, false
	return true, nil
}

// lost reports whether the stream is not the one that was followed, or has lost its tail.
func (f *Fold) lost(ctx context.Context, source *jetstream.StreamInfo) (bool, error) {
	if cut(f.seen.source, source) {
		return true, nil
	}
	if f.at.Seq == 0 || f.at.Seq < source.State.FirstSeq || f.at == (checkpoint.Position{Seq: source.State.LastSeq, At: source.State.LastTime}) {
		return false, nil
	}
	stands, err := f.source.Stands(ctx, f.at)
	return !stands, err
}

// take takes the next events behind those that were taken, or all.
func (f *Fold) take(ctx context.Context, stream jetstream.Stream, shown map[string]shownCell, state jetstream.StreamState) error {
	if f.stale {
		clear(f.sums)
		f.next = state.LastSeq + 1
		return f.events.rebuild(ctx, shown, func(ctx context.Context, first uint64, each func(string, cell)) error {
			for key, was := range shown {
				if !was.there || was.seq == 0 || was.seq >= first {
					continue
				}
				c, err := f.bucket.get(ctx, stream, key)
				if err != nil {
					return err
				}
				if c.there && 0 < c.seq && c.seq < first {
					each(key, c)
				}
			}
			return nil
		}, state)
	}
	until := state.LastSeq + 1
	if len(shown) == 0 { // else all that another leader may have shown is taken first
		until = min(until, max(f.next, state.FirstSeq)+takenAtOnce)
	}
	err := f.source.EventsOn(ctx, f.source.EventSubject(), checkpoint.Since{Seq: f.next}, until, func(e checkpoint.StoredEvent) error {
		f.events.take(e)
		f.at = checkpoint.Position{Seq: e.Seq, At: e.At}
		return nil
	})
	if err != nil {
		return err
	}
	f.next = until
	return f.events.settle(ctx, until)
}

// shown reads what the bucket shows, or what of that others have written since it was looked at.
func (f *Fold) shown(ctx context.Context, stream jetstream.Stream) (map[string]shownCell, error) {
	if !f.stale && !f.reread {
		return f.others(ctx, stream)
	}
	clear(f.have)
	shown := map[string]shownCell{}
	f.seen.rev = stream.CachedInfo().State.LastSeq
	err := f.bucket.cells(ctx, func(key string, c cell) { shown[key] = f.shownOf(c) })
	return shown, err
}

// shownCell is what a key shows, of its value what it is compared by: the values of all keys take several times as much.
type shownCell struct {
	mark
	sum uint64
}

func (f *Fold) shownOf(c cell) shownCell { return shownCell{c.mark, maphash.Bytes(f.seed, c.data)} }

// others reads what others have written into the bucket since it was looked at, by key.
func (f *Fold) others(ctx context.Context, stream jetstream.Stream) (map[string]shownCell, error) {
	others := map[string]shownCell{}
	for f.seen.rev < stream.CachedInfo().State.LastSeq {
		key, is, err := f.bucket.after(ctx, stream, f.seen.rev+1)
		if err != nil || is.rev == 0 {
			return others, err
		}
		if is.rev != f.have[key].rev && literal(key) {
			others[key] = f.shownOf(is)
		}
		f.seen.rev = is.rev
	}
	return others, nil
}

// judge takes over what the bucket shows under keys, and whether that is right.
func (f *Fold) judge(ctx context.Context, shown map[string]shownCell, first uint64) error {
	if len(shown) == 0 {
		return nil
	}
	want := map[string]uint64{}
	f.events.shows(func(key string, seq uint64) { want[key] = seq })
	for key, c := range shown {
		right := c.there && c.seq > 0 && c.seq == want[key]
		if right && c.seq >= first { // one before was removed by retention, and is compared with nothing
			var err error
			if right, err = f.same(ctx, key, c); err != nil {
				return err
			}
		}
		if c.there && !right {
			c.seq = 0
		}
		f.have[key] = c.mark
	}
	return nil
}

// same reports whether a key shows the event that its sequence names.
func (f *Fold) same(ctx context.Context, key string, c shownCell) (bool, error) {
	known := f.sums[key]
	if known.seq != c.seq {
		value, err := f.value(ctx, key, c.seq)
		if err != nil {
			return false, err
		}
		f.remember(key, c.seq, value)
		known = f.sums[key]
	}
	if known.sum != c.sum {
		return false, nil
	}
	f.events.release(key)
	return true, nil
}

// remember takes over what an event that a key shows looks like.
func (f *Fold) remember(key string, seq uint64, value []byte) {
	f.sums[key] = valueOf{seq, maphash.Bytes(f.seed, value)}
}

// errGone: the stream is not what it was.
var errGone = errors.New("the event is no longer in the stream")

// value is what a key shows, of which the event stands at a sequence.
func (f *Fold) value(ctx context.Context, key string, seq uint64) ([]byte, error) {
	e, found := f.events.event(key)
	if !found {
		var err error
		if e, err = f.source.MessageAt(ctx, seq); err != nil {
			return nil, err
		}
		if e.Seq == 0 {
			return nil, fmt.Errorf("key %s, sequence %d: %w", key, seq, errGone)
		}
	}
	return schema.StructuredEvent(e.Header, e.Data)
}

// change is what a key has to show and does not.
type change struct {
	key     string
	seq     uint64 // of the event; of a key that is removed how far the stream was read
	removed bool
}

// changed returns what the bucket does not show as it should, the oldest first.
func (f *Fold) changed() (list []change) {
	want := map[string]bool{}
	f.events.shows(func(key string, seq uint64) {
		want[key] = true
		if have := f.have[key]; !have.there || have.seq != seq {
			list = append(list, change{key, seq, false})
		}
	})
	for key, have := range f.have {
		if have.there && !want[key] {
			list = append(list, change{key, f.next - 1, true})
		}
	}
	slices.SortFunc(list, func(x, y change) int { return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(x.key, y.key)) })
	return list
}

// writtenAtOnce is of how many keys the values are in memory at once.
const writtenAtOnce = 1000

// write writes what the bucket does not show as it should, under the expectation that nobody else has written a key meanwhile.
func (f *Fold) write(ctx context.Context) error {
	for list := range slices.Chunk(f.changed(), writtenAtOnce) {
		messages := make([]*nats.Msg, 0, len(list))
		for _, c := range list {
			e := Entry{Key: c.key, Seq: c.seq}
			if !c.removed {
				var err error
				if e.Value, err = f.value(ctx, c.key, c.seq); err != nil {
					return err
				}
				f.remember(c.key, c.seq, e.Value)
			}
			m := f.bucket.message(e)
			m.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(f.have[c.key].rev, 10))
			messages = append(messages, m)
		}
		err := f.batches.Store(ctx, messages, func(n int, last uint64) {
			f.wrote(list[:n], last)
			list = list[n:]
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// wrote takes over that keys were written, the last of them at a revision.
func (f *Fold) wrote(list []change, last uint64) {
	rev := last - uint64(len(list)) + 1
	if rev == f.seen.rev+1 { // nobody else has written since
		f.seen.rev = last
	}
	for _, c := range list {
		if c.removed {
			delete(f.sums, c.key)
		}
		f.have[c.key] = mark{rev: rev, seq: c.seq, there: !c.removed}
		f.events.release(c.key)
		rev++
	}
}

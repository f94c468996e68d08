package views

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

// Entry is what a view shows under a key.
type Entry struct {
	Key   string
	Value []byte // nil: nothing
	Seq   uint64 // of the stream's message that says so, 0: there is none
}

// Source is the stream that a view shows, as its leader has it. Its methods may be called by many goroutines.
type Source interface {
	// Info returns what the stream is and holds.
	Info(ctx context.Context) (*jetstream.StreamInfo, error)
	// Keys returns the keys that it has an entry for, in no order.
	Keys(ctx context.Context) ([]string, error)
	// Newest returns the newest entry of a key.
	Newest(ctx context.Context, key string) (Entry, error)
	// At returns the entry that stands at a sequence, without one where none does.
	At(ctx context.Context, seq uint64) (Entry, error)
}

// View keeps the keys of one source in a bucket. Put may be called by many goroutines, and Keep by one at a time.
type View struct {
	keeper

	source Source
	bucket *bucket

	mu      sync.Mutex
	pending map[string]Entry // those of a bulk source without values, which would be half of all memory at the first look
	shown   map[string]mark  // as far as known

	// Of the goroutine that keeps the view.
	looked bool // nothing has to be looked at before entries are written
	stale  bool // all keys have to be compared
	seen   seen
}

func newView(source Source, into *bucket) *View {
	return &View{source: source, bucket: into, keeper: newKeeper(into.js.Conn()), pending: map[string]Entry{}, shown: map[string]mark{}}
}

// Put has the view show an entry, unless the bucket shows a newer one. It does not wait.
func (v *View) Put(e Entry) {
	if v.rereads() {
		e.Value = nil
	}
	v.mu.Lock()
	if v.pending[e.Key].Seq <= e.Seq {
		v.pending[e.Key] = e
	}
	v.mu.Unlock()
	v.wake()
}

// Keep runs work, whose error it returns, and keeps the view right meanwhile: it compares all keys first, and in the end writes
// what is pending. Work does not wait for it, and nothing that goes wrong with the bucket ends it.
func (v *View) Keep(ctx context.Context, work func(context.Context) error) error {
	return v.keepBeside(ctx, v, work)
}

func (v *View) begin() { v.looked, v.stale = false, true }

func (v *View) look() { v.looked = false }

// step does all that there is to do. After an error everything is compared again.
func (v *View) step(ctx context.Context) (err error) {
	refused := v.nc.LastError()
	v.looked = v.looked && v.nc.Stats().Reconnects == v.reconnects
	defer func() {
		if err != nil {
			v.looked, v.stale = false, true
			err = refusal(v.nc, refused, err)
		}
	}()
	if !v.looked {
		there, err := v.lookAt(ctx)
		if err != nil || !there {
			return err
		}
	}
	for {
		e, found := v.next()
		if !found {
			return nil
		}
		if err := v.put(ctx, e); err != nil {
			return err
		}
		v.done(e)
	}
}

// rereads reports whether entries that are pending have to be read again.
func (v *View) rereads() bool {
	_, many := v.source.(bulk)
	return many
}

// next returns an entry that is pending.
func (v *View) next() (e Entry, found bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, e := range v.pending {
		return e, true
	}
	return e, false
}

// done forgets an entry that was pending, unless there is a newer one.
func (v *View) done(e Entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.pending[e.Key].Seq == e.Seq {
		delete(v.pending, e.Key)
	}
}

// put writes an entry over an older one, and settles what is not as simple.
func (v *View) put(ctx context.Context, e Entry) error {
	if v.rereads() {
		at, err := v.source.At(ctx, e.Seq)
		if err != nil {
			return err
		}
		if at.Key != e.Key {
			return v.settle(ctx, e.Key)
		}
		e = at
	}
	if have := v.shownAt(e.Key); have.seq < e.Seq {
		if err := v.write(ctx, e, have.rev); !jsapi.Conflict(err) {
			return err
		}
	}
	return v.settle(ctx, e.Key)
}

// write writes an entry if the key's last message still is the one with that revision.
func (v *View) write(ctx context.Context, e Entry, rev uint64) error {
	rev, err := v.bucket.write(ctx, e, rev)
	if err != nil {
		return err
	}
	v.note(e.Key, mark{rev, e.Seq, e.Value != nil})
	return nil
}

func (v *View) shownAt(key string) mark {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.shown[key]
}

func (v *View) note(key string, m mark) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shown[key] = m
}

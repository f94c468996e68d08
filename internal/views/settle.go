package views

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/sleep"
)

// atOnce is how many keys are compared at the same time.
const atOnce = 16

// compare settles all keys: those that the stream has an entry for, those that the bucket shows, and those that are pending.
func (v *View) compare(ctx context.Context, stream jetstream.Stream) error {
	all, err := v.toSettle(ctx, stream)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, key := range all {
		group.Go(func() error { return v.settleIn(ctx, stream, key) })
	}
	return group.Wait()
}

// toSettle returns the keys of which it is not known that they show what the stream holds.
func (v *View) toSettle(ctx context.Context, stream jetstream.Stream) ([]string, error) {
	if many, ok := v.source.(bulk); ok {
		return v.different(ctx, many)
	}
	held, err := v.source.Keys(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := v.bucket.keys(ctx, stream)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, key := range append(held, shown...) {
		all[key] = true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.shown)
	for key := range v.pending {
		all[key] = true
	}
	return slices.Collect(maps.Keys(all)), nil
}

// maxConflicts is how often a key is settled again because others write it.
const maxConflicts = 20

func (v *View) settle(ctx context.Context, key string) error {
	stream, err := v.bucket.open(ctx)
	if err != nil {
		return err
	}
	return v.settleIn(ctx, stream, key)
}

// settleIn makes a key show what the stream holds, whoever writes it meanwhile.
func (v *View) settleIn(ctx context.Context, stream jetstream.Stream, key string) error {
	for try := 0; ; try++ {
		err := v.trySettle(ctx, stream, key)
		if !jsapi.Conflict(err) || try == maxConflicts {
			return err
		}
		if err := pauseFor(ctx, try); err != nil { // a replica that lags shows what was there before
			return err
		}
	}
}

// pauseFor waits before a try that follows a conflict.
func pauseFor(ctx context.Context, try int) error {
	return sleep.For(ctx, rand.N(20*time.Millisecond)+time.Duration(try)*10*time.Millisecond)
}

func (v *View) trySettle(ctx context.Context, stream jetstream.Stream, key string) error {
	v.mu.Lock()
	pending := v.pending[key]
	v.mu.Unlock()
	have, err := v.bucket.get(ctx, stream, key)
	if err != nil {
		return fmt.Errorf("read key %s: %w", key, err)
	}
	want, err := v.wanted(ctx, have, pending, key)
	if err != nil {
		return err
	}
	if same := have.there == (want.Value != nil) && (!have.there || have.seq == want.Seq && bytes.Equal(have.data, want.Value)); same {
		v.note(key, have.mark)
	} else if err := v.write(ctx, want, have.rev); err != nil {
		return err
	}
	if pending.Seq > 0 {
		v.done(pending)
	}
	return nil
}

// wanted returns what has to be shown under a key, of which the bucket was read before.
func (v *View) wanted(ctx context.Context, have cell, pending Entry, key string) (Entry, error) {
	shown := Entry{key, have.data, have.seq}
	if !have.there {
		shown = Entry{Key: key}
	}
	newest, err := v.source.Newest(ctx, key)
	if err != nil || newest.Seq > 0 && newest.Seq >= shown.Seq {
		return newest, err
	}
	// The stream has no entry, or the bucket is ahead of it.
	info, err := v.source.Info(ctx)
	if err != nil {
		return Entry{}, err
	}
	removed := func(e Entry) bool { return newest.Seq == 0 && 0 < e.Seq && e.Seq < info.State.FirstSeq }
	switch {
	case removed(pending) && pending.Seq > shown.Seq && !v.rereads(): // before it was shown
		return pending, nil
	case removed(shown):
		return shown, nil
	case shown.Seq > 0:
		at, err := v.source.At(ctx, shown.Seq)
		if err != nil || at.Key == key && bytes.Equal(at.Value, shown.Value) { // it was stored a moment ago
			return shown, err
		}
	}
	return Entry{key, newest.Value, newest.Seq}, nil
}

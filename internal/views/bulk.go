package views

import (
	"context"
	"hash/maphash"
	"strings"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
)

// bulk is a source of many keys, whose entries are read at once.
type bulk interface {
	// All calls each with entries, oldest first: the newest of each key is among them.
	All(ctx context.Context, each func(Entry) error) error
}

// wantedCell is what a key has to show.
type wantedCell struct {
	seq   uint64
	there bool
	hash  uint64
}

// different returns the keys that the bucket does not show as the source has them, and takes over what it shows under the others.
func (v *View) different(ctx context.Context, source bulk) (keys []string, err error) {
	seed := maphash.MakeSeed()
	want := map[string]wantedCell{}
	err = source.All(ctx, func(e Entry) error {
		want[e.Key] = wantedCell{e.Seq, e.Value != nil, maphash.Bytes(seed, e.Value)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	clear(v.shown)
	v.mu.Unlock()
	err = v.bucket.cells(ctx, func(key string, c cell) {
		w := want[key]
		delete(want, key)
		if same := c.there == w.there && (!c.there || c.seq == w.seq && maphash.Bytes(seed, c.data) == w.hash); same {
			v.note(key, c.mark)
		} else {
			keys = append(keys, key)
		}
	})
	for key, w := range want {
		if w.there {
			keys = append(keys, key)
		}
	}
	return keys, err
}

// cells calls each with what stands in the bucket under each key, deleted ones among them.
func (b *bucket) cells(ctx context.Context, each func(key string, c cell)) error {
	stream := checkpoint.NewStream(b.js, publish.BucketStream(b.config.Bucket), "", "")
	return stream.LastOn(ctx, b.subject(b.prefix+">"), func(e checkpoint.StoredEvent) error {
		if key := b.key(e.Subject); literal(key) {
			each(strings.Clone(key), cellOfMessage(e.Seq, e.Header, e.Data))
		}
		return nil
	})
}

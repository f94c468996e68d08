package status

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/tail"
)

// bucket holds the entries of a KV bucket. A bucket that was made anew is gathered beside what the old one held, and takes its
// place when it is complete: the bridge fills it again within moments, and the picture does not flicker.
type bucket[T any] struct {
	prefix  string // of subjects
	parse   func(key string, data []byte) (T, error)
	life    time.Duration // of an entry, 0 = for ever
	entries map[string]entry[T]
	fresh   map[string]entry[T] // nil while there is nothing to gather
}

type entry[T any] struct {
	value T
	seq   uint64    // in the stream that the bucket shows; in the bucket itself where that shows none
	at    time.Time // stored, by the server's clock
	seen  time.Time // by ours
}

func newBucket[T any](name string, parse func(key string, data []byte) (T, error)) *bucket[T] {
	return &bucket[T]{prefix: "$KV." + name + ".", parse: parse, entries: map[string]entry[T]{}}
}

func (b *bucket[T]) begin(life time.Duration) {
	b.life, b.fresh = life, map[string]entry[T]{}
}

func (b *bucket[T]) complete() {
	if b.fresh != nil {
		b.entries, b.fresh = b.fresh, nil
	}
}

// take takes an entry over. What cannot be read leaves the one before it.
func (b *bucket[T]) take(m tail.Message) {
	key, ours := strings.CutPrefix(m.Subject(), b.prefix)
	if !ours {
		return
	}
	into := b.entries
	if b.fresh != nil {
		into = b.fresh
	}
	if removed(m) {
		delete(into, key)
		return
	}
	if value, err := b.parse(key, m.Data()); err == nil {
		into[key] = entry[T]{value, sequence(m), m.At, time.Now()}
	}
}

func sequence(m tail.Message) uint64 {
	if seq, err := strconv.ParseUint(m.Headers().Get(publish.SequenceHeader), 10, 64); err == nil {
		return seq
	}
	return m.Seq
}

// removed reports whether a message removes its key: deleted by somebody, or ended by the server.
func removed(m tail.Message) bool {
	header := m.Headers()
	if op := header.Get("KV-Operation"); op == "DEL" || op == "PURGE" {
		return true
	}
	return header.Get(jetstream.MarkerReasonHeader) != ""
}

package views

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/publish"
)

// bucket is the part of a KV bucket under a prefix of keys.
type bucket struct {
	js     jetstream.JetStream
	config jetstream.KeyValueConfig
	prefix string // of keys
	bulk   bool   // it takes atomic batches
}

// cell is what stands in a bucket under a key.
type cell struct {
	mark
	data []byte
}

// mark is a cell without its value.
type mark struct {
	rev   uint64 // of the key's last message, 0: there is none
	seq   uint64 // that it shows, 0: it does not say
	there bool   // it was not deleted
}

const subjects = "$KV."

// withTimeout bounds one request to NATS.
func (b *bucket) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.js.Options().DefaultTimeout)
}

func (b *bucket) subject(key string) string { return subjects + b.config.Bucket + "." + key }

// open looks the bucket up, and creates it if it is missing.
func (b *bucket) open(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	stream, err := b.js.Stream(ctx, publish.BucketStream(b.config.Bucket))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.make(ctx)
	}
	if err == nil {
		err = b.check(stream.CachedInfo().Config)
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", b.config.Bucket, err)
	}
	return stream, nil
}

func (b *bucket) make(ctx context.Context) (jetstream.Stream, error) {
	if b.bulk {
		return publish.MakeBatchBucket(ctx, b.js, b.config)
	}
	if _, err := publish.MakeBucket(ctx, b.js, b.config); err != nil {
		return nil, err
	}
	return b.js.Stream(ctx, publish.BucketStream(b.config.Bucket))
}

func (b *bucket) check(have jetstream.StreamConfig) error {
	if b.bulk {
		return CheckBatchBucket(have)
	}
	return CheckBucket(have)
}

// CheckBatchBucket is CheckBucket for the bucket of a view that many keys of change at once.
func CheckBatchBucket(have jetstream.StreamConfig) error {
	if err := CheckBucket(have); err != nil {
		return err
	}
	switch {
	case !have.AllowAtomicPublish:
		return fmt.Errorf("%w: it takes no atomic batches (allow_atomic)", publish.ErrBucketSettings)
	case have.MaxAge > 0:
		return fmt.Errorf("%w: its values expire (max_age)", publish.ErrBucketSettings)
	}
	return nil
}

// CheckBucket returns why an existing bucket of a view, by the stream behind it, is not written: an ErrBucketSettings of publish.
func CheckBucket(have jetstream.StreamConfig) error {
	switch {
	case len(have.Sources) > 0:
		return fmt.Errorf("%w: it is sourced, as older bridges made it", publish.ErrBucketSettings)
	case have.Mirror != nil || have.Sealed:
		return fmt.Errorf("%w: it is sealed or a mirror", publish.ErrBucketSettings)
	}
	return nil
}

// keys lists the keys that have a message, deleted ones among them.
func (b *bucket) keys(ctx context.Context, stream jetstream.Stream) ([]string, error) {
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(b.subject(b.prefix+">")))
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		if key := b.key(subject); literal(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// literal reports whether a key is one, and not a pattern that somebody has put there.
func literal(key string) bool { return !strings.ContainsAny(key, "*>") }

func (b *bucket) key(subject string) string { return strings.TrimPrefix(subject, b.subject("")) }

// get reads what stands under a key.
func (b *bucket) get(ctx context.Context, stream jetstream.Stream, key string) (cell, error) {
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	return cellOf(stream.GetLastMsgForSubject(ctx, b.subject(key)))
}

// after reads the first message of the bucket's part from a revision on.
func (b *bucket) after(ctx context.Context, stream jetstream.Stream, rev uint64) (key string, c cell, err error) {
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	m, err := stream.GetMsg(ctx, rev, jetstream.WithGetMsgSubject(b.subject(b.prefix+">")))
	if m != nil {
		key = b.key(m.Subject)
	}
	c, err = cellOf(m, err)
	return key, c, err
}

func cellOf(m *jetstream.RawStreamMsg, err error) (cell, error) {
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return cell{}, nil
	}
	if err != nil {
		return cell{}, err
	}
	return cellOfMessage(m.Sequence, m.Header, m.Data), nil
}

func cellOfMessage(rev uint64, header nats.Header, data []byte) cell {
	deleted := header.Get("KV-Operation") != "" || header.Get(jetstream.MarkerReasonHeader) != ""
	seq, _ := strconv.ParseUint(header.Get(publish.SequenceHeader), 10, 64) // somebody else has put it
	return cell{mark{rev, seq, !deleted}, data}
}

// write puts an entry, or deletes its key, if the key's last message has that revision. It returns the new one.
func (b *bucket) write(ctx context.Context, e Entry, rev uint64) (uint64, error) {
	ctx, cancel := b.withTimeout(ctx)
	defer cancel()
	ack, err := b.js.PublishMsg(ctx, b.message(e), jetstream.WithExpectLastSequencePerSubject(rev))
	if err != nil {
		return 0, fmt.Errorf("write key %s: %w", e.Key, err)
	}
	if ack.Stream != publish.BucketStream(b.config.Bucket) {
		return 0, fmt.Errorf("write key %s: somebody else answers in the place of the bucket: stream %q", e.Key, ack.Stream)
	}
	return ack.Sequence, nil
}

// message makes the message that puts an entry, or deletes its key.
func (b *bucket) message(e Entry) *nats.Msg {
	m := &nats.Msg{Subject: publish.KeySubject(b.js, b.config.Bucket, e.Key), Data: e.Value, Header: nats.Header{}}
	if e.Seq > 0 {
		m.Header.Set(publish.SequenceHeader, strconv.FormatUint(e.Seq, 10))
	}
	if e.Value == nil {
		m.Header.Set("KV-Operation", "DEL")
	}
	return m
}

package publish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// Sample is what an account has stored itself, by which it is known again. What stood on its pages before proves nothing: it
// may be ours.
type Sample struct {
	Day  string
	At   time.Time // of one of the events
	keys map[[12]byte]bool
}

// Has reports whether an event of this id belongs to the sample.
func (t *Sample) Has(id string) bool {
	entry := checkpoint.NewEntry(id, 0)
	return t.keys[[12]byte(entry[:])]
}

// manyRecords is how many records are read at once in search of a sample.
const manyRecords = 16

// Sample returns the newest sample of an account in a feed from before a moment; nil where the feed has none. What cannot be an
// event is none: any account may show the same garbage.
func (a *Accounts) Sample(ctx context.Context, feed schema.Feed, account string, before time.Time) (*Sample, error) {
	sample, err := a.sample(ctx, feed, account, before)
	if jsapi.HasCode(err, jetstream.JSErrCodeStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for rows of account %s: %w", account, err)
	}
	return sample, nil
}

func (a *Accounts) sample(ctx context.Context, feed schema.Feed, account string, before time.Time) (*Sample, error) {
	stream := a.stream(feed)
	book := checkpoint.NewBook(stream)
	days, err := book.Days(ctx)
	if err != nil {
		return nil, err
	}
	slices.Reverse(days)
	for some := range slices.Chunk(days, manyRecords) {
		records, err := book.Records(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Rows == 0 || r.Account != account {
				continue
			}
			batch, err := stream.LastBatch(ctx, r.Day, before)
			if err != nil {
				return nil, err
			}
			if batch != nil && batch.Account == account && !batch.At.IsZero() {
				return newSample(r.Day, batch), nil
			}
		}
	}
	return nil, nil
}

func newSample(day string, batch *checkpoint.Batch) *Sample {
	sample := &Sample{day, batch.At, make(map[[12]byte]bool, len(batch.Entries))}
	for _, entry := range batch.Entries {
		sample.keys[[12]byte(entry[:])] = true
	}
	return sample
}

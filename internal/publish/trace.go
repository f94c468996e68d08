package publish

import (
	"context"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Trace is what an account has left behind by which it is known again: a time at which an event is stored, and the page that
// has the ids of all events of that day.
type Trace struct {
	At   time.Time
	Page *checkpoint.Page
}

// manyRecords is how many records are read at once in search of a trace.
const manyRecords = 16

// Trace returns the newest trace of an account in a feed from before a moment; nil where the feed has none. What cannot be an
// event is none: any account may show the same garbage.
func (a *Accounts) Trace(ctx context.Context, feed schema.Feed, account string, before time.Time) (*Trace, error) {
	trace, err := a.trace(ctx, feed, account, before)
	if hasCode(err, codeStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for rows of account %s: %w", account, err)
	}
	return trace, nil
}

func (a *Accounts) trace(ctx context.Context, feed schema.Feed, account string, before time.Time) (*Trace, error) {
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
			at, err := stream.LastEvent(ctx, r.Day, before)
			if err != nil {
				return nil, err
			}
			if at.IsZero() {
				continue
			}
			page, err := book.Page(ctx, r.Day)
			return &Trace{at, page}, err
		}
	}
	return nil, nil
}

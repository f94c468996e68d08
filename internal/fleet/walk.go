package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Source is whoever the fleet is read from, a *saveris.Client.
type Source interface {
	Snapshot(ctx context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error)
}

// Walker looks at the fleet. One goroutine at a time may use it.
type Walker struct {
	// Licence is for how long a kind that the vendor refuses (saveris.ErrForbidden) is left alone, while the others are looked at; 0 = it
	// is asked for in each look. Its Look has the refusal meanwhile.
	Licence time.Duration

	source  Source
	known   *Inventory
	refused map[Kind]*refusal
	seen    map[Kind]time.Time // when was asked for the newest look
}

// refusal is what is known of a kind that the vendor refuses, or has refused.
type refusal struct {
	tries saveris.Refusals
	err   error // nil where he does not
	until time.Time
}

// NewWalker returns one that looks with what is known in mind: where there were things before, an answer without any is asked for
// twice, see saveris.SnapshotQuery.
func NewWalker(s Source, known *Inventory) *Walker {
	return &Walker{source: s, known: known, refused: map[Kind]*refusal{}, seen: map[Kind]time.Time{}}
}

// Know has it look with something else in mind.
func (w *Walker) Know(known *Inventory) { w.known = known }

// Look is what was seen of one kind at one time.
type Look struct {
	Kind     Kind
	At       time.Time     // when it was asked for, by the vendor's clock
	Route    saveris.Route // how it came, and by which path
	Endpoint string
	Rows     int
	Things   int
	// Err is why the kind could not be read (saveris.ErrForbidden: the licence lacks it), or not as a whole: then nothing of it counts
	// as gone.
	Err error

	things []*object
	cover  *coverage
}

// Look reads all kinds, one after the other in the order of schema.FleetKinds, and hands over what it has seen of each. A kind
// that cannot be read stops no other, and has its error. Look itself fails only where ctx ends, the vendor refuses the login
// (saveris.ErrRefused that is no ErrForbidden), or each fails, whose error is returned as it is.
func (w *Walker) Look(ctx context.Context, each func(Look) error) error {
	for _, kind := range schema.FleetKinds {
		seen := w.kind(ctx, kind)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(seen.Err, saveris.ErrRefused) && !errors.Is(seen.Err, saveris.ErrForbidden) {
			return seen.Err
		}
		if err := each(seen); err != nil {
			return err
		}
	}
	return nil
}

func (w *Walker) kind(ctx context.Context, kind Kind) Look {
	if w.refused[kind] == nil {
		w.refused[kind] = &refusal{}
	}
	refused := w.refused[kind]
	if refused.err != nil && time.Now().Before(refused.until) {
		return Look{Kind: kind, Err: refused.err}
	}
	r := newReader(kind)
	ans, err := w.source.Snapshot(ctx, saveris.SnapshotQuery{Feed: sources[kind].feed, RowsExpected: w.known.Len(kind) > 0, NewerThan: w.seen[kind]}, r.row)
	if refused.err = nil; err == nil || errors.Is(err, saveris.ErrForbidden) {
		if refused.tries.Confirm(err) {
			refused.err, refused.until = err, time.Now().Add(w.Licence)
		}
	}
	if err != nil {
		return Look{Kind: kind, Err: err}
	}
	w.seen[kind] = ans.AskedAt
	cover := coverageOf(kind, ans.Endpoint)
	cover.add(r.seen)
	seen := Look{Kind: kind, At: ans.AskedAt, Route: ans.Route, Endpoint: ans.Endpoint, Rows: r.rows, things: r.done(), cover: cover}
	seen.Things = len(seen.things)
	if err := w.known.halfRead(seen, r.strange); err != nil {
		seen.Err = fmt.Errorf("%s from %s is %w: %w", sources[kind].feed, ans.Endpoint, saveris.ErrNotUnderstood, err)
	}
	if r.odd > 0 {
		seen.Err = fmt.Errorf("%d of %d rows of %s from %s are %w, the first one: %w", r.odd, r.rows, sources[kind].feed, ans.Endpoint, saveris.ErrNotUnderstood, r.reason)
	}
	return seen
}

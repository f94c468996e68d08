package poller

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/sleep"
)

// Backlog yields what is not covered of a range, oldest first, and ends. Several lines carry its windows at the same time,
// each with a Plan of its own, see Share; windows that are under way are nobody else's. Because it asks the stream
// what is covered whenever it is asked for a window, it goes on where whoever was here before has stopped.
type Backlog struct {
	checkpoint.Span // what is to be covered; its end must not lie in the vendor's future
	Rows            int
	Now             Clock
	Covered         Coverage
	// Leases says which days are this worker's, so that others at the same range take other days. nil = all of them.
	Leases Leases
	// Excluded is what is not read: days that are left alone, gap or not (Err nil), and what is found on the way, days that
	// retention has removed (ErrRemoved) and windows that cannot be had (all others).
	Excluded []Exclusion
	// Removed returns which days within a span retention has removed from the stream: asked for when something is a gap again
	// that had been read. nil = none.
	Removed func(ctx context.Context, span checkpoint.Span) ([]checkpoint.Span, error)
	// ReadSince makes a gap of what was read before it, for whoever wants covered intervals read again; zero = nothing.
	ReadSince time.Time
	// Again says that Covered returns what need not be read, and not what is covered: nothing is lost where it returns less.
	Again bool
	// First are windows that are asked for before others, where they are still gaps: their exports may be under way.
	First []checkpoint.Span
	// OnWait is called when a line begins to wait for other workers; may be nil.
	OnWait func()
	// Yield waits while live polling needs the vendor more; nil = never.
	Yield func(ctx context.Context) error

	mu     sync.Mutex
	began  time.Time // what lies before it is covered
	shares []*share
	width  width
	read   int // windows
	failed map[checkpoint.Span]failure
	done   []checkpoint.Span // has been read
}

// Leases parts days among workers. A lease that has been lost unnoticed costs double work and nothing else: the commit is
// fenced by itself.
type Leases interface {
	// Take reports whether a day is ours from now on, or was already.
	Take(ctx context.Context, day string) (bool, error)
	// Release releases days unless keep reports that there is still something to do on them.
	Release(ctx context.Context, keep func(day string) bool) error
}

// share is one line's part in a Backlog.
type share struct {
	*Backlog
	taken checkpoint.Span // under way; empty if none is
}

// Share returns a plan for one more line.
func (b *Backlog) Share() Plan {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &share{Backlog: b}
	b.shares = append(b.shares, s)
	return s
}

// leaseWait is how long a line waits that finds only days of other workers.
const leaseWait = time.Second

// lookahead is how much of the range is looked at in one go.
const lookahead = 2 * maxWindow

// Next returns the next window that nobody has taken. Where other workers have all days that are left it waits: one of them
// may die. It ends when there is nothing left, or nothing but what other lines of this worker have under way.
func (s *share) Next(ctx context.Context) (Window, error) {
	for reported := false; ; reported = true {
		if s.Yield != nil {
			if err := s.Yield(ctx); err != nil {
				return Window{}, err
			}
		}
		span, othersHave, err := s.next(ctx, s)
		if err != nil {
			return Window{}, err
		}
		if !span.Empty() {
			return Window{Span: span, Reason: ReasonBackfill, Background: true}, nil
		}
		if !othersHave {
			return Window{}, io.EOF
		}
		if s.OnWait != nil && !reported {
			s.OnWait()
		}
		if err := sleep.For(ctx, leaseWait); err != nil {
			return Window{}, err
		}
	}
}

// next takes a window for a share; what the share had before is done or has failed. An empty one says that there is none
// at present, and othersHave that other workers have some.
func (b *Backlog) next(ctx context.Context, s *share) (span checkpoint.Span, othersHave bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.taken = checkpoint.Span{}
	now, err := b.Now(ctx)
	if err != nil {
		return checkpoint.Span{}, false, err
	}
	for from := later(b.From, b.began); from.Before(b.Until); from = from.Add(lookahead) {
		piece := b.Cut(from, from.Add(lookahead))
		gaps, err := b.gaps(ctx, piece, now, false)
		if err != nil {
			return checkpoint.Span{}, false, err
		}
		if len(gaps) == 0 && !from.After(later(b.From, b.began)) {
			b.began = piece.Until
		}
		if err := b.release(ctx, piece, gaps); err != nil {
			return checkpoint.Span{}, false, err
		}
		span, others, err := b.take(ctx, b.free(gaps))
		if err != nil {
			return checkpoint.Span{}, false, err
		}
		if !span.Empty() && b.Leases != nil { // another worker may have read it before the day became ours
			left, err := b.gaps(ctx, span, now, false)
			if err != nil {
				return checkpoint.Span{}, false, err
			}
			if len(left) == 0 {
				from = from.Add(-lookahead) // once more
				continue
			}
			span = grow(left[0])
		}
		if !span.Empty() {
			s.taken = span
			return span, false, nil
		}
		othersHave = othersHave || others
	}
	return checkpoint.Span{}, othersHave, nil
}

// gaps returns what is to be read within a piece, whoever may have it under way; all = what is quarantined too.
func (b *Backlog) gaps(ctx context.Context, piece checkpoint.Span, now time.Time, all bool) ([]checkpoint.Span, error) {
	covered, err := b.Covered(ctx, piece)
	if err != nil {
		return nil, err
	}
	if err := b.notice(ctx, piece, covered); err != nil {
		return nil, err
	}
	covered = slices.DeleteFunc(withoutFuture(covered, now), func(iv checkpoint.Interval) bool { return iv.ReadAt.Before(b.ReadSince) })
	gaps := checkpoint.Gaps(covered, piece.From, piece.Until)
	if !b.ReadSince.IsZero() {
		gaps = CutOut(gaps, b.done...)
	}
	for _, x := range b.Excluded {
		if !x.quarantined() || !all {
			gaps = CutOut(gaps, x.Span)
		}
	}
	return gaps, nil
}

// free returns what no line has under way.
func (b *Backlog) free(gaps []checkpoint.Span) []checkpoint.Span {
	for _, s := range b.shares {
		if !s.taken.Empty() {
			gaps = CutOut(gaps, s.taken)
		}
	}
	return gaps
}

// take returns the first window of the gaps on days that are ours.
func (b *Backlog) take(ctx context.Context, gaps []checkpoint.Span) (span checkpoint.Span, othersHave bool, err error) {
	for i := 0; i < len(b.First); i++ {
		first := b.First[i]
		if !slices.ContainsFunc(gaps, func(gap checkpoint.Span) bool { return !first.From.Before(gap.From) && !first.Until.After(gap.Until) }) {
			continue
		}
		b.First = slices.Delete(b.First, i, i+1)
		if span, err = b.ours(ctx, first); err != nil || span == first {
			return span, false, err
		}
		i--
	}
	for len(gaps) > 0 {
		span, err = b.ours(ctx, b.width.first(gaps[0]))
		if err != nil {
			return checkpoint.Span{}, false, err
		}
		if !span.Empty() {
			return grow(span), false, nil // onto another's day perhaps: a narrower one might bring nothing, and nobody would ask again
		}
		othersHave = true
		day, err := checkpoint.DaySpan(checkpoint.DayOf(gaps[0].From))
		if err != nil {
			return checkpoint.Span{}, false, err
		}
		gaps = CutOut(gaps, day)
	}
	return checkpoint.Span{}, othersHave, nil
}

// ours cuts a window at the first day that another worker has.
func (b *Backlog) ours(ctx context.Context, span checkpoint.Span) (checkpoint.Span, error) {
	if b.Leases == nil {
		return span, nil
	}
	for _, day := range span.Days() {
		ours, err := b.Leases.Take(ctx, day)
		if err != nil {
			return checkpoint.Span{}, err
		}
		if !ours {
			theirs, err := checkpoint.DaySpan(day)
			return span.Cut(span.From, theirs.From), err
		}
	}
	return span, nil
}

// release releases the days within a piece that need no more work.
func (b *Backlog) release(ctx context.Context, piece checkpoint.Span, gaps []checkpoint.Span) error {
	if b.Leases == nil {
		return nil
	}
	return b.Leases.Release(ctx, func(day string) bool {
		span, err := checkpoint.DaySpan(day)
		if err != nil || span.Cut(piece.From, piece.Until).Empty() {
			return true
		}
		on := func(s checkpoint.Span) bool { return !s.Cut(span.From, span.Until).Empty() }
		return slices.ContainsFunc(gaps, on) || slices.ContainsFunc(b.shares, func(s *share) bool { return on(s.taken) })
	})
}

// Done adapts the width of the next windows, and quarantines what cannot be had.
func (s *share) Done(w Window, rows int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width.learn(w.Width(), rows, s.Rows, err)
	if errors.Is(err, context.Canceled) {
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.read++
	delete(s.failed, w.Span)
	s.done = append(CutOut(s.done, w.Span), w.Span)
}

// left returns all that is still to be covered, what is quarantined included.
func (b *Backlog) left(ctx context.Context) ([]checkpoint.Span, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, err := b.Now(ctx)
	if err != nil {
		return nil, err
	}
	return b.gaps(ctx, b.Span, now, true)
}

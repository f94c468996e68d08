package lease

import (
	"context"
	"errors"
	"time"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/sleep"
)

// Leader is the name of the lease of whoever polls a feed. It stands beside the days of backfills.
const Leader = "live"

// leadTick is how often a candidate asks for the lease, and a leader looks whether it still has it.
const leadTick = 500 * time.Millisecond

// Lead runs work while the lease called name is ours, and stands by while it is another's, until ctx ends (its error is
// returned) or work ends by itself. The lease is released when work has ended, so that the next leader starts at once and
// not beside it. When another process has taken the lease, since this one was asleep or cut off, the context of work ends
// and Lead stands by again.
//
// At first it takes a lease that bears our own name without waiting for its end: the process that had it is the one that
// this one replaces. With force it takes anybody's. For as long as Yield wants, a free one is left to others. Where nobody
// can say who has the lease, for as long as one lives, it works without: two that work do no harm, none would.
//
// It fails with what Refuse returns for another's lease.
func (l *Leases) Lead(ctx context.Context, name string, force bool, work func(context.Context) error) error {
	l.takeOver(ctx, name, force)
	keep, release := context.WithCancel(context.WithoutCancel(ctx))
	kept := make(chan struct{})
	go func() { defer close(kept); l.Keep(keep) }()
	defer func() { release(); <-kept }()
	for {
		if err := l.await(ctx, name); err != nil {
			return err
		}
		if ousted, err := l.during(ctx, name, work); !ousted {
			return err
		}
	}
}

// takeOver takes a lease that is free, or in our name, or anybody's with force. If that fails, or Yield wants it, it is waited for.
func (l *Leases) takeOver(ctx context.Context, name string, force bool) {
	if !force && l.yield() > 0 {
		return
	}
	for range 9 { // it may be renewed just before it is replaced
		if ours, err := l.Take(ctx, name); ours || err != nil {
			return
		}
		if done := l.replaceFormer(ctx, name, force); done {
			return
		}
	}
}

// replaceFormer replaces a lease in our name, or anybody's with force, and reports whether it did, or it is not to be replaced.
func (l *Leases) replaceFormer(ctx context.Context, name string, force bool) (done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	other, there := l.others[name]
	switch {
	case !there: // it has become free
		return false
	case force || Owner(other.Value()) == l.owner:
		return l.replace(ctx, name, other)
	}
	return true
}

// await waits until the lease is ours, or nobody can say whose it is: for as long as one lives, or since the bucket is no
// place for leases.
func (l *Leases) await(ctx context.Context, name string) error {
	tick := time.NewTicker(leadTick)
	defer tick.Stop()
	var free time.Time // since when the lease is that is left to others
	for answered := time.Now(); ; {
		ours, err := l.takeOrYield(ctx, name, &free)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !ours && err == nil:
			if err := l.standBy(name); err != nil {
				return err
			}
			answered = time.Now()
		case ours, errors.Is(err, ErrLife), time.Since(answered) > l.life:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takeOrYield is Take, unless the lease is free and still left to others. Free is since when it is.
func (l *Leases) takeOrYield(ctx context.Context, name string, free *time.Time) (bool, error) {
	wait := l.yield()
	if wait == 0 {
		*free = time.Time{}
		return l.Take(ctx, name)
	}
	ours, taken, err := l.takeStale(ctx, name)
	switch {
	case jsapi.Missing(err): // Take makes the bucket again
	case ours, taken, err != nil:
		*free = time.Time{}
		return ours, err
	case free.IsZero():
		*free = time.Now()
		return false, nil
	case time.Since(*free) < wait:
		return false, nil
	}
	return l.Take(ctx, name)
}

func (l *Leases) yield() time.Duration {
	if l.Yield == nil {
		return 0
	}
	return l.Yield()
}

// standBy reports whose the lease is that is another's. It fails where that one is not waited for.
func (l *Leases) standBy(name string) error {
	l.mu.Lock()
	entry, there := l.others[name]
	l.mu.Unlock()
	if !there {
		return nil
	}
	if l.Refuse != nil {
		if err := l.Refuse(entry.Value()); err != nil {
			return err
		}
	}
	if l.OnStandby != nil {
		l.OnStandby(Owner(entry.Value()))
	}
	return nil
}

// errOusted is why work ends when the lease has become another's.
var errOusted = errors.New("another process has the lease")

// during runs work until it ends or the lease is another's, and reports whether that is why.
func (l *Leases) during(ctx context.Context, name string, work func(context.Context) error) (ousted bool, err error) {
	term, end := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		l.watch(term, name, func() { end(errOusted) })
	}()
	err = work(term)
	end(nil)
	<-watched
	return ctx.Err() == nil && errors.Is(context.Cause(term), errOusted), err
}

// watch calls ousted once the lease is another's, and returns then or when ctx ends. Where nobody can say, it asks less often.
func (l *Leases) watch(ctx context.Context, name string, ousted func()) {
	for wait := leadTick; ; {
		if sleep.For(ctx, wait) != nil {
			return
		}
		ours, err := l.Take(ctx, name)
		if err == nil && !ours {
			ousted()
			return
		}
		if ours && l.OnHeld != nil {
			l.OnHeld()
		}
		if wait = leadTick; err != nil {
			wait = l.life
		}
	}
}

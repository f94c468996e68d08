package publish

import (
	"context"
	"errors"
	"time"

	"saveris-bridge/internal/sleep"
)

// Polling is the name of the lease of whoever polls a feed. It stands beside the days of backfills.
const Polling = "live"

// leadTick is how often one that stands by asks for the lease, and one that leads looks whether it still has it.
const leadTick = 500 * time.Millisecond

// Lead runs work while the lease called name is ours, and stands by while it is another's, until ctx ends (its error is
// returned) or work ends by itself. The lease is given back when work has ended, so that the next one starts at once and
// not beside it. When another process has taken the lease, since this one was asleep or cut off, the context of work ends
// and Lead stands by again.
//
// At first it takes a lease that bears our own name without waiting for its end: the process that had it is the one that
// this one replaces. With force it takes anybody's. Where nobody can say who has the lease, for as long as one lives, it
// works without: two that work do no harm, none would.
//
// It never stands by for another account, which reads other rows: then it fails with an AnotherAccount.
func (l *Leases) Lead(ctx context.Context, name string, force bool, work func(context.Context) error) error {
	l.inherit(ctx, name, force)
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

// inherit takes a lease that is free, or in our name, or anybody's with force. If that fails, it is waited for.
func (l *Leases) inherit(ctx context.Context, name string, force bool) {
	if ours, err := l.Take(ctx, name); ours || err != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	entry := l.others[name]
	if entry == nil || !force && LeaseOwner(entry.Value()) != l.owner {
		return
	}
	if revision, err := l.kv.Update(ctx, l.key(name), []byte(l.mark), entry.Revision()); err == nil {
		l.held[name] = revision
	}
}

// await waits until the lease is ours, or nobody can say whose it is: for as long as one lives, or since the bucket is no
// place for leases.
func (l *Leases) await(ctx context.Context, name string) error {
	tick := time.NewTicker(leadTick)
	defer tick.Stop()
	for answered := time.Now(); ; {
		ours, err := l.Take(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !ours && err == nil:
			if err := l.foreign(name); err != nil {
				return err
			}
			l.standsBy(name)
			l.answered()
			answered = time.Now()
		case ours, errors.Is(err, ErrForeign), time.Since(answered) > leaseLife:
			l.answered()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answered notes that it is known who leads, or that nobody can say.
func (l *Leases) answered() {
	if l.Answered != nil {
		l.Answered()
	}
}

// standsBy notes whose the lease is that is another's.
func (l *Leases) standsBy(name string) {
	l.mu.Lock()
	entry := l.others[name]
	l.mu.Unlock()
	if l.StandsBy != nil && entry != nil {
		l.StandsBy(LeaseOwner(entry.Value()))
	}
}

// foreign returns an AnotherAccount where a lease that is another's is not of our account. One that bears no account is waited
// for.
func (l *Leases) foreign(name string) error {
	l.mu.Lock()
	entry := l.others[name]
	l.mu.Unlock()
	if entry == nil {
		return nil
	}
	value := entry.Value()
	if theirs := LeaseAccount(value); theirs != "" && !l.accounts.knows(theirs) {
		return l.accounts.ofLease(l.feed, value)
	}
	return nil
}

// errOusted is why work ends when the lease has become another's.
var errOusted = errors.New("another process has the lease")

// during runs work until it ends or the lease is another's, and tells whether that is why.
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
		if wait = leadTick; err != nil {
			wait = leaseLife
		}
	}
}

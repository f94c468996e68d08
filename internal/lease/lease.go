// Package lease parts work among processes by leases in a KV bucket: whoever creates a key has it, as long as it renews it.
//
// Leases save double work and nothing depends on them: two workers at one day are kept apart by the commit.
package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/jsapi"
)

// Life is how long the lease of a worker that has died keeps others away. The bucket's TTL has to be that.
const Life = 10 * time.Second

// ErrLife says that a bucket's keys live too short or too long for leases.
var ErrLife = errors.New("the bucket's ttl does not fit")

// Leases are those of one process in one feed. Many goroutines may use them; the hooks are set before that.
type Leases struct {
	// Refuse returns why the lease of another, which has this value, is not waited for; nil = every lease is.
	Refuse func(value []byte) error
	// Yield returns for how long the lease to lead, once it is free, is left to others, 0 = it is not; nil = never.
	Yield func() time.Duration
	// OnStandby is called, again and again, with the owner of the lease while another has it; nil = not at all.
	OnStandby func(owner string)
	// OnHeld is called, again and again, while the lease to lead is ours; nil = not at all.
	OnHeld func()

	open  func(context.Context) (jetstream.KeyValue, error)
	feed  string
	owner string
	mark  string // value of our keys: the owner, what distinguishes this process from others of that name, and the account
	life  time.Duration
	stale time.Duration // how long the lease of another is waited for that nobody renews

	mu     sync.Mutex
	kv     jetstream.KeyValue // nil until the bucket was opened
	held   map[string]uint64  // names, with the revision of their key
	others map[string]seen    // keys as they stood when they were looked at last
}

// seen is a key as it has stood since a moment, by our clock.
type seen struct {
	jetstream.KeyValueEntry
	since time.Time
}

// staleAfter is how long the lease of another is waited for that nobody renews. By then the broker has ended it, unless its clock was
// ahead when it was renewed last.
const staleAfter = 3 * Life

// New returns a feed's leases in the bucket that open returns: when the first lease is asked for, and again when somebody has
// removed the bucket. Open may create it, and fails with ErrLife where CheckLife does. Owner names the process for people and is
// one word, and so is account, "" = none.
func New(open func(context.Context) (jetstream.KeyValue, error), feed, owner, account string) *Leases {
	return &Leases{
		open: open, feed: feed, owner: owner, mark: strings.TrimSpace(owner + " " + rand.Text() + " " + account), life: Life, stale: staleAfter,
		held: map[string]uint64{}, others: map[string]seen{},
	}
}

// Owner returns whose lease a value in the bucket is.
func Owner(value []byte) string {
	owner, _, _ := strings.Cut(string(value), " ")
	return owner
}

// Account returns the account of whoever has a lease, "" where its value bears none: older builds wrote none.
func Account(value []byte) string {
	if words := strings.Fields(string(value)); len(words) > 2 {
		return words[2]
	}
	return ""
}

// Key is the key of a feed's lease.
func Key(feed, name string) string { return feed + "." + name }

// CheckLife returns an ErrLife for the TTL of a bucket in which the lease of a dead worker would stay for ever, or end while it works.
func CheckLife(ttl time.Duration) error {
	if ttl < Life || ttl > 6*Life {
		return fmt.Errorf("%w: it is %v, expected %v: remove the bucket, the bridge creates it again", ErrLife, ttl, Life)
	}
	return nil
}

func (l *Leases) key(name string) string { return Key(l.feed, name) }

// Take reports whether a lease is ours from now on, or was already.
func (l *Leases) Take(ctx context.Context, name string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ours := l.held[name]; ours {
		return true, nil
	}
	revision, err := l.create(ctx, name)
	if jsapi.Missing(err) { // somebody has removed the bucket
		l.kv = nil
		clear(l.held)
		revision, err = l.create(ctx, name)
	}
	if errors.Is(err, jetstream.ErrKeyExists) {
		return l.inherit(ctx, name)
	}
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", l.key(name), err)
	}
	l.held[name] = revision
	return true, nil
}

// takeStale takes a lease that is ours without our knowing, or another's that nobody renews, but none that is free. It reports
// whether it is ours, and whether it is anybody's.
func (l *Leases) takeStale(ctx context.Context, name string) (ours, taken bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.bucket(ctx); err != nil {
		return false, false, err
	}
	ours, err = l.inherit(ctx, name)
	_, taken = l.others[name]
	return ours, taken, err
}

// inherit is takeStale with the bucket open.
func (l *Leases) inherit(ctx context.Context, name string) (bool, error) {
	revision, ours, err := l.look(ctx, name)
	if ours {
		l.held[name] = revision
		return true, nil
	}
	if other, there := l.others[name]; there && time.Since(other.since) > l.stale {
		return l.replace(ctx, name, other), nil
	}
	return false, err
}

func (l *Leases) create(ctx context.Context, name string) (revision uint64, err error) {
	if err := l.bucket(ctx); err != nil {
		return 0, err
	}
	return l.kv.Create(ctx, l.key(name), []byte(l.mark))
}

// bucket opens the bucket, unless it is open.
func (l *Leases) bucket(ctx context.Context) (err error) {
	if l.kv == nil {
		if l.kv, err = l.open(ctx); err != nil {
			l.kv = nil
		}
	}
	return err
}

// look reports whether a key that is not as we knew it is ours all the same: the answer to our last request may have been lost.
func (l *Leases) look(ctx context.Context, name string) (revision uint64, ours bool, err error) {
	entry, err := l.kv.Get(ctx, l.key(name))
	since, before := time.Now(), l.others[name]
	delete(l.others, name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("lease %s: %w", l.key(name), err)
	}
	if before.KeyValueEntry != nil && before.Revision() == entry.Revision() {
		since = before.since
	}
	l.others[name] = seen{entry, since}
	return entry.Revision(), string(entry.Value()) == l.mark, nil
}

// replace makes the lease of another ours, and reports whether it did: it fails where that one stands there no more.
func (l *Leases) replace(ctx context.Context, name string, other seen) bool {
	revision, err := l.kv.Update(ctx, l.key(name), []byte(l.mark), other.Revision())
	if err == nil {
		l.held[name] = revision
	}
	return err == nil
}

// Try takes a lease on nothing, to find out whether the account may. Nobody keeps it, so it ends by itself; if somebody has
// it, the account may.
func (l *Leases) Try(ctx context.Context) error {
	const nothing = "nothing"
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.create(ctx, nothing); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("lease %s: %w", l.key(nothing), err)
	}
	return nil
}

// Release ends the leases that keep returns false for.
func (l *Leases) Release(ctx context.Context, keep func(name string) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, revision := range l.held {
		if keep(name) {
			continue
		}
		err := l.kv.Delete(ctx, l.key(name), jetstream.LastRevision(revision))
		if err != nil && !lost(err) && !jsapi.Missing(err) {
			return fmt.Errorf("release lease %s: %w", l.key(name), err)
		}
		delete(l.held, name)
	}
	return nil
}

// Keep renews what is held until ctx ends, and releases it then.
func (l *Leases) Keep(ctx context.Context) {
	tick := time.NewTicker(l.life / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.renew(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = l.Release(last, func(string) bool { return false }) // they end by themselves
			return
		}
	}
}

// renew forgets a lease that is not as we left it, or that has gone with the bucket: Take finds out whose it is. Any other
// failure may pass until the next time.
func (l *Leases) renew(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, revision := range l.held {
		revision, err := l.kv.Update(ctx, l.key(name), []byte(l.mark), revision)
		switch {
		case err == nil:
			l.held[name] = revision
		case lost(err), jsapi.Missing(err):
			delete(l.held, name)
		}
	}
}

// lost reports whether a key is not as we left it.
func lost(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || jsapi.HasCode(err, jetstream.JSErrCodeStreamWrongLastSequence)
}

package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// leaseLife is how long the lease of a worker that has died keeps others away.
const leaseLife = 10 * time.Second

// Leases parts the days of a feed among workers, in the KV bucket <prefix>-leases: who creates a key has it, as long as he
// renews it. They save double work and nothing depends on them: two workers at one day are kept apart by the commit. They
// may be used by many goroutines.
type Leases struct {
	js       jetstream.JetStream
	config   Config
	feed     schema.Feed
	owner    string
	mark     string    // value of our keys: the owner, what tells this process from others of that name, and the account
	accounts *Accounts // whose leases are waited for; nil = everybody's
	// Answered is called, again and again, when it is known who leads, or nobody can say; nil = not at all.
	Answered func()
	// StandsBy is called, again and again, with the owner of the lease while another has it; nil = not at all.
	StandsBy func(owner string)

	mu     sync.Mutex
	kv     jetstream.KeyValue                 // nil until the bucket was opened
	held   map[string]uint64                  // days, with the revision of their key
	others map[string]jetstream.KeyValueEntry // keys as they stood when they were looked at last
}

// NewLeases makes the leases of a process. The bucket is opened when the first one is asked for, and created if it is
// missing. Owner tells people who has a day, and is one word. Accounts may be nil.
func NewLeases(js jetstream.JetStream, config Config, feed schema.Feed, owner string, accounts *Accounts) *Leases {
	return &Leases{
		js: js, config: config, feed: feed, owner: owner, mark: strings.TrimSpace(owner + " " + newBatchID() + " " + accounts.Own()), accounts: accounts,
		held: map[string]uint64{}, others: map[string]jetstream.KeyValueEntry{},
	}
}

// LeaseOwner is whose lease a value in the bucket says that it is.
func LeaseOwner(value []byte) string {
	owner, _, _ := strings.Cut(string(value), " ")
	return owner
}

// LeaseAccount returns the account of whoever has a lease, "" where its value bears none: older builds wrote none.
func LeaseAccount(value []byte) string {
	if words := strings.Fields(string(value)); len(words) > 2 {
		return words[2]
	}
	return ""
}

func (l *Leases) open(ctx context.Context) error {
	name := l.config.Names.Leases()
	kv, err := l.js.KeyValue(ctx, name)
	switch {
	case err == nil:
		err = checkLife(ctx, kv)
	case errors.Is(err, jetstream.ErrBucketNotFound):
		kv, err = MakeBucket(ctx, l.js, jetstream.KeyValueConfig{ // fails where somebody else has made another one meanwhile
			Bucket: name, Description: "Saveris bridge: who works at what", TTL: leaseLife, Replicas: l.config.Replicas,
			MaxBytes: l.config.bucketBytes(leaseBytes),
		})
	}
	if err != nil {
		return fmt.Errorf("bucket %s: %w", name, err)
	}
	l.kv = kv
	return nil
}

// checkLife refuses a bucket in which the lease of a dead worker would stay for ever, or end while he works.
func checkLife(ctx context.Context, kv jetstream.KeyValue) error {
	status, err := kv.Status(ctx)
	if err != nil {
		return err
	}
	if ttl := status.TTL(); ttl < leaseLife || ttl > 6*leaseLife {
		return fmt.Errorf("%w: ttl is %v, expected %v: remove the bucket, the bridge creates it again", ErrForeign, ttl, leaseLife)
	}
	return nil
}

func (l *Leases) key(day string) string { return string(l.feed) + "." + day }

// Take reports whether a day is ours from now on, or was already.
func (l *Leases) Take(ctx context.Context, day string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ours := l.held[day]; ours {
		return true, nil
	}
	revision, err := l.create(ctx, day)
	if missing(err) { // somebody has removed the bucket
		l.kv = nil
		clear(l.held)
		revision, err = l.create(ctx, day)
	}
	if errors.Is(err, jetstream.ErrKeyExists) {
		revision, ours, err := l.look(ctx, day)
		if ours {
			l.held[day] = revision
		}
		return ours, err
	}
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", l.key(day), err)
	}
	l.held[day] = revision
	return true, nil
}

func (l *Leases) create(ctx context.Context, day string) (revision uint64, err error) {
	if l.kv == nil {
		if err := l.open(ctx); err != nil {
			return 0, err
		}
	}
	return l.kv.Create(ctx, l.key(day), []byte(l.mark))
}

// look reports whether a key that is not as we knew it is ours all the same: the answer to our last word may have been lost.
func (l *Leases) look(ctx context.Context, day string) (revision uint64, ours bool, err error) {
	entry, err := l.kv.Get(ctx, l.key(day))
	delete(l.others, day)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("lease %s: %w", l.key(day), err)
	}
	l.others[day] = entry
	return entry.Revision(), string(entry.Value()) == l.mark, nil
}

// missing reports whether there is no bucket any more.
func missing(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || hasCode(err, codeStreamNotFound)
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

// Release gives back the days that keep does not want to keep.
func (l *Leases) Release(ctx context.Context, keep func(day string) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for day, revision := range l.held {
		if keep(day) {
			continue
		}
		err := l.kv.Delete(ctx, l.key(day), jetstream.LastRevision(revision))
		if err != nil && !lost(err) && !missing(err) {
			return fmt.Errorf("give back lease %s: %w", l.key(day), err)
		}
		delete(l.held, day)
	}
	return nil
}

// Keep renews what is held until ctx ends, and gives it back then.
func (l *Leases) Keep(ctx context.Context) {
	tick := time.NewTicker(leaseLife / 3)
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
	for day, revision := range l.held {
		revision, err := l.kv.Update(ctx, l.key(day), []byte(l.mark), revision)
		switch {
		case err == nil:
			l.held[day] = revision
		case lost(err), missing(err):
			delete(l.held, day)
		}
	}
}

// lost reports whether a key is not as we left it.
func lost(err error) bool {
	return errors.Is(err, jetstream.ErrKeyExists) || hasCode(err, codeWrongLastSequence)
}

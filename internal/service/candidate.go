package service

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// candidate is a bridge that wants to lead a feed: the leader polls it, the others stand by. Nothing but effort depends on it.
type candidate struct {
	feed     schema.Feed
	work     func(context.Context) error // polls the feed and keeps its view, until ctx ends
	polled   func() time.Time            // when the last poll began that this process has stored; zero where none was
	embedded bool                        // on the embedded server, where nobody else is
	log      *slog.Logger
	leases   func() (*lease.Leases, error) // those that it was started with; the error says why it may have none
	try      func() (*lease.Leases, error) // asks anew for the same
	first    *candidate                    // it follows this one of the process, and asks for a lease when it is known who leads that one's feed; nil = it follows none

	onStart    func()      // called whenever it becomes the leader
	onEnd      func()      // called whenever it is the leader no more
	onUnleased func(error) // called with why it polls without a lease; with nil where it asks for one

	patience time.Duration // how long it yields
	again    time.Duration // how long it waits until it asks once more whether it may have leases

	settled chan struct{} // closed when it is known who leads
	settle  func()        // closes it
	leading atomic.Bool
	leader  string // whom it stands by for
	without bool   // it polls without a lease
}

func newCandidate(ctx context.Context, pipe *pipeline.Pipeline, feed schema.Feed, notes *notebook.Notes, log *slog.Logger) *candidate {
	settled := make(chan struct{})
	try := func() (*lease.Leases, error) { return pipe.TryLeases(ctx, feed, pipe.Name) }
	return &candidate{
		feed: feed, embedded: pipe.Settings.Embedded(), log: log, patience: yieldFor, again: leasesAgain,
		leases: pipeline.Soon(try), try: try, settled: settled, settle: sync.OnceFunc(func() { close(settled) }),
		onStart: func() { notes.Begin(feed) }, onEnd: func() { notes.End(feed) }, onUnleased: func(err error) { notes.Unleased(feed, err) },
	}
}

// run polls whenever this bridge leads, until ctx ends. Where the account may have no leases it always leads.
//
// On an embedded server it takes the lease at once: who has the store is not replaced by anybody.
//
// A lease or a page of another account ends it, unless the proof finds the account to be the same.
func (c *candidate) run(ctx context.Context, proof *poller.Proof) error {
	if c.first != nil {
		select {
		case <-c.first.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		err := c.campaign(ctx)
		var other *publish.AnotherAccount
		if !errors.As(err, &other) {
			return err
		}
		if err := proof.Admit(ctx, other); err != nil {
			return err
		}
	}
}

// followFirst has all candidates follow the first one. Two bridges that start at once ask for its lease before any other, so that of two
// accounts one goes on, and whoever leads the first feed leads the others: what the looks at the fleet find out goes to the lines of the
// rows, and what the rows name to the looks, within one process.
func followFirst(candidates map[schema.Feed]*candidate) {
	var first *candidate
	for _, feed := range publish.StreamFeeds {
		switch c := candidates[feed]; {
		case c == nil:
		case first == nil:
			first = c
		default:
			c.first = first
		}
	}
}

func (c *candidate) campaign(ctx context.Context) error {
	leases, err := c.leases()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused := errors.Is(err, nats.ErrPermissionViolation)
	if c.without = refused || errors.Is(err, publish.ErrBucketSettings); c.without { // all else may pass
		c.log.Warn("polling without a lease; a second bridge would do the same", "err", err)
		c.onUnleased(err)
	} else {
		c.onUnleased(nil)
	}
	if refused {
		return c.leadUnleased(ctx)
	}
	leases.OnStandby, leases.OnHeld = c.standBy, c.held
	leases.Yield = c.yield
	return leases.Lead(ctx, lease.Leader, c.embedded, c.lead)
}

// leasesAgain is how often a bridge that may have no leases asks for them: somebody may have given it the right.
const leasesAgain = time.Minute

// leadUnleased leads until the account may have leases, and then as with them.
func (c *candidate) leadUnleased(ctx context.Context) error {
	term, end := context.WithCancel(ctx)
	defer end()
	var given *lease.Leases
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for given == nil && sleep.For(term, c.again) == nil {
			if leases, err := c.try(); err == nil {
				given = leases
				end()
			}
		}
	}()
	err := c.lead(term)
	end()
	if <-asked; given == nil || ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return err
	}
	c.leases = func() (*lease.Leases, error) { return given, nil }
	return c.campaign(ctx)
}

// yieldFor is how long a bridge leaves a feed to the one that leads the first feed, once nobody leads it.
const yieldFor = 5 * time.Second

// yield returns for how long the feed is left to others.
func (c *candidate) yield() time.Duration {
	if c.first == nil || c.first.leading.Load() {
		return 0
	}
	return c.patience
}

// standBy notes that another bridge leads, which the log has once for each.
func (c *candidate) standBy(leader string) {
	c.settle()
	if c.leader != leader {
		c.leader = leader
		c.log.Info("standing by, another bridge leads", "leader", leader)
	}
}

// held notes that it has the lease after all: somebody has made the bucket right.
func (c *candidate) held() {
	if c.without {
		c.without = false
		c.log.Info("polling with a lease again")
		c.onUnleased(nil)
	}
}

// lead polls the feed.
func (c *candidate) lead(ctx context.Context) error {
	c.leader = ""
	c.onStart()
	c.leading.Store(true)
	c.settle()
	defer c.leading.Store(false)
	c.log.Info("became leader")
	err := c.work(ctx)
	c.onEnd()
	c.log.Info("lost leadership")
	return err
}

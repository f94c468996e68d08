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
)

// candidate is a bridge that wants to lead a feed: the leader polls it, the others stand by. Nothing but effort depends on it.
type candidate struct {
	feed     schema.Feed
	work     func(context.Context) error // polls the feed and keeps its view, until ctx ends
	polled   func() time.Time            // when the last poll began that this process has stored; zero where none was
	embedded bool                        // on the embedded server, where nobody else is
	log      *slog.Logger
	leases   func() (*lease.Leases, error) // the error says why it may have none
	after    <-chan struct{}               // it asks for the lease when this is closed; nil = at once

	onStart    func()      // called whenever it becomes the leader
	onEnd      func()      // called whenever it is the leader no more
	onUnleased func(error) // called with why it polls without a lease; with nil where it asks for one
	onSettled  func()      // called when it is known who leads

	leading atomic.Bool
	leader  string // whom it stands by for
	without bool   // it polls without a lease
}

func newCandidate(ctx context.Context, pipe *pipeline.Pipeline, feed schema.Feed, notes *notebook.Notes, log *slog.Logger) *candidate {
	return &candidate{
		feed: feed, embedded: pipe.Settings.Embedded(), log: log,
		leases:  pipeline.Soon(func() (*lease.Leases, error) { return pipe.TryLeases(ctx, feed, pipe.Name) }),
		onStart: func() { notes.Begin(feed) }, onEnd: func() { notes.End(feed) }, onUnleased: func(err error) { notes.Unleased(feed, err) }, onSettled: func() {},
	}
}

// run polls whenever this bridge leads, until ctx ends. Where the account may have no leases it always leads.
//
// On an embedded server it takes the lease at once: who has the store is not replaced by anybody.
//
// A lease or a page of another account ends it, unless the proof finds the account to be the same.
func (c *candidate) run(ctx context.Context, proof *poller.Proof) error {
	if c.after != nil {
		select {
		case <-c.after:
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

// startAfterFirst has all candidates but the first one wait until it is known who leads the first one's feed. Two bridges that start at once ask
// for its lease before any other, so that of two accounts one goes on.
func startAfterFirst(candidates map[schema.Feed]*candidate) {
	var settled chan struct{}
	for _, feed := range publish.StreamFeeds {
		switch c := candidates[feed]; {
		case c == nil:
		case settled == nil:
			settled = make(chan struct{})
			c.onSettled = sync.OnceFunc(func() { close(settled) })
		default:
			c.after = settled
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
		c.onSettled()
		return c.lead(ctx)
	}
	leases.OnSettled, leases.OnStandby, leases.OnHeld = c.onSettled, c.standBy, c.held
	return leases.Lead(ctx, lease.Leader, c.embedded, c.lead)
}

// standBy notes that another bridge leads, which the log has once for each.
func (c *candidate) standBy(leader string) {
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
	defer c.leading.Store(false)
	c.log.Info("became leader")
	err := c.work(ctx)
	c.onEnd()
	c.log.Info("lost leadership")
	return err
}

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
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// candidate is a bridge that wants to lead a feed: the leader polls it, the others stand by. Nothing but effort depends on it.
type candidate struct {
	feed     schema.Feed
	live     *poller.Live
	view     *views.Checkpoints
	embedded bool          // on the embedded server, where nobody else is
	foreign  time.Duration // between two looks for somebody else's messages
	log      *slog.Logger
	leases   func() (*lease.Leases, error) // the error says why it may have none
	proof    *poller.Proof
	after    <-chan struct{} // it asks for the lease when this is closed; nil = at once

	onStart    func()      // called whenever it becomes the leader
	onUnleased func(error) // called with why it polls without a lease; with nil where it asks for one
	onSettled  func()      // called when it is known who leads

	leading atomic.Bool
	leader  string // whom it stands by for
}

// run polls whenever this bridge leads, until ctx ends. Where the account may have no leases it always leads.
//
// On an embedded server it takes the lease at once: who has the store is not replaced by anybody.
//
// A lease or a page of another account ends it, unless the account is found to be the same.
func (c *candidate) run(ctx context.Context) error {
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
		if err := c.proof.Admit(ctx, other); err != nil {
			return err
		}
	}
}

// inOrder has all candidates but the first one wait until it is known who leads the first one's feed. Two bridges that start at once ask
// for its lease before any other, so that of two accounts one goes on.
func inOrder(candidates map[schema.Feed]*candidate) {
	var settled chan struct{}
	for _, feed := range publish.Feeds {
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
	if refused || errors.Is(err, publish.ErrBucketSettings) { // all else may pass
		c.log.Warn("polling without a lease; a second bridge would do the same", "err", err)
		c.onUnleased(err)
	} else {
		c.onUnleased(nil)
	}
	if refused {
		c.onSettled()
		return c.lead(ctx)
	}
	leases.OnSettled, leases.OnStandby = c.onSettled, c.standBy
	return leases.Lead(ctx, lease.Leader, c.embedded, c.lead)
}

// standBy notes that another bridge leads, which the log has once for each.
func (c *candidate) standBy(leader string) {
	if c.leader != leader {
		c.leader = leader
		c.log.Info("standing by, another bridge leads", "leader", leader)
	}
}

// lead polls the feed.
func (c *candidate) lead(ctx context.Context) error {
	c.leader = ""
	c.onStart()
	c.leading.Store(true)
	defer c.leading.Store(false)
	c.log.Info("became leader")
	looking, end := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() { defer close(looked); c.lookForForeign(looking) }()
	err := c.view.Keep(ctx, c.live.Run)
	end()
	<-looked
	c.log.Info("lost leadership")
	return err
}

// lookForForeign names what somebody else stores in the stream, until ctx ends.
func (c *candidate) lookForForeign(ctx context.Context) {
	tick := time.NewTicker(c.foreign)
	defer tick.Stop()
	for next := uint64(0); ; {
		if to, err := c.live.Writer.LookForForeign(ctx, next); err == nil { // else the next time
			next = to
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

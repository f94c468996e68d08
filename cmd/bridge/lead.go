package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// turn is a feed that several bridges may poll in turn: one polls, the others stand by. Nothing but effort depends on it.
type turn struct {
	feed     schema.Feed
	live     *poller.Live
	view     *views.Checkpoints
	settings config.Settings
	log      *slog.Logger
	leading  atomic.Bool
	leader   string                        // whom it stands by for
	begins   func()                        // called whenever its turn begins
	unleased func(error)                   // called with why it polls without a lease; with nil where it asks for one
	leases   func() (*lease.Leases, error) // the error says why it may have none
	proof    *poller.Proof
	after    <-chan struct{} // asks for the lease when this is closed; nil = at once
	settled  func()          // called when it is known who polls
}

// run polls whenever it is this bridge's turn, until ctx ends. Where the account may have no leases it is always its turn.
//
// On an embedded server it takes the lease at once: who has the store is not replaced by anybody.
//
// A lease or a page of another account ends it, unless the account is found to be the same.
func (t *turn) run(ctx context.Context) error {
	if t.after != nil {
		select {
		case <-t.after:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		err := t.lead(ctx)
		var other *publish.AnotherAccount
		if !errors.As(err, &other) {
			return err
		}
		if err := t.proof.Admit(ctx, other); err != nil {
			return err
		}
	}
}

// inOrder has all turns but the first one wait until it is known who has the first one's lease. Two bridges that start at once
// ask for it before any other, so that of two accounts one goes on.
func inOrder(turns map[schema.Feed]*turn) {
	var settled chan struct{}
	for _, feed := range publish.Feeds {
		switch t := turns[feed]; {
		case t == nil:
		case settled == nil:
			settled = make(chan struct{})
			t.settled = sync.OnceFunc(func() { close(settled) })
		default:
			t.after = settled
		}
	}
}

func (t *turn) lead(ctx context.Context) error {
	leases, err := t.leases()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	refused := errors.Is(err, nats.ErrPermissionViolation)
	if refused || errors.Is(err, publish.ErrForeign) { // all else may pass
		t.log.Warn("polling without a lease; a second bridge would do the same", "err", err)
		t.unleased(err)
	} else {
		t.unleased(nil)
	}
	if refused {
		t.settled()
		return t.poll(ctx)
	}
	leases.OnSettled, leases.OnStandby = t.settled, t.standsBy
	return leases.Lead(ctx, lease.Leader, t.settings.Embedded(), t.poll)
}

// standsBy notes that another bridge polls, which the log has once for each.
func (t *turn) standsBy(leader string) {
	if t.leader != leader {
		t.leader = leader
		t.log.Info("standing by, another bridge leads", "leader", leader)
	}
}

func (t *turn) poll(ctx context.Context) error {
	t.leader = ""
	t.begins()
	t.leading.Store(true)
	defer t.leading.Store(false)
	t.log.Info("became leader")
	looking, end := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() { defer close(looked); t.lookForForeign(looking) }()
	err := t.view.Keep(ctx, t.live.Run)
	end()
	<-looked
	t.log.Info("lost leadership")
	return err
}

// lookEvery is how often somebody else's messages are looked for at most.
const lookEvery = 10 * time.Second

// lookForForeign names what somebody else stores in the stream, until ctx ends.
func (t *turn) lookForForeign(ctx context.Context) {
	tick := time.NewTicker(max(t.settings.PollInterval, lookEvery))
	defer tick.Stop()
	for next := uint64(0); ; {
		if to, err := t.live.Writer.LookForForeign(ctx, next); err == nil { // else the next time
			next = to
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

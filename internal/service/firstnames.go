package service

import (
	"context"
	"sync"
	"time"

	"saveris-bridge/internal/inventory"
	"saveris-bridge/internal/schema"
)

// firstNames has rows wait for the first look at the fleet, so that the first events have names. It waits at the very first start alone,
// and never for long. Any goroutine may call its methods.
type firstNames struct {
	over chan struct{}
	end  func() // lets all go on; may be called again
}

func newFirstNames() *firstNames {
	n := &firstNames{over: make(chan struct{})}
	n.end = sync.OnceFunc(func() { close(n.over) })
	return n
}

// begin lets rows go on once the fleet is known, after so long at most, and when ctx ends.
func (n *firstNames) begin(ctx context.Context, known <-chan struct{}, most time.Duration) {
	defer n.end()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-known:
	case <-n.over:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// looked lets rows go on where a look has found no devices: there is nothing to wait for.
func (n *firstNames) looked(look inventory.Look) {
	if look.Things[schema.KindDevice] == 0 {
		n.end()
	}
}

// before has work wait.
func (n *firstNames) before(work func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-n.over:
		case <-ctx.Done():
			return ctx.Err()
		}
		return work(ctx)
	}
}

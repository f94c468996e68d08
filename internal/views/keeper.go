package views

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// keeper has a view kept beside the work that it shows the results of.
type keeper struct {
	// OnWritable is called with the reason when the bucket cannot be written, and with nil when it can be again. It holds up the
	// view; nil = none.
	OnWritable func(err error)

	nc   *nats.Conn
	pace pace
	news chan struct{} // there is something to do

	// Of the goroutine that keeps the view.
	reconnects uint64 // when stream and bucket were looked at last
	trouble    trouble
}

func newKeeper(nc *nats.Conn) keeper {
	return keeper{nc: nc, pace: usual, news: make(chan struct{}, 1)}
}

// kept is a view. One goroutine at a time calls its methods.
type kept interface {
	begin()                         // nothing is known of stream and bucket
	look()                          // they may have changed since they were looked at
	step(ctx context.Context) error // does all that there is to do
}

// pace is how long a view waits.
type pace struct {
	look time.Duration // until it looks again whether stream and bucket are what they were
	pass time.Duration // for a failure to pass that needs nobody: a server that starts again, a leader that changes
	most time.Duration // after a failure
	last time.Duration // at the end of the work for what has not been written
}

var usual = pace{look: 3 * time.Second, pass: 10 * time.Second, most: time.Minute, last: 10 * time.Second}

// wake has the view do what there is to do. It does not wait.
func (k *keeper) wake() {
	select {
	case k.news <- struct{}{}:
	default:
	}
}

// keepBeside runs work, whose error it returns, and keeps a view meanwhile and to its end.
func (k *keeper) keepBeside(ctx context.Context, view kept, work func(context.Context) error) error {
	k.trouble.forgotten = true
	keeping, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); k.keep(keeping, view) }()
	err := work(ctx)
	end()
	<-done
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.pace.last)
	defer cancel()
	if k.nc.IsConnected() && !k.trouble.reported {
		k.report(view.step(last))
	}
	return err
}

func (k *keeper) keep(ctx context.Context, view kept) {
	view.begin()
	tick := time.NewTicker(k.pace.look)
	defer tick.Stop()
	for {
		if k.due() {
			if err := view.step(ctx); ctx.Err() == nil {
				k.report(err)
			}
		}
		select {
		case <-k.news:
		case <-tick.C:
			view.look()
		case <-ctx.Done():
			return
		}
	}
}

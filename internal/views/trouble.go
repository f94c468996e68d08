package views

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/publish"
)

// trouble is why the bucket cannot be written.
type trouble struct {
	since     time.Time // zero: it can
	reported  bool
	forgotten bool // what was reported, since the view was kept by another bridge meanwhile
	pause     time.Duration
	wait      time.Time // nothing is tried before, unless there is another connection
}

// due reports whether there is a point in trying.
func (k *keeper) due() bool {
	return k.nc.IsConnected() && (!time.Now().Before(k.trouble.wait) || k.nc.Stats().Reconnects != k.reconnects)
}

// report calls OnWritable once when the bucket cannot be written, and when it can be again. A lost connection is no reason: it is
// in the log already.
func (k *keeper) report(err error) {
	t := &k.trouble
	if err == nil {
		if t.reported && k.OnWritable != nil {
			k.OnWritable(nil)
		}
		*t = trouble{}
		return
	}
	if !k.nc.IsConnected() {
		t.since = time.Time{}
		return
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	refused, foreign := errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, publish.ErrBucketSettings)
	switch t.pause = min(max(2*t.pause, k.pace.look/2), k.pace.most); { // since all keys are compared at each try
	case refused: // each one is a line in the server's log
		t.pause = k.pace.most
	case foreign: // it costs nothing to look
		t.pause = k.pace.look / 2
	}
	t.wait = time.Now().Add(t.pause)
	if t.reported && !t.forgotten || !refused && !foreign && time.Since(t.since) < k.pace.pass {
		return
	}
	t.reported, t.forgotten = true, false
	if k.OnWritable != nil {
		k.OnWritable(err)
	}
}

// refusal returns the server's refusal for want of a right in the place of the timeout that it looks like.
func refusal(nc *nats.Conn, before, err error) error {
	if last := nc.LastError(); last != before && errors.Is(last, nats.ErrPermissionViolation) {
		return last
	}
	return err
}

package views

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/publish"
)

// trouble is why the bucket cannot be written.
type trouble struct {
	since    time.Time // zero: it can
	reported bool
	pause    time.Duration
	wait     time.Time // nothing is tried before, unless there is another connection
}

// due reports whether there is a point in trying.
func (v *View) due() bool {
	return v.nc.IsConnected() && (!time.Now().Before(v.trouble.wait) || v.nc.Stats().Reconnects != v.seen.reconnects)
}

// report calls OnWritable once when the bucket cannot be written, and when it can be again. A lost connection is no reason: it is
// in the log already.
func (v *View) report(err error) {
	t := &v.trouble
	if err == nil {
		if t.reported && v.OnWritable != nil {
			v.OnWritable(nil)
		}
		*t = trouble{}
		return
	}
	if !v.nc.IsConnected() {
		t.since = time.Time{}
		return
	}
	if t.since.IsZero() {
		t.since = time.Now()
	}
	refused, foreign := errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, publish.ErrBucketSettings)
	switch t.pause = min(max(2*t.pause, v.pace.look/2), v.pace.most); { // since all keys are compared at each try
	case refused: // each one is a line in the server's log
		t.pause = v.pace.most
	case foreign: // it costs nothing to look
		t.pause = v.pace.look / 2
	}
	t.wait = time.Now().Add(t.pause)
	if t.reported || !refused && !foreign && time.Since(t.since) < v.pace.pass {
		return
	}
	t.reported = true
	if v.OnWritable != nil {
		v.OnWritable(err)
	}
}

// refusal returns the server's refusal for want of a right in the place of the timeout that it looks like.
func refusal(nc *nats.Conn, before, err error) error {
	if last := nc.LastError(); last != before && errors.Is(last, nats.ErrPermissionViolation) {
		return last
	}
	return err
}

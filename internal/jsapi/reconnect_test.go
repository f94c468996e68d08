package jsapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/jsapi"
)

// far connects to a server over a link.
func far(t *testing.T) (*bridgetest.Link, jsapi.Caller) {
	t.Helper()
	link := bridgetest.LinkTo(t, bridgetest.Embedded(t).ClientURL())
	return link, jsapi.Caller{JS: bridgetest.JetStream(t, link.URL())}
}

// TestWhatIsAskedForOnAConnectionThatIsLostIsAskedForAgain on the next one, where its answer does not come.
func TestWhatIsAskedForOnAConnectionThatIsLostIsAskedForAgain(t *testing.T) {
	link, caller := far(t)
	link.Before("account_info_response", func() { link.Cut(); link.Mend() })
	if _, err := jsapi.AccountInfo(t.Context(), caller); err != nil {
		t.Error(err)
	}
	if caller.JS.Conn().Stats().Reconnects == 0 {
		t.Error("the connection was not lost")
	}
}

func TestUntilReconnected(t *testing.T) {
	link, caller := far(t)
	nc := caller.JS.Conn()
	before := nc.Stats().Reconnects
	until, end := jsapi.UntilReconnected(t.Context(), nc, before)
	defer end()
	if until.Err() != nil {
		t.Fatal(context.Cause(until))
	}
	away := nc.StatusChanged(nats.RECONNECTING)
	link.Cut()
	<-away
	if until.Err() != nil {
		t.Errorf("it has ended before there is another connection: %v", context.Cause(until))
	}
	link.Mend()
	select {
	case <-until.Done():
	case <-time.After(time.Minute):
	}
	if err := context.Cause(until); !errors.Is(err, jsapi.ErrReconnected) {
		t.Errorf("it ends with %v", err)
	}
	late, endLate := jsapi.UntilReconnected(t.Context(), nc, before)
	defer endLate()
	if err := context.Cause(late); !errors.Is(err, jsapi.ErrReconnected) {
		t.Errorf("that it was connected anew before is not noticed: %v", err)
	}
	now, endNow := jsapi.UntilReconnected(t.Context(), nc, nc.Stats().Reconnects)
	endNow()
	if err := context.Cause(now); !errors.Is(err, context.Canceled) {
		t.Errorf("once it is not needed any more it ends with %v", err)
	}
}

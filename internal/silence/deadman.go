package silence

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Switch is the dead man's switch of a feed: after each poll that is stored, it has the broker say that the bridge is silent, unless
// another one is stored in time. So that is said also where no bridge runs. Run is for one goroutine; Polled may be called by any.
type Switch struct {
	Feed     schema.Feed
	Interval time.Duration // between polls
	Silences *publish.Silences
	Log      *slog.Logger

	stored chan struct{}
	last   atomic.Int64 // when the last poll was stored, by our clock
}

// Init makes the switch ready for Polled; it is called once, before anything else.
func (s *Switch) Init() { s.stored = make(chan struct{}, 1) }

// Polled says that a poll has been stored. It does not wait.
func (s *Switch) Polled() {
	s.last.Store(time.Now().UnixMilli())
	select {
	case s.stored <- struct{}{}:
	default:
	}
}

// Run arms the switch after each poll, and says that the bridge is heard again, until ctx ends, whose error it returns. It leaves the
// switch armed: whoever polls next arms it anew, and if nobody does it is right. A poll that was stored before Run began arms nothing.
func (s *Switch) Run(ctx context.Context) error {
	began := time.Now().UnixMilli()
	for {
		select {
		case <-s.stored:
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.last.Load() < began { // another bridge may have polled since
			continue
		}
		for retry := firstRetry; ; retry = min(2*retry, lastRetry) {
			err := s.Arm(ctx, time.UnixMilli(s.last.Load()).UTC())
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if !errors.Is(err, publish.ErrDisconnected) && !errors.Is(err, publish.ErrConflict) {
				s.Log.Warn("the dead man's switch cannot be armed, retrying", "wait", retry, "err", err)
			}
			if err := sleep.For(ctx, retry); err != nil {
				return err
			}
		}
	}
}

// Arm arms the switch after a poll that was stored at a time, and ends the silence that the broker has stored before, if any.
func (s *Switch) Arm(ctx context.Context, polled time.Time) error {
	armed := schema.Silence{Feed: s.Feed, LastAt: polled, DueAt: polled.Add(schema.StalledAfter(s.Interval)), Cycle: s.Interval}
	if err := s.Silences.Arm(ctx, armed); err != nil {
		return err
	}
	newest, err := s.Silences.Newest(ctx, s.Feed)
	if err != nil || newest.ID == "" || newest.Resumed {
		return err
	}
	resumed := newest.Silence
	resumed.Resumed, resumed.At = true, polled
	err = s.Silences.Store(ctx, []schema.Silence{resumed}, func(int, uint64) {
		s.Log.Info("the feed is polled again", "silent since", newest.DueAt)
	})
	return err
}

package poller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris"
)

// TestWhatTheVendorDoesNotGiveIsAskedForRarely: by one line of the feed, for ever, until he gives it.
func TestWhatTheVendorDoesNotGiveIsAskedForRarely(t *testing.T) {
	t.Parallel()
	for refusal, every := range map[error]time.Duration{saveris.ErrForbidden: time.Hour, saveris.ErrRetired: 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var g gate
			var told []bool
			g.changed = func(err error) { told = append(told, err != nil) }
			var given atomic.Bool
			var asked atomic.Int64
			ctx, stop := context.WithCancel(t.Context())
			line := func() {
				for ctx.Err() == nil {
					if waited, err := g.pass(ctx, func(time.Duration) {}); waited || err != nil {
						continue
					}
					asked.Add(1)
					if given.Load() {
						g.learn(nil)
						time.Sleep(time.Minute) // of the bubble: no clock runs
						continue
					}
					g.learn(fmt.Errorf("read: %w", refusal))
				}
			}
			go line()
			synctest.Wait()
			go line()
			time.Sleep(10*every + time.Second) // of the bubble: no clock runs
			synctest.Wait()
			if asked.Load() != 11 || len(told) != 1 || !told[0] {
				t.Errorf("%v: asked %d times, told %v; want once at the start and once every %v, told once", refusal, asked.Load(), told, every)
			}
			given.Store(true)
			time.Sleep(every + every/2) // of the bubble: no clock runs
			synctest.Wait()
			if len(told) != 2 || told[1] || asked.Load() < 11+int64(every/time.Minute) { // each line every minute for half of it
				t.Errorf("%v: told %v after %d tries, want both lines to go on", refusal, told, asked.Load())
			}
			stop()
			time.Sleep(time.Hour) // of the bubble: both lines end
		})
	}
}

func TestARefusalOfWhatWorkedIsBelievedTheThirdTime(t *testing.T) {
	t.Parallel()
	for _, between := range []error{nil, io.ErrUnexpectedEOF} {
		var g gate
		g.learn(nil)
		for n := range maxFailures {
			if err := errors.Join(saveris.ErrForbidden); g.closed(err) {
				t.Errorf("it was closed after %d refusals", n)
			}
			g.learn(saveris.ErrForbidden)
			if n < maxFailures-1 && between != nil {
				g.learn(between)
			}
		}
		if !g.closed(saveris.ErrForbidden) {
			t.Error("it is open after three refusals")
		}
	}
}

func TestAnOutageDoesNotOpenTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.learn(saveris.ErrRetired)
		time.Sleep(saveris.RetiredWait) // of the bubble: no clock runs
		for range 3 {
			if waited, err := g.pass(t.Context(), func(time.Duration) {}); waited || err != nil {
				t.Fatalf("waited %v, %v", waited, err)
			}
			g.learn(io.ErrUnexpectedEOF)
		}
		if !g.closed(saveris.ErrRetired) {
			t.Error("it is open")
		}
	})
}

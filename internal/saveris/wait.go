package saveris

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"

	"saveris-bridge/internal/sleep"
)

// Bounds of tries and of the waits between them.
const (
	moreTries     = 3                // of what may be repeated, after the first
	longestRetry  = 30 * time.Second // a longer wait between tries is the caller's to decide
	throttledMost = 2 * time.Minute  // where the vendor does not say how long to wait
	longestWait   = 24 * time.Hour   // that a Retry-After may ask for
)

// growing returns waits that double from first to longest, a fifth more or less each, for ever.
func growing(first, longest time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(longest),
		backoff.WithRandomizationFactor(0.2),
		backoff.WithMaxElapsedTime(0), // its default gives up after 15 minutes
	)
}

// throttle holds back every call to the API while the vendor wants to be left alone. Being throttled is no failure: it
// has no limit on tries (the vendor declares no rate and no 429, so nobody knows one).
type throttle struct {
	mu        sync.Mutex
	until     time.Time
	onHold    func(until time.Time) // may be nil
	onOwnHold func(until time.Time) // called where the vendor said it to this process; may be nil
}

// hold keeps calls back for d, which gets a little longer so that many bridges do not come back at once.
func (t *throttle) hold(d time.Duration) {
	until := time.Now().Add(d + time.Duration(rand.Int64N(int64(d/20)+1)))
	t.mu.Lock()
	if until.After(t.until) {
		t.until = until
	}
	until = t.until
	t.mu.Unlock()
	if t.onOwnHold != nil {
		t.onOwnHold(until)
	}
	if t.onHold != nil {
		t.onHold(until)
	}
}

// follow keeps calls back for d, as the vendor asked another process. That one says so again and again, and each word is up to a
// beat old when it is read.
func (t *throttle) follow(d time.Duration) {
	until := time.Now().Add(d)
	t.mu.Lock()
	longer := until.After(t.until.Add(beatEvery + time.Second))
	if longer {
		t.until = until
	}
	t.mu.Unlock()
	if longer && t.onHold != nil {
		t.onHold(until)
	}
}

// pass waits until calls are welcome and returns how long that took. It fails at once where ctx ends before that; cause is
// the answer that made us wait, nil if another call's did.
func (t *throttle) pass(ctx context.Context, cause *Error) (time.Duration, error) {
	begin := time.Now()
	for {
		t.mu.Lock()
		left := time.Until(t.until)
		t.mu.Unlock()
		if left <= 0 {
			return time.Since(begin), ctx.Err()
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < left {
			return 0, &throttledError{context.DeadlineExceeded, cause, left}
		}
		if err := sleep.For(ctx, left); err != nil {
			return 0, &throttledError{err, cause, left}
		}
	}
}

// throttledError says that the context ended, or would have, while the vendor made us wait.
type throttledError struct {
	err    error // of the context
	answer *Error
	left   time.Duration
}

func (e *throttledError) Error() string {
	text := fmt.Sprintf("%v: the vendor asks to wait for %v more", e.err, e.left.Round(time.Second))
	if e.answer != nil {
		text += ": " + e.answer.Error()
	}
	return text
}

// Unwrap returns the context's error and the vendor's answer.
func (e *throttledError) Unwrap() []error {
	if e.answer == nil {
		return []error{e.err}
	}
	return []error{e.err, e.answer}
}

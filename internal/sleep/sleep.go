// Package sleep waits: the one wait of the house that obeys a context.
package sleep

import (
	"context"
	"time"
)

// For waits for d, or less where ctx ends, and returns the error of ctx. It returns at once where d is not positive. Many
// goroutines may call it.
func For(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return ctx.Err()
}

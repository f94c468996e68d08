package bridgetest

import (
	"context"
	"testing"
	"time"
)

// Patience is how long a test waits for what is sure to come, on however busy a machine.
const Patience = 5 * time.Minute

// Await looks until something is so. It leaves most of the time to those that it waits for, however long it takes to look.
func Await(t testing.TB, what string, so func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	for {
		began := time.Now()
		if so(ctx) {
			return
		}
		select {
		case <-time.After(min(max(10*time.Millisecond, 4*time.Since(began)), time.Second)):
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", Patience, what)
		}
	}
}

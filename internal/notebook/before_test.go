package notebook

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// kept is a bucket.
type kept struct {
	mu sync.Mutex
	of map[string]string
}

func (k *kept) Find(_ context.Context, key string) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.of[key], nil
}

func (k *kept) Keep(_ context.Context, key, request string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.of[key] = request
	return nil
}

func (k *kept) Drop(_ context.Context, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.of, key)
	return nil
}

func (k *kept) Keys(context.Context) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Keys(k.of)), nil
}

// TestWhatABridgeBeforeHasSaidOfTheClocksIsForgotten, since it was killed, and not what this one has found out at its first contact.
func TestWhatABridgeBeforeHasSaidOfTheClocksIsForgotten(t *testing.T) {
	t.Parallel()
	vendor, err := saveris.New(saveris.Config{BaseURL: "http://127.0.0.1:9", Username: "ada", Password: secret.New("hunter2")})
	if err != nil {
		t.Fatal(err)
	}
	store := &kept{of: map[string]string{}}
	for lead, lost := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			n := New(config.Vendor{}, []schema.Feed{schema.Readings}, slog.New(slog.DiscardHandler))
			if n.Store = store; lost {
				n.Noticed(saveris.Notice{Kind: saveris.ClockLost, Text: "the vendor's answers have no readable Date"})
			}
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			go func() { _ = n.WatchClock(ctx, vendor) }()
			go func() { _ = n.Run(ctx) }()
			synctest.Wait()
			if got, want := len(store.of), 1-lead; got != want {
				t.Errorf("bridge %d: %q, want %d", lead, store.of, want)
			}
		})
	}
}

// TestANoteThatIsRemovedComesBack, since another bridge that starts, or somebody who removes the bucket, knows nothing of it.
func TestANoteThatIsRemovedComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &kept{of: map[string]string{}}
		n := New(config.Vendor{}, []schema.Feed{schema.Readings, schema.Tasks}, slog.New(slog.DiscardHandler))
		n.Store = store
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = n.Run(ctx) }()
		n.FeedShut(schema.Tasks, saveris.ErrForbidden)
		n.clockDiffers(time.Hour)
		for try := range 3 {
			time.Sleep(10 * time.Minute) // of the bubble: no clock runs
			synctest.Wait()
			if keys, _ := store.Keys(ctx); len(keys) != 2 {
				t.Fatalf("after %d removals: %q, want two", try, keys)
			}
			store.mu.Lock()
			clear(store.of)
			store.mu.Unlock()
		}
	})
}

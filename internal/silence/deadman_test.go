package silence

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// TestAPollOfTheLastTermArmsNoSwitch: another bridge has polled since, and what that poll was armed with would fire at once.
func TestAPollOfTheLastTermArmsNoSwitch(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	sw := &Switch{Feed: schema.Readings, Interval: 20 * time.Second, Silences: publish.NewSilences(s.js, config), Log: slog.New(slog.DiscardHandler)}
	sw.Init()
	sw.Polled() // and this bridge leads no more before the switch is armed
	sw.last.Store(time.Now().Add(-time.Hour).UnixMilli())
	ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
	defer end()
	if err := sw.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.want()
	if info, err := s.js.Stream(t.Context(), "SAVERIS_HEALTH"); err != nil || info.CachedInfo().State.Msgs > 0 {
		t.Error("the switch is armed", err)
	}
}

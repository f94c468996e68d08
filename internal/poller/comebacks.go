package poller

import (
	"context"
	"slices"
	"sync"
	"time"

	"saveris-bridge/internal/schema"
)

// Comebacks holds the outages of loggers that looks at the fleet have shown to have ended, for the lines of all feeds. The zero value
// has none. Any goroutine may use it.
type Comebacks struct {
	mu    sync.Mutex
	ended []schema.Outage
}

// Add takes outages over, and forgets those that nobody looks at any more.
func (c *Comebacks) Add(ended []schema.Outage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, ended...)
	c.forget(time.Now().Add(-rememberedFor))
}

func (c *Comebacks) forget(before time.Time) {
	c.ended = slices.DeleteFunc(c.ended, func(o schema.Outage) bool { return o.Ended.Before(before) })
}

// lately returns those that have ended since a moment, and forgets the others.
func (c *Comebacks) lately(since time.Time) []schema.Outage {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget(since)
	return slices.Clone(c.ended)
}

// outages returns those that the alarms tell of, and those that the fleet has shown.
func (l *Live) outages(ctx context.Context) ([]schema.Outage, error) {
	ended, err := l.Outages(ctx)
	if err != nil {
		return nil, err
	}
	return append(ended, l.Comebacks.lately(time.Now().Add(-rememberedFor))...), nil
}

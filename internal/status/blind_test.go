package status_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// TestAPictureThatCannotBeReadSaysSo, and no longer than that: without a word, no alarm would seem to be open.
func TestAPictureThatCannotBeReadSaysSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stream, err := s.js.Stream(t.Context(), names.Stream(schema.Alarms))
	if err != nil {
		t.Fatal(err)
	}
	var others []string
	for range publish.MinConsumers - publish.SpareConsumers {
		c, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{InactiveThreshold: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, c.CachedInfo().Name)
	}
	timings := quick
	timings.Blind = 100 * time.Millisecond
	b := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, Timings: timings, Consumers: func(context.Context) int { return publish.MinConsumers }})
	s.Go(func() {
		if err := b.Run(t.Context()); !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	said := func(text string) bool {
		for _, problem := range b.Status().Problems(status.Rules{}) {
			if strings.Contains(problem.Text, text) {
				return true
			}
		}
		return false
	}
	bridgetest.Await(t, "what cannot be read to be said", func(context.Context) bool { return said("SAVERIS_ALARMS cannot be read") && said("max_consumers") })
	if said("SAVERIS_READINGS") {
		t.Errorf("more is said than is so: %+v", b.Status().Problems(status.Rules{}))
	}
	for _, other := range others[:2] { // for the list of alarms, and for those that are open
		if err := stream.DeleteConsumer(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	s.await(b, "an end of that", func() bool { return !said("SAVERIS_ALARMS") })
}

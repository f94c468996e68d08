package status_test

import (
	"context"
	"fmt"
	"testing"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func TestABoardBeginsWithSoManyReadingsAtMost(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.writer(schema.Readings)
	var events []schema.Event
	for i := range 30 {
		events = append(events, reading(fmt.Sprint("s", i), minute(i), "1"))
	}
	s.store(w, cover(0, 60), events...)
	s.store(w, nil, row(schema.Readings, "uuid", "x")) // what is not a live reading counts for nothing
	for most, want := range map[uint64]int{10: 10, 29: 29, 30: 30, 1000: 30} {
		b := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, Timings: quick})
		b.BeginWith(most)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		if err := b.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if known := b.Recent("").Known; known != want || !b.Status().Feeds[0].Newest.Equal(minute(29)) {
			t.Errorf("at most %d: %d are known, want %d; the newest is of %v", most, known, want, b.Status().Feeds[0].Newest)
		}
		stop()
		<-ended
	}
}

package publish_test

import (
	"errors"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
)

// nats-server answers no batch that it cannot write, and none after it in that stream for as long as it lives.
func TestWhatAFullDiskTookIsStoredOnceAfterwards(t *testing.T) {
	t.Parallel()
	if bridgetest.Apart(t) {
		return
	}
	server := bridgetest.Embedded(t)
	js := open(t, connect(t, server.ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
	w := newWriter(js, time.Second)

	lift, err := bridgetest.LimitFiles(0, 8192) // room for a batch in the staging area, and none for it in the stream
	if err != nil {
		t.Fatal(err)
	}
	defer lift()
	for range 2 {
		if _, err := w.Commit(t.Context(), day, readings(5, 15), interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrUnanswered) {
			t.Errorf("a stream that cannot be written: %v", err)
		}
	}
	if err := lift(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), day, readings(5, 15), interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrUnanswered) {
		t.Errorf("a stream that could not be written: %v", err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	commitUntilDone(t, w, readings(5, 20), interval(0, 3*time.Minute))
	checkOnce(t, js, readings(0, 20))
}

package publish_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/schema"
)

func TestACommitThatFailsNamesTheTroubleOfTheStore(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w, full := newWriter(js, 0), errors.New("store: no space left")
	w.Trouble = func() error { return full }
	if _, err := w.Commit(t.Context(), day, []schema.Event{reading("a", noon, "1")}, nil); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	_, err := w.Commit(t.Context(), day, []schema.Event{reading("b", noon, "1")}, nil)
	if !errors.Is(err, full) || !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
}

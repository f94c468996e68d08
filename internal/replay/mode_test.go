package replay_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/replay"
	"saveris-bridge/internal/schema"
)

// TestReplayTurnsOneContentModeIntoTheOther: of a stream that holds both, every event comes in the mode that is asked for, and
// is the same event.
func TestReplayTurnsOneContentModeIntoTheOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i, mode := range []schema.Mode{schema.Binary, schema.Structured} {
		at := midnight.Add(time.Duration(i) * time.Hour)
		s.storeIn(mode, schema.Readings, reading(fmt.Sprintf("b \"%%ü\u2028\\ %d", i), at, "22.3825420"))
		s.storeIn(mode, schema.Readings, reading(fmt.Sprintf("b \"%%ü\u2028\\ %d", i), at, "1e300")) // a correction
		s.storeIn(mode, schema.Alarms, alarm(fmt.Sprint("alarm-", i), at))
	}
	want := s.want()
	for _, mode := range []schema.Mode{schema.Binary, schema.Structured} {
		for _, atomic := range []bool{false, true} {
			r := s.replayer("copy.>", replay.NewPublisher(s.js, s.copies(jetstream.StreamConfig{AllowAtomicPublish: atomic}), false))
			r.Mode = mode
			sums, err := run(t.Context(), r, always)
			if err != nil || sums[schema.Readings].Events != 4 || sums[schema.Readings].Corrections != 2 || sums[schema.Alarms].Events != 2 {
				t.Fatalf("%+v, %v", sums, err)
			}
			got := s.read("COPY")
			if !slices.Equal(ids(got), ids(want)) {
				t.Fatalf("%q, want %q", ids(got), ids(want))
			}
			for i := range got {
				sameEvent(t, mode, got[i], want[i])
			}
			if err := s.js.DeleteStream(t.Context(), "COPY"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func sameEvent(t *testing.T, mode schema.Mode, got, want message) {
	t.Helper()
	for key := range got.header {
		ours := strings.HasPrefix(key, "Nats-") || strings.HasPrefix(key, "Saveris-")
		if !ours && (key == "content-type") != (mode == schema.Structured) {
			t.Errorf("%s in %s mode", key, mode)
		}
	}
	attributes, data, err := schema.Unwrap(got.header, got.data)
	if err != nil {
		t.Fatal(err)
	}
	wanted, wantedData, err := schema.Unwrap(want.header, want.data)
	if err != nil || !maps.Equal(attributes, wanted) || !bytes.Equal(data, wantedData) {
		t.Errorf("in %s mode %v %s\nwant %v %s, %v", mode, attributes, data, wanted, wantedData, err)
	}
}

// TestMessageIDsAreTheSameInEitherContentMode: what was replayed in one mode is not stored again in the other.
func TestMessageIDsAreTheSameInEitherContentMode(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.storeIn(schema.Binary, schema.Readings, reading("a b%ü", midnight, "1"))
	s.storeIn(schema.Structured, schema.Readings, reading("c d%ü", midnight, "1"))
	targets := s.copies(jetstream.StreamConfig{Duplicates: time.Hour})
	for i, mode := range []schema.Mode{"", schema.Structured, schema.Binary} {
		out := replay.NewPublisher(s.js, targets, true)
		r := s.replayer("copy.>", out)
		r.Mode, r.MessageID = mode, true
		if _, err := run(t.Context(), r, always); err != nil {
			t.Fatal(err)
		}
		if got := s.read("COPY"); len(got) != 2 || out.Duplicates != uint64(2*min(i, 1)) {
			t.Errorf("replay %d: %d stored, %d duplicates", i, len(got), out.Duplicates)
		}
	}
}

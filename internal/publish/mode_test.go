package publish_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

func newWriterIn(js jetstream.JetStream, mode schema.Mode) *publish.Writer {
	w := newWriter(js, 0)
	w.Mode = mode
	return w
}

// newStream opens the streams of a server of its own.
func newStream(t *testing.T) jetstream.JetStream {
	return open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
}

// TestModesDifferInTheirMessagesOnly commits the same events in both content modes.
func TestModesDifferInTheirMessagesOnly(t *testing.T) {
	t.Parallel()
	events := append(readings(0, 1200), reading("a \"quoted\" id", noon.Add(time.Hour), "4.7").Revise())
	inBinary, inStructured := newStream(t), newStream(t)
	commit(t, newWriterIn(inBinary, schema.Binary), events, interval(0, time.Hour))
	commit(t, newWriterIn(inStructured, schema.Structured), events, interval(0, time.Hour))
	one, other := stored(t, inBinary, stream), stored(t, inStructured, stream)
	if len(one) != len(other) {
		t.Fatalf("%d messages in binary mode, %d in structured mode", len(one), len(other))
	}
	found := 0
	for i, m := range other {
		switch {
		case m.subject != one[i].subject:
			t.Fatalf("message %d is on %s, in binary mode on %s", i, m.subject, one[i].subject)
		case strings.HasPrefix(m.subject, "saveris.checkpoints."):
			comparePages(t, one[i].data, m.data)
		case strings.HasPrefix(m.subject, "saveris.index."):
			if !bytes.Equal(one[i].data, m.data) {
				t.Errorf("index at %d is another one", i)
			}
		default:
			compareEvents(t, one[i], m)
			found++
		}
	}
	if found != len(events) {
		t.Errorf("%d events, want %d", found, len(events))
	}
}

func comparePages(t *testing.T, one, other []byte) {
	t.Helper()
	a, errA := checkpoint.ParseRecord(one)
	b, errB := checkpoint.ParseRecord(other)
	if errA != nil || errB != nil || a.Rows != b.Rows || a.Digest != b.Digest || len(a.Covered) != len(b.Covered) {
		t.Errorf("record %s\nin binary mode %s", other, one)
	}
}

// compareEvents compares what stands in a message in structured mode with one in binary mode. The SDK reads the former.
func compareEvents(t *testing.T, one, other message) {
	t.Helper()
	for key := range other.header {
		if key != "content-type" && !strings.HasPrefix(key, "Nats-") {
			t.Fatalf("header %v", other.header)
		}
	}
	if got := other.header["content-type"]; !slices.Equal(got, []string{"application/cloudevents+json"}) {
		t.Fatalf("content-type %q", got)
	}
	var ev event.Event
	if err := ev.UnmarshalJSON(other.data); err != nil {
		t.Fatal(err)
	}
	want, err := schema.Parse(one.header, one.data)
	if err != nil {
		t.Fatal(err)
	}
	recorded := want.Extensions()["recordedtime"] // the only one that two commits do not share
	if _, there := ev.Extensions()["recordedtime"].(string); !there {
		t.Fatalf("no recordedtime in %s", other.data)
	}
	if err := ev.Context.SetExtension("recordedtime", recorded); err != nil || ev.String() != want.String() || !bytes.Equal(ev.Data(), one.data) {
		t.Fatalf("%s\nin binary mode %s", ev, want)
	}
}

// TestAnotherModeStoresNothingTwice changes the mode at every start of a writer, over rows that come again.
func TestAnotherModeStoresNothingTwice(t *testing.T) {
	t.Parallel()
	js := newStream(t)
	for i, mode := range []schema.Mode{schema.Binary, schema.Structured, schema.Binary, schema.Structured} {
		result := commit(t, newWriterIn(js, mode), readings(0, 700*(i+1)), interval(0, time.Hour))
		if result.Stored != 700 {
			t.Errorf("start %d in %s mode: %+v", i, mode, result)
		}
	}
	checkOnce(t, js, readings(0, 2800))
}

func TestACorrectionRevisesAnEventOfTheOtherMode(t *testing.T) {
	t.Parallel()
	contents := []schema.Event{reading("u", noon, "4.7"), reading("u", noon, "4.8"), reading("u", noon, "4.9")}
	for _, modes := range [][]schema.Mode{{schema.Binary, schema.Structured}, {schema.Structured, schema.Binary}} {
		js := newStream(t)
		for range 2 {
			for i, content := range contents {
				commit(t, newWriterIn(js, modes[i%2]), []schema.Event{content}, nil)
			}
		}
		checkOnce(t, js, []schema.Event{contents[0], contents[1].Revise(), contents[2].Revise()})
		revised := map[string]int{}
		for _, m := range stored(t, js, stream) {
			if m.id() == "" {
				continue
			}
			event, err := schema.ReadStored(m.header, m.data)
			if err != nil {
				t.Fatal(err)
			}
			revised[event.Revises]++
		}
		if want := map[string]int{"": 1, "u": 2}; !maps.Equal(revised, want) {
			t.Errorf("%v: events by what they revise %v, want %v", modes, revised, want)
		}
	}
}

package views

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// TestAReadingThatIsShownHoldsNoMessage: the texts of a message's headers are parts of one, which would stay for each channel.
func TestAReadingThatIsShownHoldsNoMessage(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	l := &latest{now: func() time.Time { return at }, channels: map[string]*newest{}, doubtful: map[string]bool{}}
	headers, freed := bridgetest.Headers("c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f and all the others")
	l.takeAs("t.s.1.1", checkpoint.StoredEvent{Seq: 1, At: at, Data: []byte(`{}`), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {unsafe.String(&headers[0], 36)}, "ce-time": {at.Format(time.RFC3339)}, "ce-dataschema": {"urn:saveris-bridge:reading:v1"},
	}})
	headers = nil
	l.release("t.s.1.1")
	if l.channels["t.s.1.1"] == nil {
		t.Fatal("the reading was not taken")
	}
	bridgetest.AwaitFreed(t, freed)
	runtime.KeepAlive(l)
}

// TestAStartKeepsOfAReadingThatIsShownWhatItIsComparedBy: the messages of all channels would be several times as large. What is not shown
// yet is written from memory: to read each once more takes long where the broker is far away.
func TestAStartKeepsOfAReadingThatIsShownWhatItIsComparedBy(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	e := checkpoint.StoredEvent{Seq: 1, At: at, Data: []byte(`{"value":4.7}`), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"a"}, "ce-time": {at.Format(time.RFC3339)}, "ce-dataschema": {"urn:saveris-bridge:reading:v1"},
	}}
	want, err := schema.StructuredEvent(e.Header, e.Data)
	if err != nil {
		t.Fatal(err)
	}
	for key, show := range map[string]shownCell{"shown": {mark: mark{seq: 1}}, "another shown": {mark: mark{seq: 2}}, "an older one shown": {}} {
		var got string
		l := &latest{now: func() time.Time { return at }, channels: map[string]*newest{}, doubtful: map[string]bool{}, shown: map[string]shownCell{key: show}}
		l.remember = func(key string, seq uint64, value []byte) { got = fmt.Sprint(key, " ", seq, " ", string(value)) }
		l.takeAs(key, e)
		_, found := l.event(key)
		if kept := show.seq == 0; found != kept || l.channels[key].seq != 1 || !kept && got != key+" 1 "+string(want) {
			t.Errorf("%s: it is compared by %s, want %s; the event is kept: %v", key, got, want, found)
		}
	}
}

package silence

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
)

// TestAChannelThatIsHeardHoldsNoMessage: the texts of a message's headers are parts of one, which would stay for each channel.
func TestAChannelThatIsHeardHoldsNoMessage(t *testing.T) {
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	headers, freed := bridgetest.Headers("5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c22011234/1 and all the others")
	e := &ears{}
	e.forget()
	e.hear(checkpoint.StoredEvent{Seq: 1, At: at, Header: nats.Header{
		"ce-partitionkey": {unsafe.String(&headers[0], 36)}, "ce-subject": {unsafe.String(&headers[36], 10)},
		"ce-time": {at.Format(time.RFC3339)}, "ce-dataschema": {"urn:saveris-bridge:reading:v1"},
	}}, at)
	if headers = nil; len(e.last) != 1 {
		t.Fatal("it was not heard")
	}
	bridgetest.AwaitFreed(t, freed)
	runtime.KeepAlive(e)
}

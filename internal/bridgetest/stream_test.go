package bridgetest_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
)

// TestAnAuditLeavesNoConsumer: one that is repeated would take all that a stream may have.
func TestAnAuditLeavesNoConsumer(t *testing.T) {
	js := seed.Streams(t)
	stream, err := js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	msg := &nats.Msg{Subject: "saveris-ingest.readings.live.t.s.1.1.q", Data: []byte(`{}`), Header: nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"a"}, "ce-time": {"2026-07-01T10:00:00Z"},
	}}
	if _, err := js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "saveris-latest"}); err != nil {
		t.Fatal(err)
	}
	if _, err := bridgetest.AuditLatest(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Consumers != 0 {
		t.Errorf("%d consumers are left (%v)", info.State.Consumers, err)
	}
}

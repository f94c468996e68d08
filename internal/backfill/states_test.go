package backfill_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/schema"
	"saveris-bridge/schemas"
)

func TestOthersSeeHowABackfillGoes(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.NATSServer(t, &server.Options{JetStream: true}).ClientURL())
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b, err := backfill.OpenStates(t.Context(), js, seed.Broker, "https://vendor.example")
	if err != nil {
		t.Fatal(err)
	}
	seen, err := js.Conn().SubscribeSync("saveris.backfills.>")
	if err != nil {
		t.Fatal(err)
	}
	state := schema.Backfill{ID: "some-range", Feeds: []schema.Feed{schema.Readings}, From: noon, Until: noon.Add(time.Hour), Worker: "w", StartedAt: noon}
	if _, found, err := b.Last(t.Context(), state.ID); err != nil || found {
		t.Fatalf("found %v, %v", found, err)
	}
	for _, phase := range []schema.Phase{schema.BackfillStarted, schema.BackfillProgress, schema.BackfillFinished} {
		state.Phase = phase
		if err := b.Publish(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		m, err := seen.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		e, err := schema.Parse(m.Header, m.Data)
		if err != nil || m.Subject != "saveris.backfills.some-range" || e.Type() != "saveris.backfill."+string(phase)+".v1" || e.Subject() != state.ID {
			t.Errorf("on %s came %v: %v", m.Subject, e, err)
		}
		validate(t, m.Data)
	}
	last, found, err := b.Last(t.Context(), state.ID)
	if err != nil || !found || last.Phase != schema.BackfillFinished || !last.From.Equal(noon) {
		t.Errorf("the last state is %+v, %v, %v", last, found, err)
	}
}

// validate holds the data of an event against the public schema.
func validate(t *testing.T, data []byte) {
	t.Helper()
	text, _ := schemas.Get("backfill")
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("file:///backfill", doc); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err == nil {
		err = c.MustCompile("file:///backfill").Validate(value)
	}
	if err != nil {
		t.Error(err)
	}
}

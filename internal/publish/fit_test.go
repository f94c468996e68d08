package publish_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// firstEdition makes the stream of a bridge that published on the subjects that it stored, with all that another stream holds.
func firstEdition(t *testing.T, js jetstream.JetStream, messages []message) {
	t.Helper()
	old := config.Stream(schema.Readings)
	old.Subjects = []string{"saveris.readings.>", "saveris.rejected.readings", "saveris.index.readings.>", "saveris.checkpoints.readings.>"}
	old.SubjectTransform, old.RePublish = nil, nil
	if _, err := js.CreateStream(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		header := nats.Header{}
		for key, values := range m.header {
			if key != "Nats-Expected-Last-Subject-Sequence" && key != "Nats-Expected-Last-Subject-Sequence-Subject" {
				header[key] = values
			}
			delete(header, "Nats-Batch-Id")
			delete(header, "Nats-Batch-Sequence")
			delete(header, "Nats-Batch-Commit")
		}
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: m.subject, Header: header, Data: m.data}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAStreamOfTheFirstEditionIsRefusedUntilItIsEdited(t *testing.T) {
	t.Parallel()
	first := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(first, 0), readings(0, 10), interval(0, time.Minute))
	js, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	firstEdition(t, js, stored(t, first, stream))

	var unfit *publish.Unfit
	if err := publish.Open(t.Context(), js, config); !errors.As(err, &unfit) || unfit.Others || !errors.Is(err, publish.ErrUnfit) {
		t.Fatalf("got %v, want a stream that can be edited", err)
	}
	if _, err := js.UpdateStream(t.Context(), unfit.Want); err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	if result := commit(t, newWriter(js, 0), readings(0, 20), interval(0, time.Hour)); result.Stored != 10 {
		t.Errorf("%+v, want ten that are new and ten that are known", result)
	}
	checkOnce(t, js, readings(0, 20))
}

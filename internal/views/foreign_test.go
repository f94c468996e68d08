package views_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/schema"
)

// TestWhatIsNoReadingIsNotShown, whatever its headers say, and keeps nothing else from being shown.
func TestWhatIsNoReadingIsNotShown(t *testing.T) {
	t.Parallel()
	f := newStage(t).folded(schema.Readings)
	f.store(f.writer, f.reading("u1 100 1", 1))
	f.keep(f.view())
	f.awaitRight("at the start")
	header := func(source string) nats.Header {
		return nats.Header{"ce-specversion": {"1.0"}, "ce-id": {"x"}, "ce-source": {source}, "ce-type": {"saveris.reading.v1"}, "ce-subject": {"900/1"},
			"ce-time": {time.Now().UTC().Format(time.RFC3339)}, "ce-dataschema": {"urn:saveris-bridge:reading:v1"}}
	}
	for serial, m := range map[string]*nats.Msg{
		"901": {Header: header("%zz"), Data: []byte("{}")},
		"902": {Header: header("x"), Data: []byte("no JSON")},
		"903": {Header: header("x"), Data: []byte("{} {}")},
		"904": {Header: header("x")},
	} {
		m.Subject = "saveris-ingest.readings.live.t.x." + serial + ".1.air_temperature"
		_, err := f.js.PublishMsg(t.Context(), m)
		f.check(err)
	}
	f.store(f.writer, f.reading("u2 100 2", 2), f.reading("u3 101 2", 3))
	f.awaitRight("with messages of somebody else")
	f.takeOver()
	f.awaitRight("after a start")
}

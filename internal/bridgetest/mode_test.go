package bridgetest_test

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/schema"
)

func TestAGoodStreamOfBothContentModesIsClean(t *testing.T) {
	c := newCourt(t)
	for i, mode := range []schema.Mode{schema.Binary, schema.Structured, schema.Binary, schema.Structured} {
		c.writer.Mode = mode
		c.store(events(0, 4*i-2*(i/3))...)
	}
	if r := c.judge(); !r.Clean() || r.Stored != 10 {
		t.Error(r)
	}
}

// TestTheJudgeKnowsTwoFormsOnly: whatever mixes them, or is written otherwise, is no event.
func TestTheJudgeKnowsTwoFormsOnly(t *testing.T) {
	e := events(0, 1)[0]
	body := e.AppendStructured(nil, schema.Live, noon)
	for name, message := range map[string]struct {
		header nats.Header
		body   []byte
	}{
		"both":            {nats.Header{"content-type": {"application/cloudevents+json"}, "ce-id": {e.ID}}, body},
		"binary, typed":   {nats.Header{"content-type": {"application/json"}}, e.AppendData(nil)},
		"another key":     {nats.Header{"Content-Type": {"application/cloudevents+json"}}, body},
		"another type":    {nats.Header{"content-type": {"application/cloudevents"}}, body},
		"data in base 64": {nats.Header{"content-type": {"application/cloudevents+json"}}, bytes.Replace(body, []byte(`"data":`), []byte(`"data_base64":"e30=","data":`), 1)},
		"a number":        {nats.Header{"content-type": {"application/cloudevents+json"}}, bytes.Replace(body, []byte(`"data":`), []byte(`"n":1,"data":`), 1)},
		"no data":         {nats.Header{"content-type": {"application/cloudevents+json"}}, []byte(`{"specversion":"1.0","id":"a","time":"2026-11-23T12:00:00Z"}`)},
	} {
		c := newCourt(t)
		if _, err := c.js.PublishMsg(t.Context(), &nats.Msg{Subject: e.Ingest(schema.Live), Header: message.header, Data: message.body}); err != nil {
			t.Fatal(err)
		}
		if report, err := bridgetest.AuditReadings(t.Context(), c.js, stream, c.vendor, bridgetest.Due{From: noon, Until: noon}); err == nil {
			t.Errorf("%s: %s", name, report)
		}
	}
}

package bridgetest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

const (
	stream = "SAVERIS_READINGS"
	day    = "2026-11-23"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// court is a stream with ten good readings and the vendor that showed them.
type court struct {
	*testing.T
	js     jetstream.JetStream
	vendor *saveristest.Server
	writer *publish.Writer
	rows   int // that commit has made
}

func newCourt(t *testing.T) *court {
	t.Helper()
	js := seed.Streams(t)
	vendor, err := saveristest.Start(saveristest.Config{World: saveristest.World{Empty: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	c := &court{T: t, js: js, vendor: vendor, writer: publish.NewWriter(js, seed.Broker, publish.Options{
		Feed: schema.Readings, Name: "test", LiveAge: time.Hour, Now: func() time.Time { return noon },
	})}
	for i := range 10 {
		vendor.AddMeasurement(saveristest.Measurement{UUID: uuid(i), Timestamp: noon.Add(time.Duration(i) * time.Second), Measurement: "4.7"})
	}
	return c
}

func uuid(i int) string { return fmt.Sprintf("row-%d", i) }

func event(id string, at time.Time, value string) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte(id)},
		{Name: "sensor_uuid", Kind: saveris.String, Text: []byte("sensor")},
		{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
		{Name: "measurement", Kind: saveris.Number, Text: []byte(value)},
	}}
	return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}

// events are those of the rows from to until.
func events(from, until int) (list []schema.Event) {
	for i := from; i < until; i++ {
		list = append(list, event(uuid(i), noon.Add(time.Duration(i)*time.Second), "4.7"))
	}
	return list
}

func (c *court) store(list ...schema.Event) {
	c.Helper()
	cover := &checkpoint.Interval{From: noon, Until: noon.Add(time.Minute), ReadAt: noon.Add(time.Minute), Route: "sync"}
	if _, err := c.writer.Commit(c.Context(), day, list, cover); err != nil {
		c.Fatal(err)
	}
}

// smuggle stores an event as nobody should: without an index.
func (c *court) smuggle(e schema.Event) {
	c.Helper()
	msg := &nats.Msg{Subject: e.Ingest(schema.Live), Header: nats.Header{}, Data: e.AppendData(nil)}
	e.Header(msg.Header, schema.Live, noon)
	if _, err := c.js.PublishMsg(c.Context(), msg); err != nil {
		c.Fatal(err)
	}
}

func (c *court) judge() *bridgetest.AuditReport {
	c.Helper()
	report, err := bridgetest.AuditReadings(c.Context(), c.js, stream, c.vendor, bridgetest.Due{From: noon, Until: noon.Add(time.Minute), AsOf: noon.Add(time.Hour)})
	if err != nil {
		c.Fatal(err)
	}
	return report
}

func TestAGoodStreamIsClean(t *testing.T) {
	c := newCourt(t)
	c.store(events(0, 10)...)
	if r := c.judge(); !r.Clean() || r.Stored != 10 {
		t.Error(r)
	}
}

func TestTheJudgeSeesEveryFault(t *testing.T) {
	for name, fault := range map[string]struct {
		commit func(c *court)
		column func(r *bridgetest.AuditReport) int
	}{
		"missing":    {func(c *court) { c.store(events(0, 9)...) }, func(r *bridgetest.AuditReport) int { return r.Missing }},
		"doubled":    {func(c *court) { c.store(events(0, 10)...); c.smuggle(events(3, 4)[0]) }, func(r *bridgetest.AuditReport) int { return r.Doubled }},
		"unexpected": {func(c *court) { c.store(append(events(0, 10), event("nobody's", noon, "1"))...) }, func(r *bridgetest.AuditReport) int { return r.Unexpected }},
		"wrong": {func(c *court) { c.store(append(events(1, 10), event(uuid(0), noon, "9.9"))...) },
			func(r *bridgetest.AuditReport) int { return r.Wrong }},
		"disordered": {func(c *court) { c.store(append(events(5, 10), events(0, 5)...)...) }, func(r *bridgetest.AuditReport) int { return r.Disordered }},
		"bad pages":  {func(c *court) { c.store(events(0, 9)...); c.smuggle(events(9, 10)[0]) }, func(r *bridgetest.AuditReport) int { return r.BadPages }},
		"forged record": {func(c *court) {
			c.store(events(0, 10)...)
			forged := fmt.Sprintf(`{"version":1,"feed":"readings","day":%q,"covered":[],"rows":11,"digest":"00","batch":"x"}`, day)
			if _, err := c.js.Publish(c.Context(), "saveris-ingest.checkpoints.readings."+day, []byte(forged)); err != nil {
				c.Fatal(err)
			}
		}, func(r *bridgetest.AuditReport) int { return r.BadPages }},
	} {
		for _, mode := range []schema.Mode{schema.Binary, schema.Structured} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				c := newCourt(t)
				c.writer.Mode = mode
				fault.commit(c)
				if r := c.judge(); r.Clean() || fault.column(r) == 0 {
					t.Errorf("not seen: %s", r)
				}
			})
		}
	}
}

func TestTheAuditSeesWhatABucketShowsWrongly(t *testing.T) {
	const bucket = "saveris-checkpoints"
	show := func(c *court) {
		c.check(views.NewCheckpoints(c.js, publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}, schema.Readings).
			Keep(c.Context(), func(context.Context) error { return nil }))
	}
	put := func(c *court, day, seq, value string) {
		_, err := c.js.PublishMsg(c.Context(), &nats.Msg{Subject: "$KV." + bucket + ".readings." + day, Data: []byte(value), Header: nats.Header{"Saveris-Sequence": {seq}}})
		c.check(err)
	}
	for name, x := range map[string]struct {
		spoil func(c *court)
		want  string
	}{
		"nothing":          {func(*court) {}, ""},
		"one behind":       {func(c *court) { c.commit(); c.commit() }, "the newest stands at"},
		"another value":    {func(c *court) { put(c, day, "3", "{}") }, "shows the record of sequence 3"},
		"never stored":     {func(c *court) { put(c, day, "1000", "{}") }, "shows the record of sequence 1000"},
		"what was lost":    {func(c *court) { put(c, "2026-11-20", "1000", "{}") }, "no longer stored"},
		"nobody's":         {func(c *court) { put(c, "2026-11-20", "", "{}") }, "no longer stored"},
		"nothing of a day": {func(c *court) { c.check(c.delete(bucket, "readings."+day)) }, "is not shown"},
		"what was removed": {func(c *court) { put(c, "2026-11-20", "1", "{}"); c.purge(2) }, ""},
		"a key of no feed": {func(c *court) { put(c, "2026-11-20", "1000", "{}"); c.check(c.delete(bucket, "readings.2026-11-20")) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			c.commit()
			show(c)
			x.spoil(c)
			list, err := bridgetest.AuditBucket(t.Context(), c.js, bucket, stream, "readings")
			c.check(err)
			if got := strings.Join(list, "; "); (x.want == "") != (got == "") || !strings.Contains(got, x.want) {
				t.Errorf("found %q, want %q", got, x.want)
			}
		})
	}
}

func (c *court) check(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// commit stores one more event.
func (c *court) commit() {
	c.Helper()
	c.rows++
	_, err := c.writer.Commit(c.Context(), day, []schema.Event{event(fmt.Sprint("more-", c.rows), noon, "1")}, nil)
	c.check(err)
}

func (c *court) delete(bucket, key string) error {
	kv, err := c.js.KeyValue(c.Context(), bucket)
	c.check(err)
	return kv.Delete(c.Context(), key)
}

// purge removes what stands before a sequence, as an age limit would.
func (c *court) purge(until uint64) {
	s, err := c.js.Stream(c.Context(), stream)
	c.check(err)
	c.check(s.Purge(c.Context(), jetstream.WithPurgeSequence(until)))
}

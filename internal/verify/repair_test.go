package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/verify"
)

// repair stores again what of these rows the stream lacks.
func (c *court) repair(n int) {
	c.Helper()
	writer := c.writer()
	writer.Repair = true
	events := c.events(n)
	if _, err := writer.Commit(c.Context(), day, events, nil); err != nil {
		c.Fatal(err)
	}
}

// audited fails unless the auditor, who knows the vendor's rows, has nothing to say.
func (c *court) audited() {
	c.Helper()
	report, err := bridgetest.AuditReadings(c.Context(), c.js, stream, c.vendor, bridgetest.Due{From: midnight, Until: midnight.AddDate(0, 0, 1), AsOf: c.now})
	if err != nil {
		c.Fatal(err)
	}
	if !report.Clean() {
		c.Error(report)
	}
}

func TestWhatWasPutBackIsProven(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.commit(c.events(10)...)
	c.remove(c.sequence(uuid(3)))
	c.remove(c.sequence(uuid(9)))
	if d := c.about(); d.Missing != 2 || d.Gone != 2 || d.Total() != 2 {
		t.Errorf("two were removed: %s", show(d))
	}
	c.repair(10)
	d := c.about()
	wantProven(t, d, 10)
	if d.Digest != d.RecordDigest || d.VendorDigest != d.RecordDigest || d.RecordRows != 10 {
		t.Errorf("digests differ: %s", show(d))
	}
	c.audited()
	c.remove(c.sequence(uuid(3)))
	wantOne(t, c.about(), verify.Missing, uuid(3))
	c.repair(10)
	wantProven(t, c.about(), 10)
	c.audited()
}

func TestAnEventThatIsPutBackAlthoughItIsThereIsDoubled(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.commit(c.events(10)...)
	event := c.events(10)[3]
	entry := checkpoint.NewEntry(event.ID, event.Check)
	c.smuggle(event)
	c.publish("saveris-ingest.index.readings."+day, nats.Header{"Saveris-Events": {"1"}, "Saveris-Repairs": {"1"}}, entry[:])
	c.change(func(r *checkpoint.Record) { *r = r.Again(1) })
	wantOne(t, c.about(), verify.Doubled, uuid(3))
	report, err := bridgetest.AuditReadings(c.Context(), c.js, stream, c.vendor, bridgetest.Due{From: midnight, Until: midnight.AddDate(0, 0, 1), AsOf: c.now})
	if err != nil || report.Doubled == 0 {
		t.Errorf("the auditor sees %v (%v)", report, err)
	}
}

// An earlier content of a row is accounted for by the row, and is missed when it is removed all the same.
func TestARemovedEarlierContentIsMissed(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.store(noon, noon.Add(time.Hour))
	original := c.sequence(uuid(3))
	c.vendor.ReviseMeasurement(uuid(3), noon.Add(time.Minute), "9.9")
	c.store(noon, noon.Add(time.Hour))
	if d := c.about(); !d.Proven || d.Corrections != 1 {
		t.Fatalf("a correction: %s", show(d))
	}
	c.remove(original)
	d := c.about()
	wantOne(t, d, verify.BadIndex, "")
	if d.Differences[0].Sequence != original || !strings.Contains(d.Differences[0].Why, "other content") {
		t.Error(show(d))
	}
}

// events are the first n rows that the vendor was given, as events.
func (c *court) events(n int) (list []schema.Event) {
	c.Helper()
	maker := c.maker()
	_, err := c.client.Rows(c.Context(), saveris.Query{Feed: c.vendorFeed(), From: noon, Until: noon.Add(time.Hour)}, func(row *saveris.Row) error {
		list = append(list, maker.Event(row, schema.Window{From: noon, Until: noon.Add(time.Hour)}, c.now))
		return nil
	})
	if err != nil || len(list) != n {
		c.Fatalf("%d rows, %v", len(list), err)
	}
	slices.SortFunc(list, func(a, b schema.Event) int { return a.Time.Compare(b.Time) })
	return list
}

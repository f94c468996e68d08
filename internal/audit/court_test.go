package audit_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

var (
	midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	config   = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
)

// court is a broker with the streams of a bridge.
type court struct {
	*testing.T
	js      jetstream.JetStream
	writers map[schema.Feed]*publish.Writer
	makers  map[schema.Feed]*schema.Maker
	now     time.Time // the vendor's
}

func TestMain(m *testing.M) { bridgetest.Main(m) }

func newCourt(t *testing.T) *court {
	t.Helper()
	js := seed.Streams(t)
	c := &court{T: t, js: js, writers: map[schema.Feed]*publish.Writer{}, makers: map[schema.Feed]*schema.Maker{}, now: midnight}
	for _, feed := range []schema.Feed{schema.Readings, schema.Alarms} {
		c.makers[feed] = schema.NewMaker(feed, "saveris", "http://vendor")
		c.writers[feed] = publish.NewWriter(js, config, publish.Options{Feed: feed, Name: "test", LiveAge: time.Hour, Now: func() time.Time { return c.now }})
	}
	return c
}

func (c *court) stream(feed schema.Feed) *checkpoint.Stream {
	return checkpoint.NewStream(c.js, config.Names.Stream(feed), "saveris", string(feed))
}

// event makes an event of columns as name, value.
func (c *court) event(feed schema.Feed, columns ...string) schema.Event {
	var row saveris.Row
	for i := 0; i < len(columns); i += 2 {
		field := saveris.Field{Name: columns[i], Kind: saveris.String, Text: []byte(columns[i+1])}
		if columns[i+1] == "" {
			field.Kind = saveris.Null
		}
		row.Fields = append(row.Fields, field)
	}
	return c.makers[feed].Event(&row, schema.Window{From: midnight, Until: midnight.Add(time.Hour)}, c.now)
}

// reading makes one of channel 1 of a sensor, with more columns.
func (c *court) reading(serial string, at time.Time, value string, more ...string) schema.Event {
	return c.event(schema.Readings, append([]string{
		"uuid", serial + at.Format("-20060102T150405"), "sensor_uuid", "sensor-" + serial, "channel_no", "1", "serial_no", serial, "tenant_uuid", "tenant-1",
		"customer_site", "site-1", "timestamp", at.Format(time.RFC3339), "measurement", value, "physical_property_name", "Temperature", "physical_unit", "°C",
		"physical_extension", "Air Temperature",
	}, more...)...)
}

// cover is what has been read of a day, completely.
func cover(from, until time.Time) *checkpoint.Interval {
	return &checkpoint.Interval{From: from, Until: until, ReadAt: until.Add(time.Hour), Route: "export"}
}

// store stores the events of one day, and that the whole day has been read.
func (c *court) store(feed schema.Feed, events ...schema.Event) {
	c.Helper()
	day, err := checkpoint.DaySpan(events[0].Day())
	if err != nil {
		c.Fatal(err)
	}
	if _, err := c.writers[feed].Commit(c.Context(), events[0].Day(), events, cover(day.From, day.Until)); err != nil {
		c.Fatal(err)
	}
}

// covered stores that days have been read.
func (c *court) covered(feed schema.Feed, span checkpoint.Span) {
	c.Helper()
	for _, name := range span.Days() {
		day, err := checkpoint.DaySpan(name)
		if err != nil {
			c.Fatal(err)
		}
		if _, err := c.writers[feed].Commit(c.Context(), name, nil, cover(day.From, day.Until)); err != nil {
			c.Fatal(err)
		}
	}
}

// audit makes the report of a span of which all is settled.
func (c *court) audit(span checkpoint.Span, inventory []audit.Channel) *audit.Report {
	c.Helper()
	return c.auditAt(span, inventory, span.Until.Add(24*time.Hour))
}

func (c *court) auditAt(span checkpoint.Span, inventory []audit.Channel, now time.Time) *audit.Report {
	c.Helper()
	r, err := audit.Run(c.Context(), audit.Config{
		Span: span, Readings: c.stream(schema.Readings), Alarms: c.stream(schema.Alarms), Inventory: inventory, Now: now,
		Prefix: "saveris", Streams: []string{"SAVERIS_READINGS", "SAVERIS_ALARMS", "SAVERIS_DEVICES"}, Version: "test",
	})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(r.Close)
	return r
}

func days(from, n int) checkpoint.Span {
	return checkpoint.Span{From: midnight.AddDate(0, 0, from), Until: midnight.AddDate(0, 0, from+n)}
}

// eventOf makes the event of one of the pretend vendor's readings.
func (c *court) eventOf(m saveristest.Measurement) schema.Event {
	return c.event(schema.Readings, "uuid", m.UUID, "sensor_uuid", m.SensorUUID, "channel_no", strconv.Itoa(m.ChannelNo), "serial_no", m.SerialNo,
		"tenant_uuid", m.TenantUUID, "customer_site", m.CustomerSite, "timestamp", m.Timestamp.Format(time.RFC3339), "measurement", m.Measurement,
		"physical_property_name", m.PhysicalPropertyName, "physical_unit", m.PhysicalUnit, "physical_extension", m.PhysicalExtension,
		"processed_at", m.ProcessedAt.Format(time.RFC3339))
}

// world stores what the pretend vendor shows of a span, but for what drop says.
func (c *court) world(world saveristest.World, span checkpoint.Span, drop func(m saveristest.Measurement) bool) (rows []saveristest.Measurement) {
	c.Helper()
	vendor, err := saveristest.Start(saveristest.Config{World: world, Switches: saveristest.Switches{RowsLate: "off"}})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { vendor.Close() })
	events := map[string][]schema.Event{}
	for m := range vendor.Measurements(span.From, span.Until, span.Until) {
		rows = append(rows, m)
		if !drop(m) {
			e := c.eventOf(m)
			events[e.Day()] = append(events[e.Day()], e)
		}
	}
	for i, name := range span.Days() {
		c.writers[schema.Readings].Mode = [...]schema.Mode{schema.Binary, schema.Structured}[i%2]
		c.store(schema.Readings, events[name]...)
	}
	c.covered(schema.Alarms, span)
	return rows
}

// every is what is in force all the time.
func every(cycle time.Duration) []audit.Period { return []audit.Period{{Cycle: cycle}} }

// fixed are limits that are the same at all times of day.
type fixed string

func (f fixed) Limits(time.Time, string) string { return string(f) }

func keyOf(m saveristest.Measurement) string { return fmt.Sprintf("%s/%d", m.SerialNo, m.ChannelNo) }

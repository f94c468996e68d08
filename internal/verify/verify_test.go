package verify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/verify"
)

var (
	midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	noon     = midnight.Add(12 * time.Hour)
	config   = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
)

const (
	day    = "2026-11-23"
	stream = "SAVERIS_READINGS"
)

// court is a vendor and a stream.
type court struct {
	*testing.T
	vendor *saveristest.Server
	url    string // of the broker
	client *saveris.Client
	js     jetstream.JetStream
	feed   schema.Feed
	now    time.Time // the vendor's
	rows   int       // a window may hold
	keep   int
	hook   atomic.Pointer[func()] // runs once, when the vendor is asked next

	writers atomic.Int32
}

func newCourt(t *testing.T, world saveristest.World, switches saveristest.Switches) *court {
	t.Helper()
	js := seed.Streams(t)
	c := &court{T: t, js: js, url: js.Conn().ConnectedUrl(), feed: schema.Readings, now: midnight.Add(30 * time.Hour), rows: 100_000, keep: 100}
	switches.QueryLatency = "zero"
	var err error
	c.vendor, err = saveristest.Start(saveristest.Config{World: world, Switches: switches, Now: func() time.Time {
		if hook := c.hook.Swap(nil); hook != nil {
			(*hook)()
		}
		return c.now
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.vendor.Close() })
	c.client, err = saveris.New(saveris.Config{BaseURL: c.vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// add returns the vendor n readings, a second apart from noon on.
func (c *court) add(n int) {
	for i := range n {
		c.vendor.AddMeasurement(saveristest.Measurement{
			UUID: uuid(i), Timestamp: noon.Add(time.Duration(i) * time.Second), Measurement: "4.7", SerialNo: "22011234", ChannelNo: 1, PhysicalUnit: "°C",
		})
	}
}

func uuid(i int) string { return fmt.Sprintf("row-%d", i) }

func (c *court) vendorFeed() saveris.Feed { return schema.VendorFeed(c.feed) }

func (c *court) maker() *schema.Maker { return schema.NewMaker(c.feed, "saveris", c.vendor.URL()) }

// writer is in the other content mode each time: a stream holds both, and a verdict looks at neither.
func (c *court) writer() *publish.Writer {
	mode := [...]schema.Mode{schema.Structured, schema.Binary}[(c.writers.Add(1)-1)%2]
	return publish.NewWriter(c.js, config, publish.Options{
		Feed: c.feed, Mode: mode, Name: "test", LiveAge: time.Hour, Now: func() time.Time { return c.now },
	})
}

// store stores what the vendor shows from a time until another, as a bridge does.
func (c *court) store(from, until time.Time) {
	c.Helper()
	events, maker, writer := map[string][]schema.Event{}, c.maker(), c.writer()
	for at := from; at.Before(until); at = at.Add(time.Hour) {
		_, err := c.client.Rows(c.Context(), saveris.Query{Feed: c.vendorFeed(), From: at, Until: at.Add(time.Hour)}, func(row *saveris.Row) error {
			event := maker.Event(row, schema.Window{From: from, Until: until}, c.now)
			events[event.Day()] = append(events[event.Day()], event)
			return nil
		})
		if err != nil {
			c.Fatal(err)
		}
		for day, list := range events {
			var cover *checkpoint.Interval
			if day == checkpoint.DayOf(at) {
				cover = &checkpoint.Interval{From: at, Until: at.Add(time.Hour), ReadAt: at.Add(time.Hour), Route: "export"}
			}
			slices.SortStableFunc(list, func(a, b schema.Event) int { return a.Time.Compare(b.Time) })
			if _, err := writer.Commit(c.Context(), day, list, cover); err != nil {
				c.Fatal(err)
			}
		}
		clear(events)
	}
}

// verdict is what verify finds about the days and the page of rejected rows.
func (c *court) verdict(from, until time.Time) map[string]verify.Day {
	c.Helper()
	v := &verify.Verifier{
		Source: c.client, VendorFeed: c.vendorFeed(), Maker: c.maker(), Feed: c.feed, Rows: c.rows, Keep: c.keep,
		Stream: checkpoint.NewStream(c.js, config.Names.Stream(c.feed), "saveris", string(c.feed)),
	}
	days := map[string]verify.Day{}
	err := v.Run(c.Context(), checkpoint.Span{From: from, Until: until}, func(d verify.Day) error {
		days[d.Day] = d
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
	return days
}

// about returns the verdict on the day alone.
func (c *court) about() verify.Day {
	c.Helper()
	return c.verdict(midnight, midnight.AddDate(0, 0, 1))[day]
}

// sequence finds the message of an event.
func (c *court) sequence(id string) uint64 {
	c.Helper()
	s, err := c.js.Stream(c.Context(), config.Names.Stream(c.feed))
	if err != nil {
		c.Fatal(err)
	}
	for seq := uint64(1); seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(c.Context(), seq)
		if err != nil {
			continue
		}
		if attributes, _, err := schema.Unwrap(m.Header, m.Data); err == nil && attributes["id"] == id {
			return seq
		}
	}
	c.Fatalf("no event %s", id)
	return 0
}

func (c *court) remove(seq uint64) {
	c.Helper()
	s, err := c.js.Stream(c.Context(), config.Names.Stream(c.feed))
	if err == nil {
		err = s.DeleteMsg(c.Context(), seq)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// event makes an event that the vendor need not know.
func (c *court) event(id string, at time.Time, value string) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte(id)},
		{Name: "serial_no", Kind: saveris.String, Text: []byte("22011234")},
		{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
		{Name: "measurement", Kind: saveris.Number, Text: []byte(value)},
		{Name: "physical_unit", Kind: saveris.String, Text: []byte("°C")},
	}}
	return c.maker().Event(&row, schema.Window{}, noon)
}

func (c *court) commit(events ...schema.Event) {
	c.Helper()
	if _, err := c.writer().Commit(c.Context(), events[0].Day(), events, nil); err != nil {
		c.Fatal(err)
	}
}

// publish stores a message as nobody should: outside of any batch.
func (c *court) publish(subject string, header nats.Header, data []byte) {
	c.Helper()
	if _, err := c.js.PublishMsg(c.Context(), &nats.Msg{Subject: subject, Header: header, Data: data}); err != nil {
		c.Fatal(err)
	}
}

func (c *court) smuggle(e schema.Event) {
	c.Helper()
	header := nats.Header{}
	e.Header(header, schema.Live, noon)
	c.publish(e.Ingest(schema.Live), header, e.AppendData(nil))
}

func show(d verify.Day) string {
	text, _ := json.MarshalIndent(d, "", " ")
	return string(text)
}

// wantProven fails unless nothing differs and all counts are n.
func wantProven(t *testing.T, d verify.Day, n uint64) {
	t.Helper()
	if !d.Proven || d.Total() != 0 || d.VendorRows != n || d.Stored != n || n == 0 {
		t.Errorf("want %d rows proven, got %s", n, show(d))
	}
}

// wantOne fails unless there is just one difference, of a kind, which names the id.
func wantOne(t *testing.T, d verify.Day, kind verify.Kind, id string) {
	t.Helper()
	if d.Proven || d.Total() != 1 || len(d.Differences) != 1 || d.Differences[0].Kind != kind || d.Differences[0].ID != id || d.Differences[0].Why == "" {
		t.Errorf("want %s %q alone, got %s", kind, id, show(d))
	}
	if id != "" && (len(d.Differences) != 1 || d.Differences[0].Time == nil || d.Differences[0].Subject == "") {
		t.Errorf("want time and subject of %s, got %s", id, show(d))
	}
}

func TestACleanStreamIsProven(t *testing.T) {
	t.Parallel()
	for _, feed := range publish.Feeds {
		t.Run(string(feed), func(t *testing.T) {
			c := newCourt(t, saveristest.World{Start: midnight.AddDate(0, 0, -3), Cycle: time.Minute, Sites: 1}, saveristest.Switches{RowsRetransmit: "same", FileDuplicates: "on"})
			c.feed, c.rows = feed, 1500
			c.store(midnight.Add(-2*time.Hour), midnight.Add(26*time.Hour))
			d := c.about()
			wantProven(t, d, d.RecordRows)
			if d.Digest != d.RecordDigest || d.VendorDigest != d.RecordDigest {
				t.Errorf("digests differ: %s", show(d))
			}
		})
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		spoil func(c *court)
		kind  verify.Kind
		id    string
	}{
		"an event removed":    {func(c *court) { c.remove(c.sequence(uuid(3))) }, verify.Missing, uuid(3)},
		"an event nobody has": {func(c *court) { c.commit(c.event("nobody's", noon, "1")) }, verify.Unexpected, "nobody's"},
		"an event without index": {func(c *court) { c.smuggle(c.event("nobody's", noon, "1")) },
			verify.Unexpected, "nobody's"},
		"an event twice": {func(c *court) { c.smuggle(c.event(uuid(3), noon.Add(3*time.Second), "4.7")) }, verify.Doubled, uuid(3)},
		"an event of a correction removed": {func(c *court) {
			c.vendor.ReviseMeasurement(uuid(3), noon.Add(time.Minute), "9.9")
			c.store(noon, noon.Add(time.Hour))
			c.remove(c.sequence(c.event(uuid(3), noon.Add(3*time.Second), "9.9").Revise().ID))
		}, verify.Missing, uuid(3)},
		"other content": {func(c *court) { c.vendor.ReviseMeasurement(uuid(3), noon.Add(time.Minute), "9.9") }, verify.Changed, uuid(3)},
		"a late row": {func(c *court) {
			c.vendor.AddMeasurement(saveristest.Measurement{UUID: "late", Timestamp: noon.Add(30 * time.Minute), Measurement: "1", SerialNo: "1"})
		}, verify.Missing, "late"},
		"an index that lists nothing": {func(c *court) {
			entry := checkpoint.NewEntry("ghost", 1)
			c.publish("saveris-ingest.index.readings."+day, nats.Header{"Saveris-Events": {"1"}}, entry[:])
			c.forge(entry)
		}, verify.BadIndex, ""},
		"a record that lies": {func(c *court) { c.forge(checkpoint.NewEntry("ghost", 1)) }, verify.BadIndex, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
			c.add(10)
			c.store(noon, noon.Add(time.Hour))
			wantProven(t, c.about(), 10)
			x.spoil(c)
			wantOne(t, c.about(), x.kind, x.id)
		})
	}
}

// forge writes a record that counts one entry more.
func (c *court) forge(e checkpoint.Entry) {
	c.Helper()
	c.change(func(r *checkpoint.Record) { *r = r.Next([]checkpoint.Entry{e}, nil, nil) })
}

// change writes a record that says something else than the newest one.
func (c *court) change(change func(*checkpoint.Record)) {
	c.Helper()
	book := checkpoint.NewBook(checkpoint.NewStream(c.js, stream, "saveris", "readings"))
	records, err := book.Records(c.Context(), []string{day})
	if err != nil {
		c.Fatal(err)
	}
	change(&records[0])
	data, err := records[0].Encode()
	if err != nil {
		c.Fatal(err)
	}
	c.publish("saveris-ingest.checkpoints.readings."+day, nil, data)
}

// batch stores events with an index and a record that agree, as if a bridge with a defect had.
func (c *court) batch(entries []checkpoint.Entry, events ...schema.Event) {
	c.Helper()
	for _, e := range events {
		c.smuggle(e)
	}
	var body []byte
	for _, e := range entries {
		body = append(body, e[:]...)
	}
	c.publish("saveris-ingest.index.readings."+day, nats.Header{"Saveris-Events": {fmt.Sprint(len(entries))}}, body)
	for _, e := range entries {
		c.forge(e)
	}
}

func TestABatchWithADefectIsSeen(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.store(noon, noon.Add(time.Hour))
	three := c.event(uuid(3), noon.Add(3*time.Second), "4.7")
	c.batch([]checkpoint.Entry{checkpoint.NewEntry(three.ID, three.Check)}, three)
	wantOne(t, c.about(), verify.Doubled, three.ID)

	c = newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.store(noon, noon.Add(time.Hour))
	c.add(11)
	ten := c.event(uuid(10), noon.Add(10*time.Second), "4.7")
	c.batch([]checkpoint.Entry{checkpoint.NewEntry(ten.ID, ten.Check)}, c.event(uuid(10), noon.Add(10*time.Second), "4.8"))
	wantOne(t, c.about(), verify.BadIndex, ten.ID) // the index is right, the event is not

	c = newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.store(noon, noon.Add(time.Hour))
	c.batch([]checkpoint.Entry{checkpoint.NewEntry(ten.ID, ten.Check)}, c.event("other", noon, "4.7"))
	wantOne(t, c.about(), verify.BadIndex, "other")
}

func TestCorrectionsAreAccountedFor(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	for i, value := range []string{"4.7", "8.8", "9.9"} { // two corrections of one row; the vendor shows the last content
		if i > 0 {
			c.vendor.ReviseMeasurement(uuid(3), noon.Add(time.Duration(i)*time.Minute), value)
		}
		c.store(noon, noon.Add(time.Hour))
	}
	d := c.about()
	if !d.Proven || d.VendorRows != 10 || d.Stored != 12 || d.Corrections != 2 {
		t.Error(show(d))
	}
	c.commit(c.event("nobody's", noon, "1"))
	c.commit(c.event("nobody's", noon, "2"))
	if d := c.about(); d.Unexpected != 2 || d.Total() != 2 { // a correction of what is unexpected is unexpected
		t.Error(show(d))
	}
}

func TestDayEdgesAndPartsOfADay(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Start: midnight.AddDate(0, 0, -2), Cycle: time.Minute, Sites: 1, Channels: 1, Delay: time.Second, LateShare: 0.000001}, saveristest.Switches{RowsLate: "off", RangeTooShort: "400B"})
	c.store(midnight.Add(-3*time.Hour), midnight.Add(27*time.Hour))
	for _, span := range []checkpoint.Span{
		{From: midnight, Until: midnight.AddDate(0, 0, 1)},
		{From: midnight.Add(-90 * time.Minute), Until: midnight.Add(90 * time.Minute)},
		{From: noon.Add(7 * time.Second), Until: noon.Add(9 * time.Second)},
		{From: noon.Add(-time.Minute), Until: midnight.Add(25 * time.Hour)},
	} {
		rows := uint64(0)
		for _, d := range c.verdict(span.From, span.Until) {
			rows += d.VendorRows
			if !d.Proven || d.Stored != d.VendorRows {
				t.Errorf("%v: %s", span, show(d))
			}
		}
		truth := 0
		for m := range c.vendor.Measurements(span.From, span.Until, c.now) {
			if !m.Timestamp.Before(span.From) && m.Timestamp.Before(span.Until) {
				truth++
			}
		}
		if rows != uint64(truth) {
			t.Errorf("%v: %d rows, the vendor has %d", span, rows, truth)
		}
	}
	// What is stored beside the range is no difference; in it, it is.
	c.commit(c.event("nobody's", noon, "1"))
	for until, want := range map[time.Duration]bool{-time.Second: true, 0: true, time.Second: false} {
		if d := c.verdict(midnight, noon.Add(until))[day]; d.Proven != want {
			t.Errorf("until noon%+v: %s", until, show(d))
		}
	}
}

func TestRejectedRowsAreHeldAgainstTheirPage(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(5)
	c.vendor.AddRaw(saveristest.FeedMeasurements, noon, `{"uuid":"no time"}`)
	c.store(noon, noon.Add(time.Hour))
	days := c.verdict(midnight, midnight.AddDate(0, 0, 1))
	wantProven(t, days[day], 5)
	wantProven(t, days[checkpoint.RejectedDay], 1)
	c.vendor.AddRaw(saveristest.FeedMeasurements, noon, `{"uuid":"no time either"}`)
	d := c.verdict(midnight, midnight.AddDate(0, 0, 1))[checkpoint.RejectedDay]
	if d.Proven || d.Missing != 1 || d.Total() != 1 || d.Differences[0].ID == "" {
		t.Error(show(d))
	}
	c.store(noon, noon.Add(time.Hour))
	days = c.verdict(midnight, midnight.AddDate(0, 0, 1))
	wantProven(t, days[checkpoint.RejectedDay], 2)
	c.remove(c.lastOn("saveris.rejected.readings"))
	if d = c.verdict(midnight, midnight.AddDate(0, 0, 1))[checkpoint.RejectedDay]; d.Missing != 1 || d.Total() != 1 {
		t.Error(show(d))
	}
}

func (c *court) lastOn(subject string) uint64 {
	c.Helper()
	s, err := c.js.Stream(c.Context(), stream)
	if err != nil {
		c.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(c.Context(), subject)
	if err != nil {
		c.Fatal(err)
	}
	return m.Sequence
}

func TestADayThatNobodyHasReadIsMissing(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.add(2) // the vendor shows two rows twice
	c.keep = 4
	d := c.about()
	if d.Missing != 10 || d.Unread != 10 || len(d.Differences) != 4 || !strings.Contains(d.Differences[0].Why, "not covered") {
		t.Error(show(d))
	}
}

func TestWhatRetentionRemovedCannotBeProven(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.commit(c.event(uuid(0), noon, "4.7"), c.event(uuid(1), noon.Add(time.Second), "4.7"))
	c.store(noon, noon.Add(time.Hour))
	s, err := c.js.Stream(c.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ purge, missing, removed uint64 }{{2, 1, 0}, {4, 2, 2}} { // the first event; all of the first batch but its record
		if err := s.Purge(c.Context(), jetstream.WithPurgeSequence(x.purge)); err != nil {
			t.Fatal(err)
		}
		if d := c.about(); d.Missing != x.missing || d.Total() != x.missing || d.Removed != x.removed || d.Proven {
			t.Error(show(d))
		}
		if d := c.verdict(noon.Add(2*time.Second), noon.Add(time.Hour))[day]; !d.Proven || d.Stored != 8 { // what was removed lies before it
			t.Error(show(d))
		}
	}
}

func TestAnIndexThatIsRemovedByHandIsNoRetention(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(10)
	c.store(noon, noon.Add(time.Hour))
	c.remove(c.lastOn("saveris.index.readings." + day))
	if d := c.about(); d.BadIndex != 1 || d.Removed != 0 || d.Missing != 10 || d.Unexpected != 10 {
		t.Error(show(d))
	}
}

func TestAPageThatGrowsMeanwhileIsComparedAgain(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(9)
	c.store(noon, noon.Add(time.Hour))
	c.add(10)
	hook := func() { c.commit(c.event(uuid(9), noon.Add(9*time.Second), "4.7")) }
	c.hook.Store(&hook)
	wantProven(t, c.about(), 10)
	if c.hook.Load() != nil {
		t.Error("nothing was stored meanwhile, so this proved nothing")
	}
}

func TestWindowsAreHalvedUntilTheyHoldNoMoreThanTheyShould(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{})
	c.add(3000)
	c.store(noon, noon.Add(time.Hour))
	before := c.vendor.Count("submit")
	wantProven(t, c.about(), 3000)
	wide := c.vendor.Count("submit") - before
	c.rows = 700
	wantProven(t, c.about(), 3000)
	if narrow := c.vendor.Count("submit") - before - wide; narrow < wide+5 {
		t.Errorf("%d windows of all rows, %d of 700 at most", wide, narrow)
	}
	c.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultCut, On: "download", Times: 3})
	c.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultQueryError, On: "submit", Times: 2})
	wantProven(t, c.about(), 3000)
}

func TestARefusedLoginEndsIt(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Empty: true}, saveristest.Switches{AuthNoLicence: "403A"})
	v := &verify.Verifier{
		Source: c.client, VendorFeed: c.vendorFeed(), Maker: c.maker(), Feed: c.feed, Rows: c.rows, Keep: c.keep,
		Stream: checkpoint.NewStream(c.js, stream, "saveris", string(c.feed)),
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := v.Run(ctx, checkpoint.Span{From: midnight, Until: noon}, func(verify.Day) error { return nil })
	if !errors.Is(err, saveris.ErrRefused) {
		t.Errorf("error %v, want a refusal", err)
	}
}

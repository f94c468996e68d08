package status_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/tail"
	"saveris-bridge/internal/views"
)

// today is a day of the past whose events still take the live lane in these tests.
var today = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)

// quick are timings that a test can wait for.
var quick = status.Timings{Draw: 10 * time.Millisecond, Follow: tail.Timings{Pause: 10 * time.Millisecond, Look: 50 * time.Millisecond}}

var names = publish.Names{Prefix: "saveris"}

// stage is a broker that a board looks at.
type stage struct {
	testing.TB
	js     jetstream.JetStream
	config publish.Config
	url    string
}

func TestMain(m *testing.M) { bridgetest.Main(m) }

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{TB: t, config: publish.Config{Names: names, Replicas: 1}, url: bridgetest.Embedded(t).ClientURL()}
	s.js = s.dial()
	s.ready()
	return s
}

func (s *stage) dial() jetstream.JetStream { return bridgetest.JetStream(s, s.url) }

// ready makes the streams where they are missing.
func (s *stage) ready() {
	s.Helper()
	if err := publish.Open(s.Context(), s.js, s.config); err != nil {
		s.Fatal(err)
	}
}

// board starts a board and waits for its first picture.
func (s *stage) board() *status.Board {
	s.Helper()
	b := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, Timings: quick})
	s.Go(func() {
		if err := b.Run(s.Context()); !errors.Is(err, s.Context().Err()) {
			s.Error(err)
		}
	})
	if err := b.Ready(s.Context()); err != nil {
		s.Fatal(err)
	}
	return b
}

// Go runs f and waits for it when the test ends.
func (s *stage) Go(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	s.Cleanup(func() { <-done })
}

// await waits until the board shows something.
func (s *stage) await(b *status.Board, what string, so func() bool) {
	s.Helper()
	deadline := time.After(bridgetest.Patience)
	for {
		changed := b.Changed()
		if so() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			s.Fatalf("waited %v for %s; %+v", bridgetest.Patience, what, b.Status())
		}
	}
}

func (s *stage) writer(feed schema.Feed) *publish.Writer {
	return publish.NewWriter(s.js, s.config, publish.Options{
		Feed: feed, Name: "here/1", LiveAge: 90 * 24 * time.Hour, Ages: checkpoint.Ages{time.Hour}, Now: time.Now,
	})
}

// store stores events of a day, which may cover a part of it.
func (s *stage) store(w *publish.Writer, cover *checkpoint.Interval, events ...schema.Event) {
	s.Helper()
	day := ""
	if len(events) > 0 {
		day = events[0].Day()
	} else {
		day = checkpoint.DayOf(cover.From)
	}
	if _, err := w.Commit(s.Context(), day, events, cover); err != nil {
		s.Fatal(err)
	}
	s.show(w.Feed)
}

// show has the bucket show what is stored.
func (s *stage) show(feed schema.Feed) {
	s.Helper()
	if err := views.NewCheckpoints(s.js, s.config, feed).Keep(s.Context(), func(context.Context) error { return nil }); err != nil {
		s.Fatal(err)
	}
}

// cover is the interval [from, until) of today in minutes.
func cover(from, until int) *checkpoint.Interval {
	return &checkpoint.Interval{From: minute(from), Until: minute(until), ReadAt: minute(until + 1), Route: "sync"}
}

func minute(n int) time.Time { return today.Add(time.Duration(n) * time.Minute) }

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

// row makes an event of columns, names and values in turn.
func row(feed schema.Feed, columns ...string) schema.Event {
	var r saveris.Row
	for i := 0; i < len(columns); i += 2 {
		kind := saveris.String
		if columns[i] == "measurement" || columns[i] == "channel_no" || columns[i] == "alarm_value" {
			kind = saveris.Number
		}
		r.Fields = append(r.Fields, saveris.Field{Name: columns[i], Kind: kind, Text: []byte(columns[i+1])})
	}
	return schema.NewMaker(feed, names.Prefix, "http://vendor").Event(&r, schema.Window{}, time.Now())
}

func reading(serial string, at time.Time, value string, more ...string) schema.Event {
	return row(schema.Readings, append([]string{
		"uuid", serial + "-" + at.Format("150405"), "tenant_uuid", "tenant-1", "customer_site", "site-1", "serial_no", serial, "channel_no", "1",
		"physical_property_name", "Temperature", "physical_extension", "Air Temperature", "physical_unit", "°C",
		"timestamp", stamp(at), "measurement", value, "processed_at", stamp(at.Add(30 * time.Second)),
	}, more...)...)
}

func TestAFeedIsToldFromItsRecords(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.writer(schema.Readings)
	w.SetLowWatermark(minute(60))
	s.store(w, cover(60, 120), reading("a", minute(61), "1"), reading("a", minute(62), "2"))
	s.store(w, cover(180, 240))
	s.store(w, &checkpoint.Interval{From: minute(240), Until: minute(245), ReadAt: minute(243), Route: "sync"}) // as joined ones have it
	s.store(w, nil, row(schema.Readings, "uuid", "late", "tenant_uuid", "tenant-1", "customer_site", "site-1", "serial_no", "a", "channel_no", "1",
		"physical_property_name", "Temperature", "physical_extension", "Air Temperature", "physical_unit", "°C",
		"timestamp", stamp(minute(63)), "measurement", "3", "processed_at", stamp(minute(123))))
	s.store(w, nil, reading("a", time.Now().Add(50*time.Hour), "4")) // by a clock that is ahead
	s.store(w, nil, row(schema.Readings, "uuid", "x"))
	b := s.board()
	var f status.Feed
	s.await(b, "all records", func() bool { f = b.Status().Feeds[0]; return f.Rejected == 1 && f.Rows == 4 })
	if f.Feed != schema.Readings || f.Late != 1 || !f.Since.Equal(minute(60)) || !f.CoveredUntil.Equal(minute(245)) || !f.ReadAt.Equal(minute(245)) || f.Writer != "here/1" {
		t.Errorf("%+v", f)
	}
	if len(f.Gaps) != 1 || f.Gaps[0] != (checkpoint.Span{From: minute(120), Until: minute(180)}) {
		t.Errorf("gaps %v", f.Gaps)
	}
	if len(f.Days) != 2 || f.Days[0].Covered*24*60 < 124.9 || f.Days[0].Covered*24*60 > 125.1 || f.Days[0].Late != 1 || f.Days[0].Day != checkpoint.DayOf(today) {
		t.Errorf("days %+v", f.Days)
	}
	if !f.Newest.Equal(minute(63)) || f.Lateness.Events != 4 || f.Lateness.Arrival.Median != 30 || f.Lateness.Storing.Median < 1 {
		t.Errorf("newest %v, lateness %+v", f.Newest, f.Lateness)
	}
	text, err := json.Marshal(b.Status())
	if err != nil || !strings.Contains(string(text), `"gaps":[{"from":"`) || !strings.Contains(string(text), `"backfills":[]`) ||
		!strings.Contains(string(text), `"feed":"alarms","since":null`) || !strings.Contains(string(text), `"gaps":[],"partly_read":[],"lateness":null,"days":[]`) {
		t.Errorf("as JSON, with nothing absent: %s, %v", text, err)
	}
}

func TestGapsAreMergedAcrossDays(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.writer(schema.Readings)
	w.SetLowWatermark(minute(0))
	for _, part := range [][2]int{{0, 600}, {600, 1440}, {1440, 1500}, {2000, 2100}} {
		s.store(w, cover(part[0], part[1]))
	}
	b := s.board()
	s.await(b, "both days", func() bool {
		f := b.Status().Feeds[0]
		return len(f.Days) == 2 && len(f.Gaps) == 1 && f.Gaps[0] == checkpoint.Span{From: minute(1500), Until: minute(2000)}
	})
	if f := s.board().Status().Feeds[0]; len(f.Days) != 2 || len(f.Gaps) != 1 {
		t.Errorf("the first picture of a second board is %+v", f)
	}
}

func TestWhatIsStoredLaterIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := s.board() // nothing is there yet
	if f := b.Status().Feeds[1]; f.Feed != schema.Alarms || f.CoveredUntil != nil || f.Newest != nil {
		t.Errorf("%+v", f)
	}
	s.store(s.writer(schema.Readings), cover(0, 60), reading("a", minute(1), "4.70"))
	s.await(b, "the reading", func() bool { return b.Status().Feeds[0].Rows == 1 && b.Recent("").Known == 1 })
	one := b.Recent("").Sensors[0]
	want := status.Sensor{Tenant: "tenant-1", Site: "site-1", Serial: "a", Channel: "1", Quantity: "air_temperature", Unit: "Cel"}
	points := one.Points
	if one.Points = nil; fmt.Sprint(one) != fmt.Sprint(want) {
		t.Errorf("%+v", one)
	}
	if len(points) != 1 || !points[0].At.Equal(minute(1)) || *points[0].Value != "4.70" {
		t.Errorf("%+v", points)
	}
}

func TestLeaderAndBackfillsAreTold(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := newStage(t)
	b := s.board() // neither bucket exists yet
	leases := publish.NewLeases(s.js, s.config, schema.Alarms, "host/7", nil)
	leader := func(want string) func() bool { return func() bool { return b.Status().Feeds[1].Leader == want } }
	if ours, err := leases.Take(t.Context(), lease.Leader); !ours {
		t.Fatal(err)
	}
	keeping, release := context.WithCancel(t.Context())
	s.Go(func() { leases.Keep(keeping) })
	s.await(b, "the leader", leader("host/7"))
	release()
	s.await(b, "a lease that was given back", leader(""))

	words, err := backfill.OpenStates(t.Context(), s.js, s.config, "http://vendor")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range []schema.Backfill{{ID: "old", Phase: schema.BackfillFinished, StartedAt: minute(0)}, {ID: "new", Phase: schema.BackfillProgress, StartedAt: minute(5), Covered: 0.25}} {
		if err := words.Publish(t.Context(), w); err != nil {
			t.Fatal(i, err)
		}
	}
	s.await(b, "both backfills", func() bool { return len(b.Status().Backfills) == 2 })
	if list := b.Status().Backfills; list[0].ID != "new" || !list[0].Running() || list[1].Running() || list[0].ToldAt.Before(began) {
		t.Errorf("%+v", list)
	}
	kv, err := s.js.KeyValue(t.Context(), names.Backfills())
	if err == nil {
		err = kv.Delete(t.Context(), "old")
	}
	if err != nil {
		t.Fatal(err)
	}
	s.await(b, "the end of one", func() bool { return len(b.Status().Backfills) == 1 })
}

// TestALeaseEndsWithoutAWord, as that of a bridge that was killed does.
func TestALeaseEndsWithoutAWord(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	kv, err := s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: names.Leases(), TTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	b := s.board()
	leader := func(want string) func() bool { return func() bool { return b.Status().Feeds[1].Leader == want } }
	living, kill := context.WithCancel(t.Context())
	s.Go(func() {
		for tick := time.Tick(100 * time.Millisecond); living.Err() == nil; <-tick {
			_, _ = kv.PutString(living, lease.Key(string(schema.Alarms), lease.Leader), "host/7") // fails when it is killed
		}
	})
	s.await(b, "the leader", leader("host/7"))
	kill()
	s.await(b, "the end of the lease", leader(""))
}

func TestTheLastPictureStaysAndTheNextOneComes(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.store(s.writer(schema.Readings), cover(0, 60), reading("a", minute(1), "1"))
	b := s.board()
	s.await(b, "the record", func() bool { return b.Status().Feeds[0].Rows == 1 })
	for _, name := range []string{"KV_" + names.Checkpoints(), names.Stream(schema.Readings)} {
		if err := s.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if f := b.Status().Feeds[0]; f.Rows != 1 || len(b.Recent("").Sensors) != 1 {
		t.Errorf("without stream and bucket: %+v", f)
	}
	s.ready()
	s.store(s.writer(schema.Readings), cover(0, 60), reading("b", minute(1), "1"), reading("b", minute(2), "2"))
	s.await(b, "what the new ones hold", func() bool { return b.Status().Feeds[0].Rows == 2 && b.Recent("").Known == 2 })
}

func TestRejectedRowsAreShownCutAndOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.writer(schema.Alarms)
	long := strings.Repeat("é", 3000)
	var events []schema.Event
	for i := range 105 {
		text := fmt.Sprintf(`{"what":"%d%s"}`, i, long)
		garbage := saveris.Row{Raw: []byte(text), Err: errors.New("garbage")}
		events = append(events, schema.NewMaker(schema.Alarms, names.Prefix, "http://vendor").Event(&garbage, schema.Window{}, time.Now()))
	}
	s.store(w, nil, events...)
	b := s.board()
	rejects := b.Recent("").Rejects
	if len(rejects) != 100 || rejects[0].Feed != schema.Alarms || rejects[0].Reason == "" || len([]rune(rejects[0].Row)) != 1000 {
		t.Errorf("%d rejects, the first: %+v", len(rejects), rejects[:min(1, len(rejects))])
	}
	if slices.ContainsFunc(rejects, func(r status.Reject) bool { return strings.HasPrefix(r.Row, `{"what":"0é`) }) {
		t.Error("the oldest of 105 is among the hundred")
	}
	if f := b.Status().Feeds[1]; f.RejectedAt == nil || !f.RejectedAt.Equal(rejects[0].At) || b.Status().Feeds[0].RejectedAt != nil {
		t.Errorf("rejected at %v, the newest is of %v", f.RejectedAt, rejects[0].At)
	}
}

func TestNoContentStopsABoard(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	b := s.board()
	nc := s.js.Conn()
	for _, data := range []string{"", "{", `{"value":`, `{"value":}`, `{"value":1,"measured_at":"`, `{"value":"1","measured_at":7}`, `[]`, "\x00\xff", `{"raised_at":"x"}`} {
		for _, subject := range []string{"readings.live.t.s.n.1.q", "readings.live.>x", "alarms.live.t.s.alarm.raised.n", "rejected.readings", "rejected.alarms", "checkpoints.readings.2026-01-01", "checkpoints.x.y", "checkpoints.readings.x.y"} {
			if err := nc.Publish(names.Ingest()+"."+subject, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	good := reading("a", minute(1), "1")
	if err := nc.Publish(good.Ingest(schema.Live), good.AppendData(nil)); err != nil {
		t.Fatal(err)
	}
	s.await(b, "a reading after all that", func() bool { r := b.Recent("a"); return len(r.Sensors) == 1 && r.Sensors[0].Serial == "a" })
}

package publish

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// The page that these tests write.
const subscriberDay = "2026-07-01"

var subscriberConfig = Config{Names: Names{Prefix: "saveris"}, Replicas: 1}

// subscriberAt is when the bridge stores what these tests store: in time for the live lane.
func subscriberAt() time.Time { return time.Date(2026, 7, 1, 11, 0, 0, 0, time.UTC) }

// startStreams starts a server with the bridge's streams and returns a connection to it.
func startStreams(t *testing.T) jetstream.JetStream {
	t.Helper()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if err := Open(t.Context(), js, subscriberConfig); err != nil {
		t.Fatal(err)
	}
	return js
}

// listen subscribes as people do who do not know of streams.
func listen(t *testing.T, js jetstream.JetStream, subject string) *nats.Subscription {
	t.Helper()
	nc := bridgetest.Connect(t, js.Conn().ConnectedUrl())
	sub, err := nc.SubscribeSync(subject)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func liveWriter(t *testing.T, js jetstream.JetStream) *Writer {
	t.Helper()
	w := NewWriter(js, subscriberConfig, Options{Feed: schema.Readings, LiveAge: 24 * time.Hour, Now: subscriberAt})
	if err := w.send.begin(); err != nil {
		t.Fatal(err)
	}
	return w
}

// someReadings makes events with the ids first, first+1, …
func someReadings(first, n int) []schema.Event {
	maker := schema.NewMaker(schema.Readings, "saveris", "http://vendor")
	var events []schema.Event
	for i := first; i < first+n; i++ {
		events = append(events, maker.Event(&saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: fmt.Appendf(nil, "uuid-%d", i)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")},
		}}, schema.Window{}, subscriberAt()))
	}
	return events
}

// batchOf makes a batch of events that the page does not hold.
func batchOf(t *testing.T, w *Writer, events []schema.Event) *batch {
	t.Helper()
	page, err := w.book.Page(t.Context(), subscriberDay)
	if err != nil {
		t.Fatal(err)
	}
	news := page.New(events)
	b, err := w.batch(page.Seq, page.Record.Next(news.Entries, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	b.events, b.entries = news.Events, news.Entries
	return b
}

func TestASubscriberSeesWhatIsStoredAndNothingElse(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	sub := listen(t, js, "saveris.>")
	w := liveWriter(t, js)

	abandoned := batchOf(t, w, someReadings(0, 3))
	if err := w.send.stage(abandoned); err != nil {
		t.Fatal(err)
	}
	w.send.abandon(abandoned)

	refused := batchOf(t, w, someReadings(3, 3))
	refused.after = 77
	if _, err := w.send.send(t.Context(), refused); !errors.Is(err, errConflict) {
		t.Fatalf("a batch behind a record that is not there: %v", err)
	}

	cover := &checkpoint.Interval{From: subscriberAt().Add(-time.Hour), Until: subscriberAt(), ReadAt: subscriberAt(), Route: "sync"}
	if result, err := w.Commit(t.Context(), subscriberDay, someReadings(6, 3), cover); err != nil || result.Stored != 3 {
		t.Fatal(result, err)
	}
	last := ""
	for i := range 3 {
		m, err := sub.NextMsg(bridgetest.Patience)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{m.Header["ce-id"][0], m.Header.Get("Nats-Stream"), m.Header.Get("Nats-Sequence"), m.Header.Get("Nats-Last-Sequence")}
		want := []string{fmt.Sprintf("uuid-%d", i+6), "SAVERIS_READINGS", fmt.Sprint(i + 1), last}
		if last = got[2]; i == 0 {
			want[3] = "0"
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || !strings.HasPrefix(m.Subject, "saveris.readings.live.") {
			t.Errorf("saw %v on %s, want %v", got, m.Subject, want)
		}
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	if n, _, _ := sub.Pending(); n > 0 {
		t.Errorf("saw %d messages more", n)
	}
}

func TestTheHistoryLaneIsNotRepublished(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	sub := listen(t, js, "saveris.>")
	w := liveWriter(t, js)
	w.LiveAge = time.Minute
	if _, err := w.Commit(t.Context(), subscriberDay, someReadings(0, 3), nil); err != nil {
		t.Fatal(err)
	}
	w.LiveAge = 24 * time.Hour
	if _, err := w.Commit(t.Context(), subscriberDay, someReadings(3, 1), nil); err != nil {
		t.Fatal(err)
	}
	if m, err := sub.NextMsg(bridgetest.Patience); err != nil || m.Header["ce-id"][0] != "uuid-3" {
		t.Errorf("saw %+v first (%v), want the live event", m, err)
	}
}

// TestAllChangesOfTheFleetAreRepublished: their stream has no lanes.
func TestAllChangesOfTheFleetAreRepublished(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	if _, err := js.Conn().Request("saveris.devices.a.b.c", []byte("forged"), bridgetest.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("%v, want that nobody takes it", err)
	}
	sub := listen(t, js, "saveris.>")
	ack, err := js.Publish(t.Context(), "saveris-ingest.devices.device.t.1", []byte("{}"))
	if err != nil || ack.Stream != "SAVERIS_DEVICES" {
		t.Fatal(ack, err)
	}
	m, err := sub.NextMsg(bridgetest.Patience)
	if err != nil || m.Subject != "saveris.devices.device.t.1" || m.Header.Get("Nats-Sequence") != "1" {
		t.Errorf("saw %+v (%v)", m, err)
	}
}

func TestWhatOthersPublishOnReadersSubjectsIsNotStored(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	for _, feed := range Feeds {
		for _, subject := range []string{
			"saveris." + string(feed) + ".live.t.s.1.1.x", "saveris.rejected." + string(feed),
			"saveris.index." + string(feed) + "." + subscriberDay, "saveris.checkpoints." + string(feed) + "." + subscriberDay,
		} {
			_, err := js.Conn().Request(subject, []byte("forged"), bridgetest.Patience)
			if !errors.Is(err, nats.ErrNoResponders) {
				t.Errorf("%s: %v, want that nobody takes it", subject, err)
			}
		}
		stream, err := js.Stream(t.Context(), subscriberConfig.Names.Stream(feed))
		if err != nil || stream.CachedInfo().State.Msgs != 0 {
			t.Errorf("%s holds %d messages (%v)", feed, stream.CachedInfo().State.Msgs, err)
		}
	}
}

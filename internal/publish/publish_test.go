package publish_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

const (
	day    = "2026-11-23"
	stream = "SAVERIS_READINGS"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	config = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	ages   = checkpoint.Ages{time.Hour}
)

func TestMain(m *testing.M) { bridgetest.Main(m) }

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	return bridgetest.Connect(t, url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(50*time.Millisecond))
}

// mend mends a link that has become deaf, and waits for the new connection: what is asked on the old one is never answered.
func mend(link *bridgetest.Link, nc *nats.Conn) {
	connected := nc.StatusChanged(nats.CONNECTED)
	link.Mend()
	<-connected
}

func open(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	return js
}

func newWriter(js jetstream.JetStream, timeout time.Duration) *publish.Writer {
	return publish.NewWriter(js, config, publish.Options{
		Feed: schema.Readings, Name: "test", LiveAge: 24 * time.Hour, Ages: ages,
		Now: func() time.Time { return noon.Add(time.Hour) }, Timeout: timeout,
	})
}

// reading makes an event of a row that has the least a reading needs.
func reading(uuid string, at time.Time, value string) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte(uuid)},
		{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
		{Name: "measurement", Kind: saveris.Number, Text: []byte(value)},
	}}
	return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}

func readings(from, until int) []schema.Event {
	var events []schema.Event
	for i := from; i < until; i++ {
		events = append(events, reading(fmt.Sprintf("uuid-%d", i), noon.Add(time.Duration(i)*time.Second), "4.7"))
	}
	return events
}

func commit(t *testing.T, w *publish.Writer, events []schema.Event, cover *checkpoint.Interval) publish.Result {
	t.Helper()
	result, err := w.Commit(t.Context(), day, events, cover)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func interval(from, until time.Duration) *checkpoint.Interval {
	return &checkpoint.Interval{From: noon.Add(from), Until: noon.Add(until), ReadAt: noon.Add(until), Route: "sync"}
}

// message is a stored message as far as these tests look at it.
type message struct {
	subject string
	header  nats.Header
	data    []byte
}

// id is that of the message's event, in either content mode; empty where it holds none.
func (m message) id() string {
	if id := m.header["ce-id"]; len(id) == 1 {
		return id[0]
	}
	var event struct{ ID string }
	if m.header["content-type"] == nil || json.Unmarshal(m.data, &event) != nil {
		return ""
	}
	return event.ID
}

// stored reads a whole stream.
func stored(t *testing.T, js jetstream.JetStream, name string) []message {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var all []message
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq && seq > 0; seq++ {
		msg, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatalf("sequence %d: %v", seq, err)
		}
		all = append(all, message{msg.Subject, msg.Header, msg.Data})
	}
	return all
}

// ids counts the events of a stream by id.
func ids(messages []message) map[string]int {
	count := map[string]int{}
	for _, m := range messages {
		if id := m.id(); id != "" {
			count[id]++
		}
	}
	return count
}

// checkOnce fails unless the stream holds just these events, each once, and a record and an index that say so.
func checkOnce(t *testing.T, js jetstream.JetStream, events []schema.Event) {
	t.Helper()
	messages := stored(t, js, stream)
	want := map[string]int{}
	for _, e := range events {
		want[e.ID] = 1
	}
	if got := ids(messages); !maps.Equal(got, want) {
		t.Errorf("stored %d ids %d times, want %d once", len(got), total(got), len(want))
	}
	checkIndex(t, messages)
}

func total(count map[string]int) (n int) {
	for _, c := range count {
		n += c
	}
	return n
}

// checkIndex fails unless every index message lists the events right before it, and every record counts what is stored.
func checkIndex(t *testing.T, messages []message) {
	t.Helper()
	var digest checkpoint.Digest
	var rows uint64
	for i, m := range messages {
		switch {
		case strings.HasPrefix(m.subject, "saveris.index."):
			entries, err := checkpoint.Entries(m.data)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.header.Get("Saveris-Events"); got != fmt.Sprint(len(entries)) {
				t.Errorf("index says %s events, its body %d", got, len(entries))
			}
			for j, e := range entries {
				id := messages[i-len(entries)+j].id()
				if id == "" || checkpoint.NewEntry(id, binary.BigEndian.Uint32(e[12:])) != e {
					t.Errorf("entry %d of the index at %d is not the id %q", j, i, id)
				}
				digest, rows = digest.Add(e), rows+1
			}
		case strings.HasPrefix(m.subject, "saveris.checkpoints."):
			record, err := checkpoint.ParseRecord(m.data)
			if err != nil {
				t.Fatal(err)
			}
			if record.Rows != rows || record.Digest != digest {
				t.Errorf("record counts %d rows with digest %s, the stream holds %d with %s", record.Rows, record.Digest, rows, digest)
			}
		}
	}
}

func TestEventsOfManyBatchesAreStoredOnce(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w, events := newWriter(js, 0), readings(0, 2500)
	result := commit(t, w, events, interval(0, time.Hour))
	if result.Stored != 2500 {
		t.Errorf("stored %d, want 2500", result.Stored)
	}
	checkOnce(t, js, events)
	messages := stored(t, js, stream)
	if len(messages) != 2500+2*3 {
		t.Errorf("%d messages, want three batches with an index and a record each", len(messages))
	}
	for i, covered := range map[int]int{999: 0, 1999: 0, 2505: 1} { // only the last batch covers
		record, err := checkpoint.ParseRecord(messages[i].data)
		if err != nil || len(record.Covered) != covered {
			t.Errorf("message %d: covered %v, want %d intervals (%v)", i, record.Covered, covered, err)
		}
	}
}

func TestWhatIsStoredIsRecognisedByAnotherProcess(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 1500), interval(0, time.Hour))
	result := commit(t, newWriter(js, 0), readings(500, 2000), interval(0, time.Hour))
	if result.Stored != 500 {
		t.Errorf("result %+v, want 500 stored and 1000 known", result)
	}
	checkOnce(t, js, readings(0, 2000))
}

func TestARowThatComesTwiceInOneReadingIsOneEvent(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	result := commit(t, newWriter(js, 0), append(readings(0, 10), readings(5, 12)...), nil)
	if result.Stored != 12 {
		t.Errorf("result %+v, want 12 stored and 5 known", result)
	}
	checkOnce(t, js, readings(0, 12))
}

func TestCorrectionIsAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	first, second := reading("u", noon, "4.7"), reading("u", noon, "4.8")
	for range 2 { // the second round brings nothing new, whichever content comes
		for _, e := range []schema.Event{first, second, first} {
			commit(t, w, []schema.Event{e}, nil)
		}
	}
	checkOnce(t, js, []schema.Event{first, second.Revise()})
	for _, m := range stored(t, js, stream) {
		if m.header["ce-id"] != nil && strings.Contains(m.header["ce-id"][0], "~") && m.header["ce-revises"][0] != "u" {
			t.Errorf("the correction has headers %v, want ce-revises u", m.header)
		}
	}
}

func TestTwoWritersDoubleNothing(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	js := open(t, connect(t, server.ClientURL()))
	events := readings(0, 6000)
	conflicts := make(chan int, 3)
	var meeting sync.WaitGroup
	meeting.Add(3)
	for i := range 3 {
		w := newWriter(open(t, connect(t, server.ClientURL())), 0)
		meet, now := sync.OnceFunc(func() { meeting.Done(); meeting.Wait() }), w.Now
		w.Now = func() time.Time { meet(); return now() } // a batch is being made: each has read the page, and none has stored
		go func() {
			n := 0
			for from := 0; from < len(events); from += 200 + 50*i {
				result, err := w.Commit(context.Background(), day, events[from:min(from+1500, len(events))], interval(0, time.Hour))
				if err != nil {
					t.Error(err)
				}
				n += result.Conflicts
			}
			conflicts <- n
		}()
	}
	if n := <-conflicts + <-conflicts + <-conflicts; n == 0 {
		t.Error("no conflict: the writers did not meet, so this proved nothing")
	}
	checkOnce(t, js, events)
}

func TestOldEventsTakeTheHistoryLane(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	w.LiveAge = time.Hour + 30*time.Minute
	commit(t, w, []schema.Event{reading("old", noon.Add(-time.Hour), "1"), reading("new", noon, "2")}, nil)
	messages := stored(t, js, stream)
	if !strings.HasPrefix(messages[0].subject, "saveris.readings.history.") || messages[0].header["ce-lane"][0] != "history" {
		t.Errorf("two hours old, stored as %s", messages[0].subject)
	}
	if !strings.HasPrefix(messages[1].subject, "saveris.readings.live.") || messages[1].header["ce-lane"][0] != "live" {
		t.Errorf("one hour old, stored as %s", messages[1].subject)
	}
}

func TestAStreamThatDisappearsIsMadeAgain(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Hour))
	if err := js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for { // not at once: the server may still be removing files of that name
		_, err := w.Commit(t.Context(), day, readings(0, 20), interval(0, time.Hour))
		if err == nil {
			break
		}
		if refused++; t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	if refused < 2 {
		t.Errorf("%d commits met no stream, want the stream made again by a later one", refused)
	}
	checkOnce(t, js, readings(0, 20))
}

func TestSmallerBatchesOfAnOperatorAreLearnt(t *testing.T) {
	t.Parallel()
	url := startLimited(t, 100)
	js := open(t, connect(t, url))
	result := commit(t, newWriter(js, 0), readings(0, 1000), interval(0, time.Hour))
	if result.Stored != 1000 {
		t.Errorf("stored %d, want 1000", result.Stored)
	}
	checkOnce(t, js, readings(0, 1000))
}

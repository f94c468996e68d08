package publish_test

import (
	"context"
	"encoding/binary"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// strays are messages that somebody else may store in the stream of a feed.
var strays = map[string]nats.Msg{
	"no event":                          {Subject: "saveris-ingest.readings.live.hello", Data: []byte("hello")},
	"an empty event":                    {Subject: "saveris-ingest.readings.live.hello"},
	"an event of somebody else":         {Subject: "saveris-ingest.readings.live.hello", Header: nats.Header{"ce-id": {"1"}, "ce-source": {"/x"}, "ce-type": {"x"}, "ce-specversion": {"1.0"}}, Data: []byte(`{}`)},
	"no rejected row":                   {Subject: "saveris-ingest.rejected.readings", Data: []byte(`{"a":1}`)},
	"one byte in the index":             {Subject: "saveris-ingest.index.readings." + day, Data: []byte("x")},
	"the size of an entry":              {Subject: "saveris-ingest.index.readings." + day, Data: make([]byte, checkpoint.EntrySize)},
	"an empty index":                    {Subject: "saveris-ingest.index.readings." + day},
	"an index of no day":                {Subject: "saveris-ingest.index.readings.x", Data: []byte("x")},
	"a text for a record":               {Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte("hello")},
	"an object for a record":            {Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte("{}")},
	"a list for a record":               {Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte("[1]")},
	"a record of another day":           {Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte(`{"version":1,"feed":"readings","day":"2026-11-22","batch":"x"}`)},
	"a record that contradicts itself":  {Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte(`{"version":1,"feed":"readings","day":"2026-11-23","batch":"x","rows":0,"late":3}`)},
	"a deletion marker":                 {Subject: "saveris-ingest.checkpoints.readings." + day, Header: nats.Header{"KV-Operation": {"DEL"}}},
	"a record of no day":                {Subject: "saveris-ingest.checkpoints.readings.some.thing", Data: []byte("x")},
	"a record of a day by another name": {Subject: "saveris-ingest.checkpoints.readings.today", Data: []byte("x")},
	"a record of rejected rows":         {Subject: "saveris-ingest.checkpoints.readings.rejected", Data: []byte("x")},
}

// store stores a message, whatever it holds.
func store(t *testing.T, js jetstream.JetStream, msg nats.Msg) {
	t.Helper()
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: msg.Subject, Header: maps.Clone(msg.Header), Data: msg.Data}); err != nil {
		t.Fatal(err)
	}
}

// named remembers what a writer passes over.
type named struct {
	mu  sync.Mutex
	seq map[uint64]checkpoint.ForeignMessage
}

func (n *named) note(f checkpoint.ForeignMessage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seq == nil {
		n.seq = map[uint64]checkpoint.ForeignMessage{}
	}
	n.seq[f.Seq] = f
}

// checkHeld fails unless these events are stored once each, beside whatever else is there, and their page proves it.
func checkHeld(t *testing.T, js jetstream.JetStream, events []schema.Event) {
	t.Helper()
	got := ids(stored(t, js, stream))
	for _, e := range events {
		if got[e.ID] != 1 {
			t.Errorf("%s is stored %d times", e.ID, got[e.ID])
		}
	}
	list, err := checkpoint.NewStream(js, stream, "saveris", "readings").Listing(t.Context(), day)
	if err != nil || len(list.Faults) > 0 || len(list.Entries) != len(events) || list.Record.Rows != uint64(len(events)) {
		t.Errorf("the index has %d entries, the record %d rows, faults %v (%v): want %d", len(list.Entries), list.Record.Rows, list.Faults, err, len(events))
	}
	if result := commit(t, newWriter(js, 0), events, nil); result.Stored != 0 {
		t.Errorf("stored again: %+v", result)
	}
}

func TestWhatSomebodyElseStoresStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	for name, stray := range strays {
		t.Run(name, func(t *testing.T) {
			js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
			accounts := func() *publish.Accounts { return publish.NewAccounts(js, config, "00112233aabbccdd") }
			writer := func(n *named) *publish.Writer {
				w := newWriter(js, 0)
				w.Accounts, w.OnForeign = accounts(), n.note
				return publish.NewWriter(js, config, w.Options)
			}
			var n named
			store(t, js, stray)
			first := writer(&n)
			if err := first.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			commit(t, first, readings(0, 10), interval(0, time.Minute))
			store(t, js, stray)
			commit(t, first, readings(0, 20), interval(0, 2*time.Minute))
			for range 2 {
				store(t, js, stray)
			}
			second := writer(&n)
			if unknown, err := second.Accounts.Look(t.Context()); err != nil || len(unknown) > 0 {
				t.Errorf("accounts %v (%v)", unknown, err)
			}
			if covered, err := second.Covered(t.Context(), checkpoint.Span{From: noon.AddDate(0, 0, -60), Until: noon.AddDate(0, 0, 1)}); err != nil || len(covered) != 1 {
				t.Errorf("covered %v (%v)", covered, err)
			}
			if sample, err := second.Accounts.Sample(t.Context(), schema.Readings, second.Accounts.Own(), noon.Add(time.Hour)); err != nil || sample == nil || !sample.Has("uuid-19") {
				t.Errorf("sample %v (%v)", sample, err)
			}
			commit(t, second, readings(5, 30), interval(0, 3*time.Minute))
			checkHeld(t, js, readings(0, 30))
			next, err := second.LookForForeign(t.Context(), 0)
			if err != nil || next == 0 {
				t.Fatalf("looked up to %d (%v)", next, err)
			}
			for seq, m := range stored(t, js, stream) {
				foreign := m.id() == "" || m.id() == "1"
				if _, isEntries := m.header["Saveris-Events"]; isEntries {
					foreign = false
				}
				if _, err := checkpoint.ParseRecord(m.data); err == nil && m.subject != "saveris.checkpoints.readings.some.thing" && string(m.data) != string(stray.Data) {
					foreign = false
				}
				if _, is := n.seq[uint64(seq)+1]; is != foreign {
					t.Errorf("sequence %d on %s: named %v, want %v: %s", seq+1, m.subject, is, foreign, m.data)
				}
			}
		})
	}
}

// tear has the broker lose all behind the first messages of the stream, as a power cut may.
func (f *forgetful) tear(keep uint64) {
	f.Helper()
	f.server.Close()
	dir := filepath.Join(f.dir, "jetstream", "$G", "streams", stream, "msgs")
	block := filepath.Join(dir, "1.blk")
	data, err := os.ReadFile(block)
	if err != nil {
		f.Fatal(err)
	}
	end := 0
	for end < len(data) { // a record begins with its length and its sequence, the highest bits of which say more
		seq := binary.LittleEndian.Uint64(data[end+4:])
		if seq&^(3<<62) > keep {
			break
		}
		end += int(binary.LittleEndian.Uint32(data[end:]) &^ (1 << 31))
	}
	if err := os.Truncate(block, int64(end)); err != nil {
		f.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
		f.Fatal(err)
	}
	f.start()
}

// holds fails unless the stream holds just its first messages.
func (f *forgetful) holds(js jetstream.JetStream, n uint64) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), bridgetest.Patience)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		f.Fatal(err)
	}
	if state := s.CachedInfo().State; state.Msgs != n || state.LastSeq != n {
		f.Fatalf("the stream holds %d messages up to %d, want %d", state.Msgs, state.LastSeq, n)
	}
}

func TestATornBatchIsFinishedAndNothingElse(t *testing.T) {
	t.Parallel()
	copyOf := readings(3, 4)[0]
	copied := nats.Msg{Subject: copyOf.Ingest(schema.Live), Header: nats.Header{}, Data: copyOf.AppendData(nil)}
	copyOf.Header(copied.Header, schema.Live, noon)
	for name, c := range map[string]struct {
		keep    uint64 // of ten events, index, record, then twenty events, index, record
		strays  []nats.Msg
		doubled int // events that cannot be listed any more
	}{
		"events":                 {keep: 12 + 5},
		"all events":             {keep: 12 + 20},
		"an index":               {keep: 12 + 21},
		"nothing":                {keep: 12 + 22},
		"nothing, and a stray":   {keep: 12 + 22, strays: []nats.Msg{strays["no event"]}},
		"nothing, and a copy":    {keep: 12 + 22, strays: []nats.Msg{copied}},
		"a whole batch, and two": {keep: 12, strays: []nats.Msg{copied, strays["one byte in the index"]}},
		"an index, and a stray":  {keep: 12 + 21, strays: []nats.Msg{strays["no event"], strays["a deletion marker"]}},
		"events, and a stray":    {keep: 12 + 5, strays: []nats.Msg{strays["no event"]}, doubled: 5},
		"an index, and many":     {keep: 12 + 21, strays: slices.Repeat([]nats.Msg{strays["no event"]}, 1000)}, // more than a batch has messages
		"nothing, and many":      {keep: 12 + 22, strays: slices.Repeat([]nats.Msg{strays["no event"]}, 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			broker := startForgetful(t)
			js := open(t, connect(t, broker.server.ClientURL()))
			w := newWriter(js, 0)
			commit(t, w, readings(0, 10), interval(0, time.Minute))
			commit(t, w, readings(10, 30), nil)
			broker.tear(c.keep)
			js = open(t, connect(t, broker.server.ClientURL()))
			broker.holds(js, c.keep)
			for _, stray := range c.strays {
				store(t, js, stray)
			}
			var n named
			w = newWriter(js, 0)
			w.OnForeign = n.note
			w = publish.NewWriter(js, config, w.Options)
			commit(t, w, readings(0, 40), interval(0, time.Hour))
			list, err := checkpoint.NewStream(js, stream, "saveris", "readings").Listing(t.Context(), day)
			if err != nil || len(list.Faults) > 0 || len(list.Entries) != 40 || list.Record.Rows != 40 {
				t.Errorf("the index has %d entries, the record %d rows, faults %v (%v): want 40", len(list.Entries), list.Record.Rows, list.Faults, err)
			}
			twice := 0
			for id, times := range ids(stored(t, js, stream)) {
				if twice += times - 1; id == copyOf.ID && len(c.strays) > 0 && c.strays[0].Header != nil {
					twice--
				}
			}
			if twice != c.doubled {
				t.Errorf("%d events are stored twice, want %d", twice, c.doubled)
			}
			if want := min(1, len(c.strays)); len(n.seq) < want || want == 0 && len(n.seq) > 0 {
				t.Errorf("named %v", n.seq)
			}
		})
	}
}

// TestAStrayRecordInTheMiddleOfACommitIsAConflict, and no more: the batch is sent again behind it.
func TestAStrayRecordInTheMiddleOfACommitIsAConflict(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	put := sync.OnceFunc(func() { store(t, js, strays["a text for a record"]) })
	w.Now = func() time.Time { put(); return noon } // asked for right before a batch is sent
	if result := commit(t, w, readings(0, 20), interval(0, 2*time.Minute)); result.Stored != 10 || result.Conflicts != 1 {
		t.Errorf("%+v, want ten events and a conflict", result)
	}
	checkHeld(t, js, readings(0, 20))
}

func TestForeignMessagesAreFoundBeforeTheFirstRecord(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	var n named
	w := newWriter(js, 0)
	w.OnForeign = n.note
	store(t, js, nats.Msg{Subject: "saveris-ingest.readings.live.hello", Data: []byte("hello")})
	store(t, js, nats.Msg{Subject: "saveris-ingest.checkpoints.readings." + day, Data: []byte("x")})
	if _, err := w.LookForForeign(t.Context(), 0); err != nil || len(n.seq) != 2 {
		t.Errorf("named %v (%v)", n.seq, err)
	}
}

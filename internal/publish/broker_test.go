package publish_test

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// startLimited starts a server whose operator allows batches of n messages.
func startLimited(t *testing.T, n int) (url string) {
	t.Helper()
	return startConfigured(t, "jetstream { store_dir: %q, limits { batch { max_msgs: "+strconv.Itoa(n)+" } } }\n")
}

func TestLostAckIsNotStoredTwice(t *testing.T) {
	t.Parallel()
	link, direct, nc := linked(t)
	w := newWriter(open(t, nc), time.Second)
	commit(t, newWriter(direct, 0), readings(0, 10), interval(0, time.Minute))

	link.DeafenAt(`"count":`) // the answer to a stored batch
	if _, err := w.Commit(t.Context(), day, readings(0, 20), interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrUnanswered) {
		t.Fatalf("error %v: expected an answer to be lost and the commit to say so", err)
	}
	bridgetest.Await(t, "the answer, which may be late", func(context.Context) bool { return link.Deaf() })
	mend(link, nc)
	if n := len(stored(t, direct, stream)); n != 10+2+10+2 {
		t.Fatalf("%d messages: expected the unanswered batch to be stored", n)
	}
	commitUntilDone(t, w, readings(0, 30), interval(0, 3*time.Minute))
	checkOnce(t, direct, readings(0, 30))
}

// TestABatchIsNotWaitedForOnceTheConnectionIsBack: its answer went to the one before, and would be waited for for an hour here.
func TestABatchIsNotWaitedForOnceTheConnectionIsBack(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	direct := open(t, connect(t, server.ClientURL()))
	w := newWriter(open(t, connect(t, link.URL())), time.Hour)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	for _, events := range [][]schema.Event{readings(0, 20), nil} { // a batch, and a record alone
		loseAnswer(link, `{"stream":"`)
		if _, err := w.Commit(t.Context(), day, events, interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrDisconnected) {
			t.Errorf("the commit of %d events ends with %v", len(events), err)
		}
		commitUntilDone(t, w, events, interval(0, 2*time.Minute))
	}
	checkOnce(t, direct, readings(0, 20))
}

func TestAnAnswerThatNeverComesDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	w := newWriter(open(t, connect(t, link.URL())), time.Hour)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	link.Before(`"count":`, func() { cancel(); <-ended }) // the answer is held back
	_, err := w.Commit(ctx, day, readings(0, 20), interval(0, 2*time.Minute))
	close(ended)
	if err == nil { // within an hour, or the test fails by its own limit
		t.Error("a batch without an answer counts as stored")
	}
}

// commitUntilDone commits until it works, and returns what all calls have done.
func commitUntilDone(t *testing.T, w *publish.Writer, events []schema.Event, cover *checkpoint.Interval) publish.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bridgetest.Patience)
	defer cancel()
	for sum := (publish.Result{}); ; {
		result, err := w.Commit(ctx, day, events, cover)
		sum = sum.Add(result)
		if err == nil {
			return sum
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// forgetful is a broker that can be put back to what it held before.
type forgetful struct {
	*testing.T
	dir, backup, listen string
	server              *natsd.Server
}

func startForgetful(t *testing.T) *forgetful {
	t.Helper()
	f := &forgetful{T: t, dir: t.TempDir(), listen: bridgetest.Address(t)}
	f.start()
	t.Cleanup(func() { f.server.Close() })
	return f
}

func (f *forgetful) start() {
	f.Helper()
	server, err := natsd.Start(natsd.Config{Dir: f.dir, Listen: f.listen})
	if err != nil {
		f.Fatal(err)
	}
	f.server = server
}

// remember restarts the broker and keeps what it holds.
func (f *forgetful) remember() {
	f.Helper()
	f.server.Close()
	f.backup = f.TempDir()
	f.copy(f.backup, f.dir)
	f.start()
}

// forget restarts the broker with what it held when it was told to remember.
func (f *forgetful) forget() {
	f.Helper()
	f.server.Close()
	if err := os.RemoveAll(f.dir); err != nil {
		f.Fatal(err)
	}
	f.copy(f.dir, f.backup)
	f.start()
}

func (f *forgetful) copy(to, from string) {
	f.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		f.Fatal(err)
	}
}

func TestABrokerThatLostItsTailIsFilledAgain(t *testing.T) {
	t.Parallel()
	broker := startForgetful(t)
	js := open(t, connect(t, broker.server.ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	broker.remember()
	commitUntilDone(t, w, readings(0, 30), interval(0, 2*time.Minute))
	broker.forget()
	// The same writer still has all of it in memory. What it reads next overlaps what was lost.
	commitUntilDone(t, w, readings(5, 40), interval(0, 3*time.Minute))
	checkOnce(t, js, readings(0, 40))
}

func TestABrokerThatLostItsTailAndGrewAgainIsFilledAgain(t *testing.T) {
	t.Parallel()
	broker := startForgetful(t)
	js := open(t, connect(t, broker.server.ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	broker.remember()
	commitUntilDone(t, w, readings(0, 30), interval(0, 2*time.Minute))
	broker.forget()
	commitUntilDone(t, newWriter(js, 0), readings(40, 100), nil) // its record stands behind the one that w knows
	commitUntilDone(t, w, readings(5, 45), interval(0, 3*time.Minute))
	checkOnce(t, js, append(readings(0, 45), readings(45, 100)...))
}

func TestForeignStreamsAreRefusedWithTheDifference(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"without atomic batches": {func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false }, "allow_atomic is false"},
		"without the index":      {func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:2] }, "subjects saveris-ingest.index.readings.>, saveris-ingest.checkpoints.readings.> are missing"},
		"without the transform":  {func(c *jetstream.StreamConfig) { c.SubjectTransform = nil }, "subject transform is none, expected saveris-ingest.> to saveris.>"},
		"open to readers": {func(c *jetstream.StreamConfig) {
			c.Subjects = append(c.Subjects, "saveris.readings.>")
			c.RePublish = nil
		}, "subject saveris.readings.> is not expected"},
		"dropping events": {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 }, "max_msgs_per_subject is 1"},
		"small messages":  {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, "max_msg_size is 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			nc := connect(t, bridgetest.Embedded(t).ClientURL())
			js, err := jetstream.New(nc)
			if err != nil {
				t.Fatal(err)
			}
			foreign := config.Stream(schema.Readings)
			c.change(&foreign)
			if _, err := js.CreateStream(t.Context(), foreign); err != nil {
				t.Fatal(err)
			}
			err = publish.Open(t.Context(), js, config)
			if !errors.Is(err, publish.ErrUnfit) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAStreamThatCanServeIsUsedAsItIs(t *testing.T) {
	t.Parallel()
	nc := connect(t, bridgetest.Embedded(t).ClientURL())
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	own := config.Stream(schema.Readings)
	own.Compression, own.Description, own.RePublish = jetstream.S2Compression, "ours", nil
	own.Subjects = []string{"saveris-ingest.readings.>", "saveris-ingest.rejected.readings", "saveris-ingest.index.readings.>", "saveris-ingest.checkpoints.>"}
	if _, err := js.CreateStream(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	err = publish.Open(t.Context(), js, config)
	if err == nil || !strings.Contains(err.Error(), "ALARMS") { // the readings took the alarms' checkpoints
		t.Errorf("got %v, want the overlap of the other stream's subjects named", err)
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil || s.CachedInfo().Config.Description != "ours" || s.CachedInfo().Config.Compression != jetstream.S2Compression {
		t.Errorf("the stream was altered: %+v (%v)", s.CachedInfo().Config, err)
	}
}

func TestAPageWhoseBeginningRetentionRemovedIsStillProven(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 2500), interval(0, time.Hour))
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(1500)); err != nil { // into the second batch
		t.Fatal(err)
	}
	result := commit(t, newWriter(js, 0), readings(998, 2600), interval(0, time.Hour))
	if result.Stored != 100 {
		t.Errorf("stored %d, want 100: the rest is known", result.Stored)
	}
	if err := s.DeleteMsg(t.Context(), 2506-1); err != nil { // an index message in the middle
		t.Fatal(err)
	}
	if _, err := newWriter(js, 0).Commit(t.Context(), day, readings(0, 10), nil); !errors.Is(err, checkpoint.ErrIndex) {
		t.Errorf("a hole in the index: got %v, want ErrIndex", err)
	}
}

func TestATornBatchAtTheEndIsFinished(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]uint64{"events without an index": 700, "all events without an index": 998, "an index without a record": 999} {
		for _, mode := range []schema.Mode{schema.Binary, schema.Structured} {
			t.Run(name+", "+string(mode), func(t *testing.T) {
				broker := startForgetful(t)
				js := open(t, connect(t, broker.server.ClientURL()))
				commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
				w := newWriter(js, 0)
				w.Mode = mode
				commit(t, w, readings(10, 1008), nil)
				broker.tear(12 + keep)
				js = open(t, connect(t, broker.server.ClientURL()))
				w = newWriter(js, 0)
				commit(t, w, readings(0, 1500), interval(0, time.Hour))
				checkOnce(t, js, readings(0, 1500))
			})
		}
	}
}

// TestATornBatchInACopyOfAStreamIsFinished: what was sourced from another stream has lost the headers of batches.
func TestATornBatchInACopyOfAStreamIsFinished(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]int{"events without an index": 700, "an index without a record": 999} {
		t.Run(name, func(t *testing.T) {
			js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
			withoutBatches(t, js)
			tearBatch(t, js, readings(10, 1008), keep)
			commit(t, newWriter(js, 0), readings(0, 1500), interval(0, time.Hour))
			checkOnce(t, js, readings(0, 1500))
		})
	}
}

// TestABatchThatTheServerStopsHalfwayIsFinishedAfterAConflict: while a commit is under way another one is stored, and half of a third.
func TestABatchThatTheServerStopsHalfwayIsFinishedAfterAConflict(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w, now := newWriter(js, 0), noon.Add(time.Hour)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	withoutBatches(t, js)
	w = newWriter(js, 0)
	if err := w.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Now = func() time.Time { // a batch is being made
		w.Now = func() time.Time { return now }
		commit(t, newWriter(js, 0), nil, interval(0, 2*time.Minute)) // a record alone, which is in no batch: the stream stays a copy
		tearBatch(t, js, readings(10, 1008), 34)
		return now
	}
	if result := commit(t, w, readings(0, 1500), interval(0, time.Hour)); result.Conflicts == 0 {
		t.Error("no conflict")
	}
	checkOnce(t, js, readings(0, 1500))
}

// TestWhatALostConnectionStillCarriesIsNotStoredTwice: the server reads the old connection to its end when the writer has looked on the
// new one already, and stops the batch halfway.
func TestWhatALostConnectionStillCarriesIsNotStoredTwice(t *testing.T) {
	t.Parallel()
	w, direct := withALostAnswer(t)
	now := noon.Add(time.Hour)
	storeAnew(t, direct, stored(t, direct, stream)[:12]) // a copy, as if the batch had not arrived yet
	w.Now = func() time.Time {                           // a batch is being made
		w.Now = func() time.Time { return now }
		tearBatch(t, direct, readings(10, 500), 34)
		return now
	}
	commitUntilDone(t, w, readings(0, 500), interval(0, time.Hour))
	checkOnce(t, direct, readings(0, 500))
}

// linked starts a server with the streams, and returns connections to it, one of them through a link.
func linked(t *testing.T) (link *bridgetest.Link, direct jetstream.JetStream, nc *nats.Conn) {
	t.Helper()
	server := bridgetest.Embedded(t)
	link = bridgetest.LinkTo(t, server.ClientURL())
	return link, open(t, connect(t, server.ClientURL())), connect(t, link.URL())
}

// loseAnswer has the next answer that holds a text get lost with its connection, which may be made anew at once.
func loseAnswer(link *bridgetest.Link, text string) {
	link.Before(text, func() { link.Cut(); link.Mend() })
}

// withALostAnswer returns a writer that has stored ten readings, and whose last batch, of 500, nobody has answered.
func withALostAnswer(t *testing.T) (w *publish.Writer, direct jetstream.JetStream) {
	t.Helper()
	link, direct, nc := linked(t)
	w = newWriter(open(t, nc), time.Hour)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	loseAnswer(link, `"count":`)
	if _, err := w.Commit(t.Context(), day, readings(0, 500), interval(0, time.Hour)); !errors.Is(err, publish.ErrDisconnected) {
		t.Fatalf("the answer is not lost: %v", err)
	}
	return w, direct
}

// TestABatchThatIsTornWhileAnotherIsMadeIsFinished: the broker is gone and back, without its tail, when the writer has looked at the
// stream's end and has sent nothing yet.
func TestABatchThatIsTornWhileAnotherIsMadeIsFinished(t *testing.T) {
	t.Parallel()
	link, direct, nc := linked(t)
	now := noon.Add(time.Hour)
	commit(t, newWriter(direct, 0), readings(0, 10), interval(0, time.Minute))
	withoutBatches(t, direct)
	w := newWriter(open(t, nc), time.Hour)
	w.Now = func() time.Time { // a batch is being made
		w.Now = func() time.Time { return now }
		back := nc.StatusChanged(nats.CONNECTED)
		link.Cut()
		link.Mend()
		<-back
		tearBatch(t, direct, readings(10, 500), 34)
		return now
	}
	commitUntilDone(t, w, readings(0, 500), interval(0, time.Hour))
	checkOnce(t, direct, readings(0, 500))
}

// TestNoRecordAloneHidesATornBatch from whoever looks at the stream's end.
func TestNoRecordAloneHidesATornBatch(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(*testing.T, *publish.Writer) error{
		"low watermark": func(t *testing.T, w *publish.Writer) error {
			last, err := w.Last(t.Context())
			if err == nil {
				_, err = w.AdvanceLowWatermark(t.Context(), day, noon, last)
			}
			return err
		},
		"coverage that is taken back": func(t *testing.T, w *publish.Writer) error {
			_, err := w.Uncover(t.Context(), day, checkpoint.Span{From: noon, Until: noon.Add(time.Minute)})
			return err
		},
	} {
		for meanwhile, during := range map[string]bool{"torn before": false, "torn while it is made": true} {
			t.Run(name+", "+meanwhile, func(t *testing.T) {
				t.Parallel()
				js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
				commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
				withoutBatches(t, js)
				w, now := newWriter(js, 0), noon.Add(time.Hour)
				if err := w.Ready(t.Context()); err != nil {
					t.Fatal(err)
				}
				tear := func() { tearBatch(t, js, readings(10, 500), 34) }
				if during {
					w.Now = func() time.Time { // the record is being made
						w.Now = func() time.Time { return now }
						tear()
						return now
					}
				} else {
					tear()
				}
				if err := store(t, w); err != nil {
					t.Fatal(err)
				}
				commitUntilDone(t, w, readings(0, 500), interval(0, time.Hour))
				checkOnce(t, js, readings(0, 500))
			})
		}
	}
}

// TestAStreamThatIsMadeAnewAfterALostAnswerIsWritten: its sequences begin again.
func TestAStreamThatIsMadeAnewAfterALostAnswerIsWritten(t *testing.T) {
	t.Parallel()
	w, direct := withALostAnswer(t)
	if err := w.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := direct.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	commitUntilDone(t, w, readings(0, 500), interval(0, time.Hour))
	checkOnce(t, direct, readings(0, 500))
}

// TestATornBatchOfAStreamThatIsMadeAnewIsFinished: it ends at a sequence that the writer had seen in the stream before.
func TestATornBatchOfAStreamThatIsMadeAnewIsFinished(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 500), interval(0, time.Hour))
	if err := js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	commitUntilDone(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
	withoutBatches(t, js)
	tearBatch(t, js, readings(10, 500), 34)
	commitUntilDone(t, w, readings(0, 500), interval(0, time.Hour))
	checkOnce(t, js, readings(0, 500))
}

// TestALostAnswerHoldsNoWriterUpForEver beside one that stores, on another page, whenever this one makes a batch.
func TestALostAnswerHoldsNoWriterUpForEver(t *testing.T) {
	t.Parallel()
	w, direct := withALostAnswer(t)
	beside, minutes := newWriter(direct, 0), 0
	w.Now = func() time.Time {
		minutes++
		at := noon.AddDate(0, 0, -1)
		if _, err := beside.Commit(t.Context(), at.Format(time.DateOnly), nil, &checkpoint.Interval{From: at, Until: at.Add(time.Duration(minutes) * time.Minute), ReadAt: noon, Route: "sync"}); err != nil {
			t.Error(err)
		}
		return noon.Add(time.Hour)
	}
	commitUntilDone(t, w, readings(0, 700), interval(0, time.Hour))
	if got := ids(stored(t, direct, stream)); len(got) != 700 || total(got) != 700 {
		t.Errorf("stored %d ids %d times, want 700 once", len(got), total(got))
	}
}

// TestABatchThatTheServerStopsHalfwayIsFinished where the connection stays: the writer has looked at the stream's end before.
func TestABatchThatTheServerStopsHalfwayIsFinished(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]int{"events without an index": 34, "an index without a record": 999} {
		t.Run(name, func(t *testing.T) {
			js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
			withoutBatches(t, js)
			w := newWriter(js, 0)
			if err := w.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			tearBatch(t, js, readings(10, 1008), keep)
			commit(t, w, readings(0, 1500), interval(0, time.Hour))
			checkOnce(t, js, readings(0, 1500))
		})
	}
}

// withoutBatches stores the stream's messages anew without the headers of batches, as a copy of the stream lacks them.
func withoutBatches(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	storeAnew(t, js, stored(t, js, stream))
}

// storeAnew has the stream hold these messages instead of its own, without the headers of batches.
func storeAnew(t *testing.T, js jetstream.JetStream, messages []message) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		msg := nats.NewMsg(strings.Replace(m.subject, "saveris.", "saveris-ingest.", 1))
		for key, values := range m.header {
			if !strings.HasPrefix(key, "Nats-") {
				msg.Header[key] = values
			}
		}
		msg.Data = m.data
		store(t, js, *msg)
	}
}

// tearBatch stores what a copy of a stream holds that lacks the end of a batch. Its events are in both content modes by turns.
func tearBatch(t *testing.T, js jetstream.JetStream, events []schema.Event, keep int) {
	t.Helper()
	var index []byte
	for i := range events {
		entry := checkpoint.NewEntry(events[i].ID, events[i].Check)
		index = append(index, entry[:]...)
	}
	for i := range events[:min(keep, len(events))] {
		msg := &nats.Msg{Subject: events[i].Ingest(schema.Live), Header: nats.Header{}}
		if events[i].Header(msg.Header, schema.Live, noon); i%2 == 0 {
			msg.Data = events[i].AppendData(nil)
		} else {
			msg.Header, msg.Data = nats.Header{"content-type": {"application/cloudevents+json"}}, events[i].AppendStructured(nil, schema.Live, noon)
		}
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	if keep > len(events) {
		msg := &nats.Msg{Subject: "saveris-ingest.index.readings." + day, Data: index, Header: nats.Header{"Saveris-Events": {"998"}}}
		if _, err := js.PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnotherBatchAtTheSameSequenceIsNoticed(t *testing.T) {
	t.Parallel()
	broker := startForgetful(t)
	js := open(t, connect(t, broker.server.ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	broker.remember()
	commitUntilDone(t, w, readings(10, 20), interval(0, 2*time.Minute))
	broker.forget()
	commitUntilDone(t, newWriter(js, 0), readings(20, 30), nil) // as long as the batch that was lost
	commitUntilDone(t, w, readings(10, 20), interval(0, 2*time.Minute))
	checkOnce(t, js, readings(0, 30))
}

func TestARecordThatItsIndexDoesNotProveIsNotBelieved(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
	messages := stored(t, js, stream)
	record := string(messages[len(messages)-1].data)
	forged := strings.Replace(record, `"digest":"`, `"digest":"0`, 1)
	forged = forged[:strings.Index(forged, `"digest":"`)+42] + forged[strings.Index(forged, `"digest":"`)+43:]
	if _, err := js.Publish(t.Context(), "saveris-ingest.checkpoints.readings."+day, []byte(forged)); err != nil {
		t.Fatal(err)
	}
	if _, err := newWriter(js, 0).Commit(t.Context(), day, readings(0, 10), nil); !errors.Is(err, checkpoint.ErrIndex) {
		t.Errorf("got %v, want ErrIndex", err)
	}
}

func TestTheBatchInHandIsFinishedWhenItIsToldToStop(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	ctx, cancel := context.WithCancel(t.Context())
	w.Now = func() time.Time { cancel(); return noon } // asked for right before a batch is sent
	result, err := w.Commit(ctx, day, readings(0, 2500), interval(0, time.Hour))
	if !errors.Is(err, context.Canceled) || result.Stored != 998 {
		t.Errorf("stored %d (%v), want the one batch in hand", result.Stored, err)
	}
	checkOnce(t, js, readings(0, 998))
}

func TestANewPageTakesTheWatermarkFromTheNewestOneBeforeIt(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	since := noon.Add(-90 * time.Minute)
	w := newWriter(js, 0)
	w.SetLowWatermark(since)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	last, err := w.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if moved, err := w.AdvanceLowWatermark(t.Context(), day, noon, last-1); moved || err != nil {
		t.Errorf("moved %v (%v) although something was stored since", moved, err)
	}
	if moved, err := w.AdvanceLowWatermark(t.Context(), day, noon, last); !moved || err != nil {
		t.Errorf("moved %v (%v)", moved, err)
	}
	again := newWriter(js, 0)
	again.SetLowWatermark(noon.AddDate(0, 0, -9))
	next := &checkpoint.Interval{From: noon.Add(24 * time.Hour), Until: noon.Add(25 * time.Hour), ReadAt: noon, Route: "sync"}
	if _, err := again.Commit(t.Context(), "2026-11-24", nil, next); err != nil {
		t.Fatal(err)
	}
	got, found, err := again.LowWatermark(t.Context(), checkpoint.Span{From: next.From, Until: next.Until})
	if err != nil || !found || !got.Equal(noon) {
		t.Errorf("the next day says %v (%v, %v), want %v", got, found, err, noon)
	}
}

func TestAPageOfWhichRetentionLeftOnlyRecordsIsStillUsed(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute)) // ten events, an index, a record
	commit(t, newWriter(js, 0), nil, interval(0, 2*time.Minute))
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(13)); err != nil {
		t.Fatal(err)
	}
	result := commit(t, newWriter(js, 0), readings(20, 25), interval(0, 3*time.Minute))
	if result.Stored != 5 {
		t.Errorf("stored %d, want 5", result.Stored)
	}
	if record, err := checkpoint.ParseRecord(stored(t, js, stream)[len(stored(t, js, stream))-1].data); err != nil || record.Rows != 15 {
		t.Errorf("the record counts %d rows (%v), want 15: ten that were removed count as well", record.Rows, err)
	}
}

// TestAnIndexThatSomebodyHasRemovedIsNotTakenForRetention: the events that it lists are there, and would be stored again.
func TestAnIndexThatSomebodyHasRemovedIsNotTakenForRetention(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, removed uint64 }{
		"the first one":                         {0, 11},
		"the first one that retention has left": {5, 11},
		"all":                                   {0, 0},
		"all that retention has left":           {5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))          // index 11, record 12
			commit(t, newWriter(js, 0), readings(10, 20), interval(time.Minute, time.Hour)) // index 23, record 24
			s, err := js.Stream(t.Context(), stream)
			if err != nil {
				t.Fatal(err)
			}
			if c.first > 0 {
				err = s.Purge(t.Context(), jetstream.WithPurgeSequence(c.first))
			}
			if err == nil && c.removed > 0 {
				err = s.DeleteMsg(t.Context(), c.removed)
			} else if err == nil {
				err = s.Purge(t.Context(), jetstream.WithPurgeSubject("saveris.index.readings."+day))
			}
			if err != nil {
				t.Fatal(err)
			}
			result, err := newWriter(js, 0).Commit(t.Context(), day, readings(5, 20), interval(0, time.Hour))
			if !errors.Is(err, checkpoint.ErrIndex) || result.Stored > 0 {
				t.Errorf("stored %d (%v), want none and ErrIndex", result.Stored, err)
			}
			list, err := checkpoint.NewStream(js, stream, "saveris", "readings").Listing(t.Context(), day)
			if err != nil || len(list.Faults) == 0 {
				t.Errorf("the listing finds no fault (%v)", err)
			}
		})
	}
}

// TestATornBatchOfADayThatCannotBeReadStopsNoOtherDay: nothing more is stored on that day, and nobody can list what is there of the batch.
func TestATornBatchOfADayThatCannotBeReadStopsNoOtherDay(t *testing.T) {
	t.Parallel()
	for name, keep := range map[string]uint64{"events without an index": 700, "an index without a record": 999} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broker := startForgetful(t)
			js := open(t, connect(t, broker.server.ClientURL()))
			w := newWriter(js, 0)
			commit(t, w, readings(0, 10), interval(0, time.Minute)) // index 11, record 12
			remove(t, js, 11)
			commit(t, w, readings(10, 1008), nil) // it knows the day
			broker.tear(12 + keep)
			js = open(t, connect(t, broker.server.ClientURL()))
			w = newWriter(js, 0)
			var named []checkpoint.ForeignMessage
			w.OnForeign = func(f checkpoint.ForeignMessage) { named = append(named, f) }
			if _, err := w.Commit(t.Context(), day, readings(0, 20), interval(0, time.Minute)); !errors.Is(err, checkpoint.ErrIndex) {
				t.Errorf("that day: %v, want ErrIndex", err)
			}
			next := &checkpoint.Interval{From: noon.AddDate(0, 0, 1), Until: noon.AddDate(0, 0, 1).Add(time.Hour), ReadAt: noon, Route: "sync"}
			if _, err := w.Commit(t.Context(), checkpoint.DayOf(next.From), nil, next); !errors.Is(err, checkpoint.ErrIndex) {
				t.Errorf("the day after it: %v, want ErrIndex, which may pass", err)
			}
			w.Backdate(time.Minute)
			if _, err := w.Commit(t.Context(), checkpoint.DayOf(next.From), nil, next); err != nil {
				t.Errorf("the day after it: %v", err)
			}
			if _, err := w.Commit(t.Context(), day, readings(0, 20), interval(0, time.Minute)); !errors.Is(err, checkpoint.ErrIndex) {
				t.Errorf("that day, after it: %v, want ErrIndex", err)
			}
			if len(named) == 0 || named[0].Seq != 12+keep {
				t.Errorf("named are %+v, want the end of the batch", named)
			}
		})
	}
}

package publish_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// ledger is what a writer says that it has stored: how often, by the id of the event.
type ledger struct {
	mu      sync.Mutex
	events  map[string]int
	lanes   map[schema.Lane]int
	batches []publish.Batch // without events
}

func tellingWriter(js jetstream.JetStream, timeout time.Duration) (*publish.Writer, *ledger) {
	l := &ledger{events: map[string]int{}, lanes: map[schema.Lane]int{}}
	w := newWriter(js, timeout)
	w.OnStored = func(b publish.Batch) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i := range b.Events {
			l.events[b.Events[i].ID]++
			l.lanes[b.Lane(&b.Events[i])]++
		}
		b.Events = nil
		l.batches = append(l.batches, b)
	}
	return w, l
}

// checkTold compares what writers have told with what the stream holds, of which so many events were not told.
func checkTold(t *testing.T, js jetstream.JetStream, untold int, told ...*ledger) {
	t.Helper()
	in := map[string]int{}
	for _, m := range stored(t, js, stream) {
		if strings.HasPrefix(m.subject, "saveris.readings.") {
			in[m.header["ce-id"][0]]++
		}
	}
	sum := 0
	for _, l := range told {
		for id, n := range l.events {
			if sum += n; n != 1 || in[id] != 1 {
				t.Errorf("%s was told %d times and stands in the stream %d times", id, n, in[id])
			}
		}
	}
	if sum != len(in)-untold {
		t.Errorf("%d events were told, the stream holds %d, want %d untold", sum, len(in), untold)
	}
}

func TestEveryBatchIsToldOnceItIsStored(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w, told := tellingWriter(js, 0)
	before := time.Now()
	commit(t, w, readings(0, 2500), interval(0, time.Hour))
	commit(t, w, readings(0, 2500), interval(0, time.Hour))
	old := []schema.Event{reading("old", noon.Add(-11*time.Hour), "1")}
	w.LiveAge = 12*time.Hour - time.Minute // an event of an hour past midnight is older, at one o'clock
	if _, err := w.CommitFor(t.Context(), "revisit", day, old, nil); err != nil {
		t.Fatal(err)
	}
	checkTold(t, js, 0, told)
	if told.lanes[schema.Live] != 2500 || told.lanes[schema.History] != 1 {
		t.Errorf("lanes %v", told.lanes)
	}
	if n := len(told.batches); n != 5 { // three full ones, one that only covers, and the old one
		t.Fatalf("%d batches were told, want 5", n)
	}
	for i, b := range told.batches {
		if b.Took <= 0 || b.Took > time.Since(before) || !b.Made.Equal(noon.Add(time.Hour)) || (b.For == "revisit") != (i == 4) {
			t.Errorf("batch %d: %+v", i, b)
		}
	}
}

func TestABatchWhoseAckWasLostIsToldOnceUnlessAnotherFollowedIt(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]int{"nothing happens meanwhile": 0, "another writes meanwhile": 3} {
		t.Run(name, func(t *testing.T) {
			server := bridgetest.Embedded(t)
			link := bridgetest.LinkTo(t, server.ClientURL())
			js := open(t, connect(t, server.ClientURL()))
			w, told := tellingWriter(open(t, connect(t, link.URL())), time.Hour)
			other, others := tellingWriter(js, 0)
			commit(t, w, readings(0, 10), interval(0, time.Minute))
			loseAnswer(link, `"count":`) // to a stored batch
			events := readings(0, 30)
			if _, err := w.Commit(t.Context(), day, events, interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrDisconnected) {
				t.Fatalf("error %v: expected an answer to be lost and the commit to say so", err)
			}
			for i := range meanwhile {
				commit(t, other, readings(100*i, 100*i+50), nil)
			}
			result := commitUntilDone(t, w, events, interval(0, 2*time.Minute))
			own := 20
			if meanwhile > 0 {
				own = 0
			}
			checkTold(t, js, 20-own, told, others)
			if result.Stored != own {
				t.Errorf("the commit says %+v: %d of the 30 count as its own", result, own)
			}
		})
	}
}

// TestABatchIsToldThoughTheNextOneCannotBeSent: the connection goes between the two.
func TestABatchIsToldThoughTheNextOneCannotBeSent(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	js := open(t, connect(t, server.ClientURL()))
	nc := connect(t, link.URL())
	w, told := tellingWriter(open(t, nc), time.Hour)
	answered := make(chan struct{})
	link.After(`"count":`, func() { close(answered) })
	now := w.Now
	w.Now = func() time.Time {
		if nc.Stats().OutMsgs >= 1000 && nc.IsConnected() { // the first batch has been sent
			<-answered
			gone := nc.StatusChanged(nats.RECONNECTING)
			link.Cut()
			<-gone
		}
		return now()
	}
	events := readings(0, 1200)
	first, err := w.Commit(t.Context(), day, events, nil)
	if err == nil {
		t.Fatal("the second batch was sent without a connection")
	}
	w.Now = now
	link.Mend()
	if result := first.Add(commitUntilDone(t, w, events, interval(0, 2*time.Minute))); result.Stored != 1200 {
		t.Errorf("the commits say %+v: all are their own", result)
	}
	checkTold(t, js, 0, told)
}

func TestABatchThatWasNotStoredIsNotTold(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	js := open(t, connect(t, server.ClientURL()))
	w, told := tellingWriter(open(t, connect(t, link.URL())), time.Hour)
	other, others := tellingWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Minute))
	link.Before("stream_msg_get_response", func() {
		commit(t, other, readings(0, 30), nil) // w has looked, and not seen it
		loseAnswer(link, `"err_code":10071`)   // its conflict is not heard of
	})
	events := readings(0, 30)
	if _, err := w.Commit(t.Context(), day, events, interval(0, 2*time.Minute)); !errors.Is(err, publish.ErrDisconnected) {
		t.Fatalf("error %v: expected a conflict to be lost", err)
	}
	if result := commitUntilDone(t, w, events, interval(0, 2*time.Minute)); result.Stored != 0 {
		t.Errorf("the commit says %+v: all were the other's", result)
	}
	checkTold(t, js, 0, told, others)
}

func TestTwoWritersTellTheirOwn(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	a, toldA := tellingWriter(js, 0)
	b, toldB := tellingWriter(js, 0)
	var both sync.WaitGroup
	for _, w := range []*publish.Writer{a, b} {
		both.Go(func() {
			for i := range 20 {
				if _, err := w.Commit(t.Context(), day, readings(0, 100*(i+1)), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	checkTold(t, js, 0, toldA, toldB)
}

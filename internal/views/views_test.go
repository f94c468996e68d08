package views_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

func TestMain(m *testing.M) { bridgetest.Main(m) }

func TestTheNewestRecordIsShownOnceForEachWindow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	s.awaitEqual("at first")
	before := s.last("KV_"+bucket, "$KV.>").Sequence
	s.commit(w, 0, 2500) // three batches, so three records
	s.awaitEqual("after a window")
	s.commit(w, 0, 0)
	s.commit(w, 1, 10)
	s.awaitEqual("after three windows on two days")
	if n := s.last("KV_"+bucket, "$KV.>").Sequence - before; n > 3 {
		t.Errorf("written %d times for three windows", n)
	}
}

func TestTheEndOfTheWorkIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	w := s.writer(schema.Readings, view)
	s.check(view.Keep(t.Context(), func(context.Context) error {
		s.commit(w, 0, 10)
		s.commit(w, 1, 10)
		return nil
	}))
	if list := s.differences(); len(list) > 0 {
		t.Errorf("when the bridge has stopped: %v", list)
	}
}

func TestATakeOverShowsWhatTheOneBeforeHasNot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	dead := s.writer(schema.Readings, nil) // killed between each commit and what it shows of it
	for day := range 40 {
		s.commit(dead, day, 3)
	}
	s.takeOver()
	s.commit(dead, 7, 3)
	s.commit(dead, 41, 3)
	s.takeOver()
	if list := s.differences(); len(list) > 0 {
		t.Errorf("after a take-over: %v", list)
	}
}

func TestALeaderThatLeadsAgainShowsWhatAnotherHasNot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	view.LookNever()
	for day := range 3 {
		s.commit(s.writer(schema.Readings, nil), day, 3)
		stop := s.keep(view)
		s.awaitEqual(fmt.Sprintf("the %d. time", day+1))
		stop()
	}
}

// TestAnOlderRecordNeverWins has two processes show records in any order, in a bucket that keeps all that was ever written.
func TestAnOlderRecordNeverWins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bucket, History: 64})
	s.check(err)
	var records []checkpoint.RecordMessage
	w := s.writer(schema.Readings, nil)
	w.OnRecord = func(r checkpoint.RecordMessage) { records = append(records, r) }
	for range 30 {
		s.commit(w, 0, 1)
	}
	w.OnRecord = nil // those that are shown from now on are the old ones
	var group sync.WaitGroup
	for range 3 {
		view := s.view(s.dial(s.server.ClientURL()))
		group.Go(func() {
			_ = view.Keep(t.Context(), func(context.Context) error {
				for range 100 {
					view.Show(records[rand.IntN(len(records))])
					s.await("it to be shown, or not", view.Idle)
				}
				return nil
			})
		})
	}
	for range 30 {
		s.commit(w, 0, 1)
	}
	group.Wait()
	s.takeOver()
	kv, err := s.js.KeyValue(t.Context(), bucket)
	s.check(err)
	history, err := kv.History(t.Context(), "readings.2026-11-23")
	s.check(err)
	of, err := s.js.Stream(t.Context(), "KV_"+bucket)
	s.check(err)
	newest := uint64(0)
	for _, entry := range history {
		m, err := of.GetMsg(t.Context(), entry.Revision())
		s.check(err)
		seq, err := strconv.ParseUint(m.Header.Get("Saveris-Sequence"), 10, 64)
		if err != nil || seq <= newest {
			t.Errorf("sequence %d (%v) was written over %d", seq, err, newest)
		}
		newest = seq
	}
	if list := s.differences(); len(list) > 0 {
		t.Errorf("in the end, after %d writes: %v", len(history), list)
	}
}

func TestBothFeedsAreShownFromTheFirstStartOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for round := range 20 {
		var group sync.WaitGroup
		for _, feed := range publish.Feeds {
			view := views.NewCheckpoints(s.dial(s.server.ClientURL()), config, feed)
			view.Hurry()
			w := s.writer(feed, view)
			if round%2 == 0 { // it was stored before anybody could show it
				s.commit(w, 0, 3)
			}
			group.Go(func() {
				s.check(view.Keep(t.Context(), func(context.Context) error { s.commit(w, 1, 3); return nil }))
			})
		}
		group.Wait()
		for _, feed := range publish.Feeds {
			if shown, stored := s.shown(feed), s.stored(feed); fmt.Sprint(shown) != fmt.Sprint(stored) {
				t.Fatalf("round %d: of %s is shown %s, stored is %s", round, feed, days(shown), days(stored))
			}
		}
		for _, name := range []string{"KV_" + bucket, config.Names.Stream(schema.Readings), config.Names.Stream(schema.Alarms)} {
			s.check(s.js.DeleteStream(t.Context(), name))
		}
		s.open()
	}
}

// TestWhateverHappenedATakeOverMakesItRight does all that can be done to a stream and a bucket without a restart, in any order.
func TestWhateverHappenedATakeOverMakesItRight(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, seed))
	var old []checkpoint.RecordMessage
	w := s.writer(schema.Readings, nil)
	w.OnRecord = func(r checkpoint.RecordMessage) { old = append(old, r) }
	day := func() int { return rng.IntN(6) }
	put := func(m *nats.Msg) { _, err := s.js.PublishMsg(t.Context(), m); s.check(err) }
	key := func() string { return fmt.Sprintf("$KV.%s.readings.2026-11-%d", bucket, 23+day()) }
	deeds := map[string]func(){
		"store":              func() { s.commitWhenItCan(w, day(), 1+rng.IntN(5)) },
		"make a stream anew": func() { s.check(s.js.DeleteStream(t.Context(), stream)); s.open() },
		"remove the oldest":  func() { s.purge(jetstream.WithPurgeKeep(uint64(rng.IntN(20)))) },
		"remove a day": func() {
			s.purge(jetstream.WithPurgeSubject("saveris.*.readings." + fmt.Sprintf("2026-11-%d", 23+day())))
		},
		"delete a key":  func() { put(&nats.Msg{Subject: key(), Header: nats.Header{"KV-Operation": {"DEL"}}}) },
		"write garbage": func() { put(&nats.Msg{Subject: key(), Data: []byte("garbage")}) },
		"write a foreign key": func() {
			put(&nats.Msg{Subject: "$KV." + bucket + ".readings.x.y", Data: []byte("garbage"), Header: nats.Header{"Saveris-Sequence": {"7"}}})
		},
		"show what is old": func() {
			if len(old) > 0 {
				view := s.view(s.bridge)
				s.check(view.Keep(t.Context(), func(context.Context) error { view.Show(old[rng.IntN(len(old))]); return nil }))
			}
		},
	}
	names := slices.Sorted(maps.Keys(deeds))
	for range 60 {
		s.takeOver()
		var done []string
		for range 1 + rng.IntN(6) {
			name := names[rng.IntN(len(names))]
			deeds[name]()
			done = append(done, name)
		}
		s.takeOver()
		if list := s.differences(); len(list) > 0 {
			t.Fatalf("after %q: %v", done, list)
		}
	}
}

func (s *stage) purge(option jetstream.StreamPurgeOpt) {
	s.Helper()
	of, err := s.js.Stream(s.Context(), stream)
	s.check(err)
	s.check(of.Purge(s.Context(), option))
}

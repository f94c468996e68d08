package publish_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// repairer is a writer that stores again what the index lists and the stream lacks.
func repairer(js jetstream.JetStream) *publish.Writer {
	w := newWriter(js, 0)
	w.Repair = true
	return w
}

// remove deletes messages, as somebody with the right to does.
func remove(t *testing.T, js jetstream.JetStream, seqs ...uint64) {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range seqs {
		if err := s.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
}

// present are the messages of the stream by their sequences.
func present(t *testing.T, js jetstream.JetStream) map[uint64]message {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint64]message{}
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		msg, err := s.GetMsg(t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all[seq] = message{msg.Subject, msg.Header, msg.Data}
	}
	return all
}

// checkRepaired fails unless the stream holds just these events, each once, and every event that an index lists in vain is
// listed once more where it stands; the newest record counts each once.
func checkRepaired(t *testing.T, js jetstream.JetStream, day string, events []schema.Event) {
	t.Helper()
	all := present(t, js)
	count := map[string]int{}
	for _, m := range all {
		if id := m.id(); id != "" {
			count[id]++
		}
	}
	for _, e := range events {
		if count[e.ID] != 1 {
			t.Errorf("%s is stored %d times", e.ID, count[e.ID])
		}
	}
	if len(count) != len(events) {
		t.Errorf("%d ids are stored, want %d", len(count), len(events))
	}
	var sum checkpoint.Digest
	listed, there, again := map[checkpoint.Entry]bool{}, map[checkpoint.Entry]bool{}, 0
	for seq, m := range all {
		if m.subject != "saveris.index.readings."+day {
			continue
		}
		entries, err := checkpoint.Entries(m.data)
		if err != nil || m.header.Get("Saveris-Events") != fmt.Sprint(len(entries)) {
			t.Fatalf("index at %d: %v, %v", seq, m.header, err)
		}
		repairs := m.header.Get("Saveris-Repairs")
		if repairs != "" && repairs != fmt.Sprint(len(entries)) {
			t.Errorf("index at %d: %v", seq, m.header)
		}
		for i, e := range entries {
			if of, found := all[seq-uint64(len(entries)-i)]; found {
				there[e] = true
				if checkpoint.NewEntry(of.id(), binary.BigEndian.Uint32(e[12:])) != e {
					t.Errorf("the index at %d lists another event than %s", seq, of.id())
				}
			}
			if repairs != "" {
				again++
				continue
			}
			listed[e] = true
			sum = sum.Add(e)
		}
	}
	for e := range listed {
		if !there[e] {
			t.Errorf("entry %x is nowhere", e)
		}
	}
	record, err := newWriter(js, 0).Records(t.Context(), checkpoint.Span{From: noon, Until: noon.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	if r := record[0]; r.Rows != uint64(len(listed)) || r.Digest != sum || r.Repaired != uint64(again) {
		t.Errorf("the record counts %d rows with %s, %d repaired; the index lists %d with %s, %d again", r.Rows, r.Digest, r.Repaired, len(listed), sum, again)
	}
}

func lacking(t *testing.T, js jetstream.JetStream, day string) []checkpoint.Lacking {
	t.Helper()
	list, err := newWriter(js, 0).Lacking(t.Context(), day)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestARemovedEventIsPutBackOnce(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	beside := newWriter(js, 0) // has the page in memory
	commit(t, beside, readings(0, 20), interval(0, time.Minute))
	commit(t, beside, readings(20, 30), interval(0, time.Minute))
	remove(t, js, 3, 7, 25)
	if list := lacking(t, js, day); len(list) != 3 || list[0].Seq != 3 || list[2].Seq != 25 {
		t.Fatalf("lacking: %v", list)
	}
	if result := commit(t, newWriter(js, 0), readings(0, 30), interval(0, time.Minute)); result.Stored != 0 {
		t.Errorf("read again, without repair: %+v", result)
	}
	w := repairer(js)
	if result := commit(t, w, readings(0, 31), interval(0, time.Minute)); result.Stored != 4 || result.Repaired != 3 {
		t.Errorf("repaired: %+v, want 3 that were removed and 1 that is new", result)
	}
	checkRepaired(t, js, day, readings(0, 31))
	for _, again := range []*publish.Writer{w, repairer(js), beside, newWriter(js, 0)} {
		if result := commit(t, again, readings(0, 31), interval(0, time.Minute)); result.Stored != 0 {
			t.Errorf("once more: %+v", result)
		}
	}
	if result := commit(t, beside, readings(25, 35), interval(0, time.Minute)); result.Stored != 4 {
		t.Errorf("beside it: %+v", result)
	}
	if list := lacking(t, js, day); len(list) > 0 {
		t.Errorf("lacking: %v", list)
	}
	checkRepaired(t, js, day, readings(0, 35))

	last := slices.Max(slices.Collect(func(yield func(uint64) bool) {
		for seq, m := range present(t, js) {
			if m.id() == "uuid-2" && !yield(seq) {
				return
			}
		}
	}))
	remove(t, js, last) // what was put back
	if result := commit(t, repairer(js), readings(0, 35), interval(0, time.Minute)); result.Repaired != 1 {
		t.Errorf("removed twice: %+v", result)
	}
	checkRepaired(t, js, day, readings(0, 35))
}

func TestManyRemovedEventsArePutBackInTheirOrder(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 2500), interval(0, time.Hour))
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("saveris.readings.>")); err != nil { // the index stays
		t.Fatal(err)
	}
	if n := len(lacking(t, js, day)); n != 2500 {
		t.Fatalf("%d are lacking", n)
	}
	if result := commit(t, repairer(js), readings(0, 2500), interval(0, time.Hour)); result.Repaired != 2500 || result.Stored != 2500 {
		t.Errorf("%+v", result)
	}
	checkRepaired(t, js, day, readings(0, 2500))
	if result := commit(t, newWriter(js, 0), readings(0, 2510), interval(0, time.Hour)); result.Stored != 10 {
		t.Errorf("after it: %+v", result)
	}
}

func TestTwoRepairsAtOncePutAnEventBackOnce(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 1500), interval(0, time.Hour))
	for seq := uint64(2); seq < 900; seq += 3 {
		remove(t, js, seq)
	}
	var group errgroup.Group
	results := make([]publish.Result, 4)
	for i := range results {
		group.Go(func() (err error) {
			results[i], err = repairer(js).Commit(t.Context(), day, readings(0, 1500), interval(0, time.Hour))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	sum := publish.Result{}
	for _, r := range results {
		sum = sum.Add(r)
	}
	if sum.Repaired != 300 || sum.Stored != 300 {
		t.Errorf("%+v, want 300", sum)
	}
	checkRepaired(t, js, day, readings(0, 1500))
}

func TestARepairWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	direct := open(t, connect(t, server.ClientURL()))
	link := bridgetest.LinkTo(t, server.ClientURL())
	commit(t, newWriter(direct, 0), readings(0, 10), interval(0, time.Minute))
	remove(t, direct, 2, 4)
	w := newWriter(open(t, connect(t, link.URL())), time.Hour)
	w.Repair = true
	loseAnswer(link, `"count":`) // to a stored batch
	if _, err := w.Commit(t.Context(), day, readings(0, 10), interval(0, time.Minute)); !errors.Is(err, publish.ErrDisconnected) {
		t.Fatalf("error %v: expected an answer to be lost and the commit to say so", err)
	}
	commitUntilDone(t, w, readings(0, 10), interval(0, time.Minute))
	checkRepaired(t, direct, day, readings(0, 10))
}

// TestATornRepairIsFinished: the broker has lost the end of a batch that put events back.
func TestATornRepairIsFinished(t *testing.T) {
	t.Parallel()
	for name, withIndex := range map[string]bool{"events without an index": false, "an index without a record": true} {
		t.Run(name, func(t *testing.T) {
			broker := startForgetful(t)
			js := open(t, connect(t, broker.server.ClientURL()))
			commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
			remove(t, js, 2, 4, 5)
			if result := commit(t, repairer(js), slices.Concat(readings(1, 2), readings(3, 4)), nil); result.Repaired != 2 {
				t.Fatalf("%+v, want two", result)
			}
			keep := uint64(12 + 2)
			if withIndex {
				keep++
			}
			broker.tear(keep)
			js = open(t, connect(t, broker.server.ClientURL()))
			if result := commit(t, repairer(js), readings(0, 12), interval(0, time.Minute)); result.Repaired != 1 || result.Stored != 3 {
				t.Errorf("%+v, want one more that was removed, and two that are new", result)
			}
			checkRepaired(t, js, day, readings(0, 12))
		})
	}
}

func TestOnlyTheSameContentIsPutBack(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, []schema.Event{reading("a", noon, "4.7"), reading("b", noon, "4.7"), reading("c", noon, "4.7")}, interval(0, time.Minute)) // 1 to 3
	commit(t, w, []schema.Event{reading("b", noon, "4.8"), reading("c", noon, "4.8")}, interval(0, time.Minute))                            // 6 and 7
	remove(t, js, 1, 2, 7)
	altered := map[checkpoint.Entry]string{}
	r := repairer(js)
	r.OnAltered = func(day string, lost checkpoint.Lacking, id string) { altered[lost.Entry] = id }
	now := []schema.Event{reading("a", noon, "5.5"), reading("b", noon, "4.8"), reading("c", noon, "4.8")}
	result := commit(t, r, now, interval(0, time.Minute))
	if result.Stored != 2 || result.Repaired != 1 || result.Corrections != 2 {
		t.Errorf("%+v, want the correction of c back, and a new one of a", result)
	}
	list := lacking(t, js, day)
	if len(list) != 2 || list[0].Seq != 1 || list[1].Seq != 2 || altered[list[0].Entry] != "a" || altered[list[1].Entry] != "b" || len(altered) != 2 {
		t.Errorf("lacking %v, altered %v: want a and b as they were at first", list, altered)
	}
	if again := commit(t, repairer(js), now, interval(0, time.Minute)); again.Stored != 0 {
		t.Errorf("once more: %+v", again)
	}
}

func TestARejectedRowIsPutBack(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	maker := schema.NewMaker(schema.Readings, "saveris", "http://vendor")
	garbage := func(text string) schema.Event {
		row := saveris.Row{Raw: []byte(text), Fields: []saveris.Field{{Name: "uuid", Kind: saveris.String, Text: []byte(text)}}}
		return maker.Event(&row, schema.Window{}, noon)
	}
	events := []schema.Event{garbage(`{"uuid":"x"}`), garbage(`{"uuid":"y"}`)}
	if !events[0].Rejected {
		t.Fatal("not rejected")
	}
	if _, err := newWriter(js, 0).Commit(t.Context(), checkpoint.RejectedDay, events, nil); err != nil {
		t.Fatal(err)
	}
	remove(t, js, 2)
	for _, want := range []int{1, 0} {
		if result, err := repairer(js).Commit(t.Context(), checkpoint.RejectedDay, events, nil); err != nil || result.Repaired != want || result.Stored != want {
			t.Errorf("%+v (%v), want %d", result, err, want)
		}
	}
	if list := lacking(t, js, checkpoint.RejectedDay); len(list) > 0 {
		t.Errorf("lacking %v", list)
	}
}

func TestWhatRetentionHasRemovedIsNotPutBack(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute)) // ten events, an index, a record
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, js, 8)
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(6)); err != nil {
		t.Fatal(err)
	}
	if n := len(lacking(t, js, day)); n != 6 {
		t.Errorf("%d are lacking of a stream without limits, want 6: nothing but people removes its beginning", n)
	}
	limited := s.CachedInfo().Config
	limited.MaxAge = 90 * 24 * time.Hour
	if _, err := js.UpdateStream(t.Context(), limited); err != nil {
		t.Fatal(err)
	}
	if list := lacking(t, js, day); len(list) != 1 || list[0].Seq != 8 {
		t.Errorf("lacking %v, want the one behind the beginning", list)
	}
	if result := commit(t, repairer(js), readings(0, 10), interval(0, time.Minute)); result.Repaired != 1 || result.Stored != 1 {
		t.Errorf("%+v", result)
	}
}

// TestAPageIsProvenWhenRetentionHasTakenWhatWasPutBack: whichever part of its index is left.
func TestAPageIsProvenWhenRetentionHasTakenWhatWasPutBack(t *testing.T) {
	t.Parallel()
	for first := uint64(2); first <= 22; first++ {
		js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
		commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute)) // index 11, record 12
		remove(t, js, 3, 5)
		commit(t, repairer(js), readings(0, 15), interval(0, time.Minute)) // again 13 and 14, index 15, record 16; new 17 to 21, index 22, record 23
		s, err := js.Stream(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if last := s.CachedInfo().State.LastSeq; last != 23 {
			t.Fatalf("last sequence %d", last)
		}
		if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(first)); err != nil {
			t.Fatal(err)
		}
		if result := commit(t, newWriter(js, 0), readings(10, 20), interval(0, time.Minute)); result.Stored != 5 {
			t.Errorf("from sequence %d on: %+v", first, result)
		}
		if list, err := checkpoint.NewStream(js, stream, "saveris", "readings").Listing(t.Context(), day); err != nil || len(list.Faults) > 0 {
			t.Errorf("from sequence %d on: %v, %v", first, list.Faults, err)
		}
	}
}

// A replica that lags cannot hide what was put back: it would be put back again.
func TestARecordThatCountsMoreRepairsThanItsIndexListsIsNotBelieved(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
	remove(t, js, 3)
	commit(t, repairer(js), readings(0, 10), interval(0, time.Minute)) // again 13, index 14
	remove(t, js, 14)
	if _, err := repairer(js).Commit(t.Context(), day, readings(0, 10), interval(0, time.Minute)); !errors.Is(err, checkpoint.ErrIndex) {
		t.Errorf("got %v, want ErrIndex", err)
	}
}

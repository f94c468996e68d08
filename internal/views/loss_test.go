package views_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// TestALostTailIsShownNoLonger has the broker forget records that the bucket shows: of a day that is written again, of one
// that nobody reads again, and the newest of a day whose older ones are left.
func TestALostTailIsShownNoLonger(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.impatient()
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	s.commit(w, 1, 10)
	forget := s.remember()
	for day := range 4 {
		s.commitWhenItCan(w, day, 10)
	}
	s.await("four days to be shown", func() bool { return len(s.shown(schema.Readings)) == 4 && s.equal() })
	forget(func() {})
	s.awaitEqual("after the loss")
	if shown := days(s.shown(schema.Readings)); shown != "readings.2026-11-23 readings.2026-11-24" {
		t.Errorf("shown are %s", shown)
	}
	s.commitWhenItCan(w, 2, 1)
	s.awaitEqual("after one of the days has been read again")
}

// TestALostTailThatHasGrownAgainIsShownNoLonger loses records whose sequences others have before anybody compares.
func TestALostTailThatHasGrownAgainIsShownNoLonger(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.impatient()
	view := s.view(s.bridge)
	stop := s.keep(view)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	forget := s.remember()
	s.commitWhenItCan(w, 1, 10) // lost for good
	s.commitWhenItCan(w, 0, 30)
	s.await("both days to be shown", func() bool { return len(s.shown(schema.Readings)) == 2 && s.equal() })
	stop()
	forget(func() {})
	s.commitWhenItCan(s.writer(schema.Readings, nil), 2, 100)
	s.takeOver()
	if list := s.differences(); len(list) > 0 {
		t.Errorf("after a take-over: %v", list)
	}
}

// TestWhatWasStoredAndLostBeforeItWasShownIsNotShown has a record pending while the broker restarts without it.
func TestWhatWasStoredAndLostBeforeItWasShownIsNotShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.impatient()
	view := s.view(s.bridge)
	stop := s.keep(view)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	s.awaitEqual("at first")
	forget := s.remember()
	stop()
	s.commitWhenItCan(w, 1, 10)
	forget(func() {})
	s.keep(view)
	s.await("the first day alone to be shown", func() bool { return days(s.shown(schema.Readings)) == "readings.2026-11-23" && s.equal() })
}

// TestAReconnectIsEnoughToCompare has the stream lose a day and grow beyond it before anybody looks: nothing fails, and nothing is
// shorter than before.
func TestAReconnectIsEnoughToCompare(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.impatient()
	view := s.view(s.bridge)
	view.LookNever()
	s.keep(view)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	await := func(what string, so func() bool) {
		t.Helper()
		s.await(what, func() bool { view.Wake(); return so() }) // or it tries nothing again that has failed
	}
	await("the first day to be shown", func() bool { return len(s.shown(schema.Readings)) == 1 })
	forget := s.remember()
	s.commitWhenItCan(w, 1, 10)
	await("both days to be shown", func() bool { return len(s.shown(schema.Readings)) == 2 })
	forget(func() {})
	s.commitWhenItCan(w, 2, 100)
	await("the day that was lost to be shown no longer", func() bool {
		return days(s.shown(schema.Readings)) == "readings.2026-11-23 readings.2026-11-25" && s.equal()
	})
}

func TestWhatRetentionRemovesBeforeItIsShownIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	w := s.writer(schema.Readings, view)
	s.commit(w, 0, 10)
	s.commit(w, 1, 10)
	s.purge(jetstream.WithPurgeKeep(1))
	s.check(view.Keep(t.Context(), func(context.Context) error { return nil }))
	if shown := days(s.shown(schema.Readings)); shown != "readings.2026-11-23 readings.2026-11-24" {
		t.Errorf("shown are %s", shown)
	}
}

// TestAStreamMadeAnewIsShown deletes the stream under the feet of a bridge, which notices nothing of its connection.
func TestAStreamMadeAnewIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	for day := range 3 {
		s.commit(w, day, 10)
	}
	s.awaitEqual("at first")
	s.check(s.js.DeleteStream(t.Context(), stream))
	s.open()
	s.commitWhenItCan(w, 1, 1) // with a lower sequence than the one that is shown
	s.await("the one day alone to be shown", func() bool { return days(s.shown(schema.Readings)) == "readings.2026-11-24" && s.equal() })
}

func TestWhatRetentionHasRemovedStaysShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	for day := range 3 {
		s.commit(w, day, 10)
	}
	s.awaitEqual("at first")
	of, err := s.js.Stream(t.Context(), stream)
	s.check(err)
	limited := of.CachedInfo().Config
	limited.MaxMsgs = 12 // the last day
	_, err = s.js.UpdateStream(t.Context(), limited)
	s.check(err)
	s.takeOver()
	s.check(s.js.DeleteKeyValue(t.Context(), bucket))
	s.await("the day that is left to be shown again", func() bool { return days(s.shown(schema.Readings)) == "readings.2026-11-25" })
	s.commit(w, 5, 12) // removes the rest
	s.await("the newest day", func() bool { return len(s.shown(schema.Readings)) == 2 })
	s.takeOver()
	if shown := days(s.shown(schema.Readings)); shown != "readings.2026-11-25 readings.2026-11-28" || len(s.stored(schema.Readings)) != 1 {
		t.Errorf("shown are %s, stored %s", shown, days(s.stored(schema.Readings)))
	}
}

// TestABucketThatSomebodySpoiledIsMadeRight does to the bucket what people do, while a bridge runs that stores nothing.
func TestABucketThatSomebodySpoiledIsMadeRight(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	for day := range 3 {
		s.commit(w, day, 10)
	}
	s.awaitEqual("at first")
	kv, err := s.js.KeyValue(t.Context(), bucket)
	s.check(err)
	of, err := s.js.Stream(t.Context(), "KV_"+bucket)
	s.check(err)
	for _, deed := range []struct {
		what string
		do   func() error
	}{
		{"a key deleted", func() error { return kv.Delete(t.Context(), "readings.2026-11-24") }},
		{"a key purged", func() error { return kv.Purge(t.Context(), "readings.2026-11-23") }},
		{"garbage written", func() error { _, err := kv.PutString(t.Context(), "readings.2026-11-24", "garbage"); return err }},
		{"a key that nobody knows", func() error { _, err := kv.PutString(t.Context(), "readings.2020-01-01", "garbage"); return err }},
		{"a sequence that is none", func() error {
			_, err := s.js.PublishMsg(t.Context(), &nats.Msg{Subject: "$KV." + bucket + ".readings.2026-11-24", Header: nats.Header{"Saveris-Sequence": {"1000000"}}})
			return err
		}},
		{"a pattern for a key", func() error { _, err := s.js.Publish(t.Context(), "$KV."+bucket+".readings.*", nil); return err }},
		{"the bucket emptied", func() error { return of.Purge(t.Context()) }},
		{"the bucket removed", func() error { return s.js.DeleteKeyValue(t.Context(), bucket) }},
		{"the bucket made by another", func() error {
			for { // the view makes one as well
				if err := s.js.DeleteKeyValue(t.Context(), bucket); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
					return err
				}
				_, err := s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bucket, History: 3})
				if !errors.Is(err, jetstream.ErrBucketExists) {
					return err
				}
			}
		}},
	} {
		s.check(deed.do())
		s.await(deed.what, func() bool {
			shown := s.shown(schema.Readings)
			delete(shown, "readings.*")
			return len(shown) == 3 && days(shown) == days(s.stored(schema.Readings)) && s.equalBut("readings.*")
		})
	}
}

// equalBut is equal but for a key.
func (s *stage) equalBut(key string) bool {
	s.Helper()
	for _, difference := range s.differences() {
		if !strings.HasPrefix(difference, key+" ") {
			return false
		}
	}
	return true
}

// TestATruncatedStreamIsShown cuts off the end of the newest block of a stream, as a power cut may.
func TestATruncatedStreamIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.impatient()
	view := s.view(s.bridge)
	s.keep(view)
	w := s.writer(schema.Readings, view)
	for day := range 6 {
		s.commit(w, day, 50)
	}
	s.awaitEqual("at first")
	was := days(s.shown(schema.Readings))
	s.server.Close()
	blocks, err := filepath.Glob(filepath.Join(s.streamDir(), "msgs", "*.blk"))
	s.check(err)
	info, err := os.Stat(blocks[len(blocks)-1])
	s.check(err)
	s.check(os.Truncate(blocks[len(blocks)-1], info.Size()/2))
	_ = os.Remove(filepath.Join(s.streamDir(), "msgs", "index.db"))
	s.start()
	s.connected()
	s.await("what is left to be shown", func() bool { return days(s.shown(schema.Readings)) != was && s.equal() })
}

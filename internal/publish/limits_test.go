package publish_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// startAccount starts a server whose only account has these JetStream limits.
func startAccount(t *testing.T, limits string) jetstream.JetStream {
	t.Helper()
	url := startConfigured(t, "jetstream { store_dir: %q }\naccounts { COLD { jetstream { "+limits+" }, users: [ { user: u, password: p } ] } }\n")
	js, err := jetstream.New(bridgetest.Connect(t, url, nats.UserInfo("u", "p")))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// createAll creates every stream and bucket that a bridge may create.
func createAll(t *testing.T, js jetstream.JetStream, c publish.Config) error {
	t.Helper()
	if err := publish.Open(t.Context(), js, c); err != nil {
		return err
	}
	_, err := publish.OpenRequests(t.Context(), js, c)
	_, backfills := backfill.OpenStates(t.Context(), js, c, "http://vendor")
	leases := publish.NewLeases(js, c, "readings", "test", nil).Try(t.Context())
	_, checkpoints := publish.MakeBucket(t.Context(), js, c.CheckpointBucket())
	_, latest := publish.MakeBatchBucket(t.Context(), js, c.LatestBucket())
	return errors.Join(err, backfills, leases, checkpoints, latest)
}

func TestAnAccountThatDemandsASizeLimitTakesAllStreamsAndBuckets(t *testing.T) {
	t.Parallel()
	js := startAccount(t, "max_mem: 64MB, max_file: 2GB, max_bytes_required: true, store_max_stream_bytes: 256MB")
	err := createAll(t, js, config)
	if !errors.Is(err, publish.ErrUnfit) || !errors.Is(err, publish.ErrNeedsMaxBytes) {
		t.Errorf("without a limit: %v", err)
	}
	limited := config
	limited.MaxBytes = 256 << 20
	if err := createAll(t, js, limited); err != nil {
		t.Fatal(err)
	}
	names := 0
	for info := range js.ListStreams(t.Context()).Info() {
		names++
		switch bytes := info.Config.MaxBytes; {
		case bytes < 1<<20 || bytes > limited.MaxBytes:
			t.Errorf("%s has max_bytes %d", info.Config.Name, bytes)
		case info.Config.Name == stream && bytes != limited.MaxBytes:
			t.Errorf("%s has max_bytes %d, want %d", stream, bytes, limited.MaxBytes)
		}
	}
	if names != len(publish.StreamFeeds)+5 {
		t.Errorf("%d streams and buckets", names)
	}
}

func TestAnAccountWithoutRoomForTheSizeLimitIsUnusable(t *testing.T) {
	t.Parallel()
	limited := config
	limited.MaxBytes = 256 << 20
	if err := createAll(t, startAccount(t, "max_mem: 1MB, max_file: 300MB"), limited); !errors.Is(err, publish.ErrUnfit) || !errors.Is(err, publish.ErrNoRoom) {
		t.Errorf("two streams where there is room for one: %v", err)
	}
	if err := createAll(t, startAccount(t, "max_mem: 1MB, max_file: 3GB, store_max_stream_bytes: 100MB"), limited); !errors.Is(err, publish.ErrUnfit) || !errors.Is(err, publish.ErrNoRoom) {
		t.Errorf("streams larger than the account allows: %v", err)
	}
}

func TestNewStreamsAreCompressed(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	for _, feed := range publish.StreamFeeds {
		s, err := js.Stream(t.Context(), config.Names.Stream(feed))
		if err != nil {
			t.Fatal(err)
		}
		if have := s.CachedInfo().Config; have.Compression != jetstream.S2Compression || have.DenyDelete || have.DenyPurge || have.MaxBytes != -1 {
			t.Errorf("%s: %+v", have.Name, have)
		}
	}
}

func TestStreamsWithReplicasAreNotCompressed(t *testing.T) {
	t.Parallel()
	replicated := config
	replicated.Replicas = 3
	for _, feed := range publish.StreamFeeds {
		if have := replicated.Stream(feed).Compression; have != jetstream.NoCompression {
			t.Errorf("%s with three replicas is compressed with %v", feed, have)
		}
	}
}

func TestNothingCanBeRemovedFromImmutableStreams(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	immutable := config
	immutable.Immutable = true
	if err := createAll(t, js, immutable); err != nil {
		t.Fatal(err)
	}
	commit(t, newWriter(js, 0), readings(0, 10), interval(0, time.Minute))
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteMsg(t.Context(), 3); err == nil {
		t.Error("a message could be deleted")
	}
	if err := s.Purge(t.Context()); err == nil {
		t.Error("the stream could be purged")
	}
	commit(t, newWriter(js, 0), readings(5, 20), interval(0, 2*time.Minute))
	checkOnce(t, js, readings(0, 20))
}

// A stream that is full loses its oldest messages, which is what an age limit does to it: days that are gone are named, the one
// that is half gone is still proven, and all else goes on.
func TestWhatASizeLimitHasRemovedIsAsWhatAnAgeLimitHas(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	limited := config
	limited.MaxBytes = 3 << 20
	if err := publish.Open(t.Context(), js, limited); err != nil {
		t.Fatal(err)
	}
	const perDay, days = 900, 8
	begin := noon.AddDate(0, 0, -days)
	rows := func(n int) (day string, events []schema.Event, cover *checkpoint.Interval) {
		from := begin.AddDate(0, 0, n)
		for i := range perDay {
			events = append(events, reading(fmt.Sprintf("uuid-%d-%d", n, i), from.Add(time.Duration(i)*time.Second), "4.7"))
		}
		return checkpoint.DayOf(from), events, &checkpoint.Interval{From: from, Until: from.Add(time.Hour), ReadAt: from.Add(time.Hour), Route: "sync"}
	}
	w := newWriter(js, 0)
	for n := range days {
		day, events, cover := rows(n)
		if _, err := w.Commit(t.Context(), day, events, cover); err != nil {
			t.Fatal(err)
		}
		show(t, js) // what is removed before that is never shown: nobody hands it over here
	}
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	state := s.CachedInfo().State
	if state.FirstSeq <= perDay || state.Bytes > uint64(limited.MaxBytes) {
		t.Fatalf("first sequence %d, %d bytes: want the first day gone", state.FirstSeq, state.Bytes)
	}
	gone := int(state.FirstSeq-1) / (perDay + 2) // an index and a record each
	span := checkpoint.Span{From: begin.AddDate(0, 0, -1), Until: noon}
	removed, err := newWriter(js, 0).Removed(t.Context(), span)
	if err != nil || len(removed) != gone || checkpoint.DayOf(removed[0].From) != checkpoint.DayOf(begin) {
		t.Errorf("removed: %v (%v), want %d days from %s on", removed, err, gone, checkpoint.DayOf(begin))
	}
	if covered, err := newWriter(js, 0).Covered(t.Context(), span); err != nil || len(covered) != days-gone {
		t.Errorf("covered: %v (%v), want %d days", covered, err, days-gone)
	}
	if kept, err := newWriter(js, 0).Kept(t.Context(), span); err != nil || len(kept) != 0 { // all of it was measured before the oldest message was stored
		t.Errorf("kept: %v (%v)", kept, err)
	}
	for n := gone; n < days; n++ {
		day, events, cover := rows(n)
		events = events[perDay-10:] // of the first of these days the beginning may be gone
		if result, err := newWriter(js, 0).Commit(t.Context(), day, events, cover); err != nil || result.Stored > 0 {
			t.Errorf("%s read again: %+v (%v)", day, result, err)
		}
	}
}

// TestAnOldServerIsToBeUpgraded: no other prefix helps.
func TestAnOldServerIsToBeUpgraded(t *testing.T) {
	old := config.Stream(schema.Readings)
	old.Metadata = map[string]string{"_nats.ver": "2.11.10"}
	for what, err := range map[string]error{
		"account": config.CheckAccount(&jetstream.AccountInfo{API: jetstream.APIStats{Level: 1}}), "stream": config.CheckStream(schema.Readings, old),
	} {
		if code, advice := hint.Of(err); !errors.Is(err, publish.ErrUnfit) || code != hint.NATS || advice != "upgrade NATS to 2.12.1 or newer" {
			t.Errorf("%s: exit code %d, hint %q: %v", what, code, advice, err)
		}
	}
}

package publish_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// startConfigured starts a server with a configuration, which may ask for JetStream with the %q of a folder.
func startConfigured(t *testing.T, text string) (url string) {
	t.Helper()
	if strings.Contains(text, "%q") {
		text = fmt.Sprintf(text, t.TempDir())
	}
	path := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte("listen: 127.0.0.1:-1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bridgetest.NATSServer(t, options).ClientURL()
}

func TestAServerThatHandsOutFewMessagesAtOnceIsReadMoreSlowly(t *testing.T) {
	t.Parallel()
	url := startConfigured(t, "jetstream { store_dir: %q, limits { max_request_batch: 7 } }\n")
	js := open(t, connect(t, url))
	w := newWriter(js, 0)
	for i := range 30 { // an index each
		commit(t, w, readings(i, i+1), interval(time.Duration(i)*time.Minute, time.Duration(i+1)*time.Minute))
	}
	if result := commit(t, newWriter(js, 0), readings(0, 31), interval(0, 31*time.Minute)); result.Stored != 1 {
		t.Errorf("%+v, want 1 stored and 30 known", result)
	}
	checkOnce(t, js, readings(0, 31))
}

// TestTheMessageSizeOfTheAccountCounts: the server tells it after the login, so ten connections in a row have to agree.
func TestTheMessageSizeOfTheAccountCounts(t *testing.T) {
	t.Parallel()
	url := startConfigured(t, "jetstream { store_dir: %q }\naccounts { COLD { jetstream: enabled, limits { max_payload: 65536 }, users: [ { user: u, password: p } ] } }\n")
	for i := range 10 {
		js, err := jetstream.New(bridgetest.Connect(t, url, nats.UserInfo("u", "p")))
		if err != nil {
			t.Fatal(err)
		}
		if err := publish.Open(t.Context(), js, config); !errors.Is(err, publish.ErrUnfit) || !strings.Contains(err.Error(), "65536") {
			t.Errorf("start %d: %v", i, err)
		}
		if _, err := js.Stream(t.Context(), stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("start %d: the stream was made: %v", i, err)
		}
	}
}

func TestAStreamWhoseLimitsWouldBreakTheBridgeIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"max_consumers":             func(c *jetstream.StreamConfig) { c.MaxConsumers = publish.MinConsumers - 1 },
		"inactive_threshold":        func(c *jetstream.StreamConfig) { c.ConsumerLimits.InactiveThreshold = publish.MinIdle - time.Second },
		"subject_delete_marker_ttl": func(c *jetstream.StreamConfig) { c.SubjectDeleteMarkerTTL, c.AllowMsgTTL = time.Hour, true },
	} {
		js, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
		if err != nil {
			t.Fatal(err)
		}
		have := config.Stream(schema.Readings)
		change(&have)
		if _, err := js.CreateStream(t.Context(), have); err != nil {
			t.Fatal(err)
		}
		if err := publish.Open(t.Context(), js, config); !errors.Is(err, publish.ErrUnfit) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAServerThatAllowsOneBatchAtATimeTakesTurns: a poll and a backfill store at the same time.
func TestAServerThatAllowsOneBatchAtATimeTakesTurns(t *testing.T) {
	t.Parallel()
	url := startConfigured(t, "jetstream { store_dir: %q, limits { batch { max_inflight_per_stream: 1, timeout: 1h } } }\n")
	js := open(t, connect(t, url))
	var group sync.WaitGroup
	for i := range 4 {
		at := noon.AddDate(0, 0, -i)
		var events []schema.Event
		for n := range 3000 {
			events = append(events, reading(fmt.Sprintf("uuid-%d-%d", i, n), at.Add(time.Duration(n)*time.Second), "4.7"))
		}
		w := newWriter(open(t, connect(t, url)), time.Hour)
		group.Go(func() {
			if result, err := w.Commit(t.Context(), checkpoint.DayOf(at), events, nil); err != nil || result.Stored != len(events) {
				t.Errorf("day %d: %+v (%v)", i, result, err)
			}
		})
	}
	group.Wait()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("saveris.readings.>"))
	if err != nil {
		t.Fatal(err)
	}
	var stored uint64
	for _, n := range info.State.Subjects {
		stored += n
	}
	if stored != 4*3000 {
		t.Errorf("%d readings are stored, want %d", stored, 4*3000)
	}
}

func TestAServerWithAShortDuplicateWindowTakesAllStreamsAndBuckets(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, startConfigured(t, "jetstream { store_dir: %q, limits { duplicate_window: \"30s\" } }\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := createAll(t, js, config); err != nil {
		t.Fatal(err)
	}
	made := map[string]jetstream.StreamConfig{}
	for info := range js.ListStreams(t.Context()).Info() {
		if made[info.Config.Name] = info.Config; info.Config.Duplicates > 30*time.Second {
			t.Errorf("%s has a duplicate window of %v", info.Config.Name, info.Config.Duplicates)
		}
	}
	other, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	if err := createAll(t, other, config); err != nil {
		t.Fatal(err)
	}
	for info := range other.ListStreams(t.Context()).Info() { // all else is as on any server
		here, there := made[info.Config.Name], info.Config
		if here.Duplicates = there.Duplicates; !reflect.DeepEqual(here, there) {
			t.Errorf("%s\n%+v, want\n%+v", there.Name, here, there)
		}
	}
}

// TestAServersDefaultForConsumersDoesNotBindTheBridgesStreams: who stores, who looks and names read at the same time.
func TestAServersDefaultForConsumersDoesNotBindTheBridgesStreams(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, startConfigured(t, "jetstream { store_dir: %q, limits { default_max_consumers: 1 } }\n")))
	if err != nil {
		t.Fatal(err)
	}
	if err := createAll(t, js, config); err != nil {
		t.Fatal(err)
	}
	names := js.StreamNames(t.Context())
	for name := range names.Name() {
		for n := range publish.MinConsumers {
			if _, err := js.CreateConsumer(t.Context(), name, jetstream.ConsumerConfig{InactiveThreshold: time.Hour}); err != nil {
				t.Errorf("%s: consumer %d: %v", name, n+1, err)
				break
			}
		}
	}
	if err := names.Err(); err != nil {
		t.Error(err)
	}
}

// TestAnAccountThatAllowsFewConsumersTakesAllStreamsAndBuckets: its limit is theirs.
func TestAnAccountThatAllowsFewConsumersTakesAllStreamsAndBuckets(t *testing.T) {
	t.Parallel()
	js := startAccount(t, fmt.Sprintf("max_mem: 64MB, max_file: 2GB, max_consumers: %d", publish.MinConsumers))
	for range 2 { // and finds them as they are
		if err := createAll(t, js, config); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadingWaitsForAConsumer that somebody else leaves: here the server drops those that nobody uses.
func TestReadingWaitsForAConsumer(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, bridgetest.Embedded(t).ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	have := config.Stream(schema.Readings)
	have.MaxConsumers = publish.MinConsumers
	s, err := js.CreateStream(t.Context(), have)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 10; n += 2 { // an index each
		commit(t, newWriter(js, 0), readings(n-2, n), interval(0, time.Duration(n)*time.Minute))
	}
	for range publish.MinConsumers {
		if _, err := s.CreateConsumer(t.Context(), jetstream.ConsumerConfig{InactiveThreshold: time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	if result := commit(t, newWriter(js, 0), readings(0, 20), interval(0, 20*time.Minute)); result.Stored != 10 {
		t.Errorf("%+v, want 10 stored", result)
	}
	checkOnce(t, js, readings(0, 20))
}

// TestMessagesThatWereRefusedInALargerBatchAreStoredInSmallerOnes: one of them was the last of a larger one, and is the first of another.
func TestMessagesThatWereRefusedInALargerBatchAreStoredInSmallerOnes(t *testing.T) {
	t.Parallel()
	js, err := jetstream.New(connect(t, startLimited(t, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, AllowAtomicPublish: true}); err != nil {
		t.Fatal(err)
	}
	messages, stored := make([]*nats.Msg, 10), 0
	for i := range messages {
		messages[i] = &nats.Msg{Subject: "s", Header: nats.Header{}}
	}
	if err := publish.NewBatches(js, "S").Store(t.Context(), messages, func(n int, _ uint64) { stored += n }); err != nil || stored != len(messages) {
		t.Errorf("%d of %d stored: %v", stored, len(messages), err)
	}
}

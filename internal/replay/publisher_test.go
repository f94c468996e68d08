package replay_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/replay"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func connect(t *testing.T, url string) *nats.Conn {
	t.Helper()
	return bridgetest.Connect(t, url, nats.ReconnectWait(50*time.Millisecond))
}

func TestSubjectsOfTheBridgeAreItsOwn(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]bool{
		"saveris.readings.live.x": true, "saveris.readings.>": true, "saveris.alarms": true, "saveris.>": true,
		"saveris.index.readings.2026-11-23": true, "saveris.index.x": true, "saveris.checkpoints.>": true, "saveris.rejected.readings": true,
		"saveris-ingest.x": true, "saveris-ingest.>": true, "saveris-ingest": true, "*.x": true, "saveris.replay.>": false, "saveris": false, "saveris2.readings.>": false, "replay.saveris.readings": false, "replay.>": false,
	} {
		if got := replay.OwnSubject(config.Names, subject); got != want {
			t.Errorf("%s: %v", subject, got)
		}
	}
}

func TestTargetStreamsAreThoseThatStoreAllOfIt(t *testing.T) {
	t.Parallel()
	js := newStage(t).js
	for name, c := range map[string]jetstream.StreamConfig{
		"ALL":    {Subjects: []string{"all.>"}, AllowAtomicPublish: true},
		"TWO_A":  {Subjects: []string{"two.readings.>"}},
		"TWO_B":  {Subjects: []string{"two.alarms.*.>", "one"}},
		"PART":   {Subjects: []string{"part.readings.live.t.>", "half.readings.>"}},
		"DEAF":   {Subjects: []string{"deaf.>"}, NoAck: true},
		"OTHERS": {Subjects: []string{"cold.readings.>", "cold.checkpoints.readings.>"}},
	} {
		c.Name = name
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(name, err)
		}
	}
	under := func(prefix string) []string {
		return []string{prefix + ".readings.live.>", prefix + ".readings.history.>", prefix + ".alarms.live.>", prefix + ".alarms.history.>"}
	}
	for _, c := range []struct {
		subjects []string
		want     []replay.TargetStream
		refused  string
	}{
		{under("all"), []replay.TargetStream{{"ALL", true}}, ""},
		{under("two"), []replay.TargetStream{{"TWO_A", false}, {"TWO_B", false}}, ""},
		{[]string{"one"}, []replay.TargetStream{{"TWO_B", false}}, ""},
		{[]string{"nobody"}, nil, ""},
		{under("nobody"), nil, ""},
		{under("part"), nil, "takes only a part"},
		{under("half"), nil, "nobody stores half.alarms"},
		{under("deaf"), nil, "no_ack"},
		{under("cold"), nil, "which a bridge writes"},
		{under("saveris"), nil, "the bridge's own"},
	} {
		got, err := replay.TargetStreams(t.Context(), js, config.Names, c.subjects)
		if c.refused == "" && (err != nil || !slices.Equal(got, c.want)) {
			t.Errorf("%s: %v, %v, want %v", c.subjects[0], got, err, c.want)
		}
		if c.refused != "" && (!errors.Is(err, replay.ErrSubject) || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s: %v, want %q", c.subjects[0], err, c.refused)
		}
	}
}

// copyAll publishes n messages and flushes.
func copyAll(t *testing.T, p *replay.Publisher, n int) error {
	t.Helper()
	for i := range n {
		if err := p.Publish(t.Context(), "copy.x", map[string][]string{"no": {fmt.Sprint(i)}}, []byte("data")); err != nil {
			return err
		}
	}
	return p.Flush(t.Context())
}

func TestCopiesAreStoredInTheirOrderWhateverTheBatchLimit(t *testing.T) {
	t.Parallel()
	s := bridgetest.NATSServer(t, &server.Options{
		JetStream:       true,
		JetStreamLimits: server.JSLimitOpts{MaxBatchSize: 300},
	})
	js, err := jetstream.New(connect(t, s.ClientURL()))
	if err != nil {
		t.Fatal(err)
	}
	for _, atomic := range []bool{true, false} {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "COPY", Subjects: []string{"copy.>"}, AllowAtomicPublish: atomic}); err != nil {
			t.Fatal(err)
		}
		c := replay.NewPublisher(js, []replay.TargetStream{{Stream: "COPY", Atomic: atomic}}, false)
		for range 2 {
			if err := copyAll(t, c, 2501); err != nil {
				t.Fatal(err)
			}
		}
		s, err := js.Stream(t.Context(), "COPY")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5002 {
			m, err := s.GetMsg(t.Context(), uint64(i+1))
			if err != nil || m.Header.Get("no") != fmt.Sprint(i%2501) {
				t.Fatalf("atomic %v: message %d is %v, %v", atomic, i, m, err)
			}
		}
		if n := s.CachedInfo().State.Msgs; n != 5002 || c.Arrived() != 5002 {
			t.Errorf("atomic %v: %d messages, %d arrived, want 5002", atomic, n, c.Arrived())
		}
		if err := js.DeleteStream(t.Context(), "COPY"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACopyThatHasNotArrivedIsNotCounted(t *testing.T) {
	t.Parallel()
	js := newStage(t).js
	for _, targets := range [][]replay.TargetStream{{{Stream: "GONE"}}, {{Stream: "GONE", Atomic: true}}} {
		c := replay.NewPublisher(js, targets, false) // the stream has disappeared since it was looked up
		err := copyAll(t, c, 10)
		if err == nil || c.Arrived() != 0 {
			t.Errorf("%v: %d arrived, %v", targets, c.Arrived(), err)
		}
		if again := c.Flush(t.Context()); !errors.Is(again, err) {
			t.Errorf("%v: then %v", targets, again)
		}
	}
}

func TestNothingIsOnItsWayWhenARefusalIsReported(t *testing.T) {
	t.Parallel()
	url := bridgetest.Embedded(t).ClientURL()
	js, err := jetstream.New(connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	stream := connect(t, url) // it refuses the first message at once, and stores the others later
	var late []*nats.Msg
	if _, err := stream.Subscribe("copy.>", func(m *nats.Msg) {
		if late = append(late, m); len(late) == 1 {
			_ = m.Respond([]byte(`{"error": {"code": 503, "err_code": 10077, "description": "maximum messages exceeded"}}`))
		}
		if len(late) < 10 {
			return
		}
		time.Sleep(100 * time.Millisecond)
		for i, m := range late[1:] {
			_ = m.Respond(fmt.Appendf(nil, `{"stream": "COPY", "seq": %d}`, i+1))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := stream.Flush(); err != nil {
		t.Fatal(err)
	}
	c := replay.NewPublisher(js, []replay.TargetStream{{Stream: "COPY"}}, false)
	err = copyAll(t, c, 10)
	if n := js.PublishAsyncPending(); err == nil || c.Arrived() != 0 || n > 0 {
		t.Errorf("%v, %d arrived, %d on their way", err, c.Arrived(), n)
	}
}

func TestCopiesThatNobodyStoresReachThoseWhoListen(t *testing.T) {
	t.Parallel()
	url := bridgetest.Embedded(t).ClientURL()
	nc := connect(t, url)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	listener := connect(t, url)
	heard, err := listener.SubscribeSync("copy.>")
	if err == nil {
		err = listener.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := replay.NewPublisher(js, nil, false)
	if err := copyAll(t, c, 100); err != nil || c.Arrived() != 100 {
		t.Fatalf("%d arrived, %v", c.Arrived(), err)
	}
	for i := range 100 {
		m, err := heard.NextMsg(5 * time.Second)
		if err != nil || m.Header["no"][0] != fmt.Sprint(i) {
			t.Fatalf("message %d: %+v, %v", i, m, err)
		}
	}
	back := make(chan struct{})
	nc.SetReconnectHandler(func(*nats.Conn) { close(back) })
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	<-back
	if err := copyAll(t, c, 1); !errors.Is(err, replay.ErrDisconnected) || c.Arrived() != 100 {
		t.Errorf("after a lost connection: %d arrived, %v", c.Arrived(), err)
	}
}

func TestAMissingRightIsToldAtTheFirstCopy(t *testing.T) {
	t.Parallel()
	s := bridgetest.NATSServer(t, &server.Options{
		JetStream: true,
		Users:     []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"copy.>", "old"}}}}},
	})
	for _, targets := range [][]replay.TargetStream{nil, {{Stream: "COPY"}}} {
		refused := make(chan error, 10)
		nc := bridgetest.Connect(t, s.ClientURL(), nats.UserInfo("u", "p"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
		js, err := jetstream.New(nc)
		if err == nil {
			err = nc.Publish("old", nil) // somebody else's trouble
		}
		if err != nil {
			t.Fatal(err)
		}
		<-refused
		c := replay.NewPublisher(js, targets, false)
		if err := c.Publish(t.Context(), "free.x", map[string][]string{}, nil); err != nil {
			t.Errorf("what is allowed: %v", err)
		}
		c = replay.NewPublisher(js, targets, false)
		if err := copyAll(t, c, 1000); !errors.Is(err, nats.ErrPermissionViolation) || c.Arrived() != 0 {
			t.Errorf("%v, %d arrived", err, c.Arrived())
		}
		<-refused
		nc.Close()
		if len(refused) > 0 {
			t.Errorf("%d further messages were sent", len(refused))
		}
	}
}

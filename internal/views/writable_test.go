package views_test

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// told is what a view has said of its bucket.
type told struct {
	mu   sync.Mutex
	said []error
}

func (o *told) say(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, err)
}

func (o *told) list() []error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]error(nil), o.said...)
}

// TestABucketThatCannotBeWrittenHoldsUpNothing stores beside buckets that take nothing, has it said once, and has it go on by
// itself when they do.
func TestABucketThatCannotBeWrittenHoldsUpNothing(t *testing.T) {
	t.Parallel()
	sourced := []*jetstream.StreamSource{{
		Name:              stream,
		SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "saveris.checkpoints.readings.>", Destination: "$KV." + bucket + ".readings.>"}},
	}}
	remove := func(s *stage) { s.check(s.js.DeleteKeyValue(s.Context(), bucket)) }
	for name, c := range map[string]struct {
		config  jetstream.KeyValueConfig
		spoil   func(*jetstream.StreamConfig)
		foreign bool
		mend    func(s *stage)
	}{
		"a sourced one of an older bridge": {config: jetstream.KeyValueConfig{Sources: sourced}, foreign: true, mend: remove},
		"a sealed one":                     {spoil: func(c *jetstream.StreamConfig) { c.Sealed = true }, foreign: true, mend: remove},
		"a full one": {config: jetstream.KeyValueConfig{MaxBytes: 100}, mend: func(s *stage) {
			_, err := s.js.UpdateKeyValue(s.Context(), jetstream.KeyValueConfig{Bucket: bucket, MaxBytes: 1 << 20})
			s.check(err)
		}},
		"one that takes no large values": {config: jetstream.KeyValueConfig{MaxValueSize: 10}, mend: remove},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			c.config.Bucket = bucket
			_, err := s.js.CreateKeyValue(t.Context(), c.config)
			s.check(err)
			if c.spoil != nil {
				of, err := s.js.Stream(t.Context(), "KV_"+bucket)
				s.check(err)
				spoiled := of.CachedInfo().Config
				c.spoil(&spoiled)
				_, err = s.js.UpdateStream(t.Context(), spoiled)
				s.check(err)
			}
			o := &told{}
			view := views.NewCheckpoints(s.bridge, config, schema.Readings)
			view.OnWritable = o.say
			view.Hurry()
			s.keep(view)
			w := s.writer(schema.Readings, view)
			for day := range 20 {
				s.commit(w, day, 3)
			}
			s.await("it to be said", func() bool { return len(o.list()) > 0 })
			if err := o.list()[0]; err == nil || errors.Is(err, publish.ErrBucketSettings) != c.foreign {
				t.Errorf("said is %v", err)
			}
			t.Logf("said: %v", o.list()[0])
			c.mend(s)
			s.awaitEqual("when the cause has gone")
			s.await("that to be said", func() bool { return len(o.list()) > 1 })
			if said := o.list(); len(said) != 2 || said[1] != nil {
				t.Errorf("said %v, want it once and its end", said)
			}
		})
	}
}

// TestWhoeverLeadsAgainSaysAgainWhatCannotBeWritten: what was said before is forgotten by then.
func TestWhoeverLeadsAgainSaysAgainWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	_, err := s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bucket, MaxBytes: 100})
	s.check(err)
	o := &told{}
	view := views.NewCheckpoints(s.bridge, config, schema.Readings)
	view.OnWritable = o.say
	view.Hurry()
	w := s.writer(schema.Readings, view)
	for lead := range 2 {
		end := s.keep(view)
		for day := range 20 {
			s.commit(w, day, 3)
		}
		s.await("it to be said", func() bool { return len(o.list()) > lead })
		end()
	}
	_, err = s.js.UpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bucket, MaxBytes: 1 << 20})
	s.check(err)
	s.keep(view)
	s.await("its end to be said", func() bool { said := o.list(); return said[len(said)-1] == nil })
}

// TestWithoutTheRightToTheBucketEverythingElseGoesOn has the account get the right later, in a server that is set up anew.
func TestWithoutTheRightToTheBucketEverythingElseGoesOn(t *testing.T) {
	t.Parallel()
	options := func(deny ...string) *server.Options {
		return &server.Options{
			Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, NoSigs: true, NoLog: true,
			Users: []*server.User{
				{Username: "all", Password: "a"},
				{Username: "bridge", Password: "b", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: deny}}},
			},
		}
	}
	first := options("$KV.>")
	broker := bridgetest.NATSServer(t, first)
	s := &stage{T: t}
	s.js = s.dial(broker.ClientURL(), nats.UserInfo("all", "a"))
	s.open()
	o := &told{}
	bridge := s.dial(broker.ClientURL(), nats.UserInfo("bridge", "b"))
	impatient, err := jetstream.New(bridge.Conn(), jetstream.WithDefaultTimeout(2*time.Second)) // what is refused is not answered
	s.check(err)
	view := views.NewCheckpoints(impatient, config, schema.Readings)
	view.OnWritable = o.say
	view.Hurry()
	s.keep(view)
	w := publish.NewWriter(bridge, config, publish.Options{Feed: schema.Readings, Name: "test", Now: func() time.Time { return noon }, OnRecord: view.Show})
	for day := range 20 {
		s.commit(w, day, 3)
	}
	s.await("it to be said", func() bool { return len(o.list()) > 0 })
	if err := o.list()[0]; !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("said is %v", err)
	}
	again := options()
	again.Port, again.StoreDir = broker.Addr().(*net.TCPAddr).Port, first.StoreDir
	if err := broker.ReloadOptions(again); err != nil {
		t.Fatal(err)
	}
	s.awaitEqual("with the right")
	s.await("that to be said", func() bool { return len(o.list()) > 1 })
	if said := o.list(); len(said) != 2 || said[1] != nil {
		t.Errorf("said %v, want it once and its end", said)
	}
}

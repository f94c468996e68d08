package views_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

const stream = "SAVERIS_READINGS"

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	config = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	bucket = config.Names.Checkpoints()
)

// stage is a broker with streams and no bucket yet.
type stage struct {
	*testing.T
	dir, listen string
	server      *natsd.Server
	js          jetstream.JetStream // the test's, and that of who stores
	bridge      jetstream.JetStream // of what is tested
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, dir: t.TempDir(), listen: bridgetest.Address(t)}
	s.start()
	t.Cleanup(func() { s.server.Close() })
	s.js = s.dial(s.server.ClientURL())
	s.bridge = s.js
	s.open()
	return s
}

func (s *stage) start() {
	s.Helper()
	server, err := natsd.Start(natsd.Config{Dir: s.dir, Listen: s.listen})
	if err != nil {
		s.Fatal(err)
	}
	s.server = server
}

func (s *stage) dial(url string, options ...nats.Option) jetstream.JetStream {
	s.Helper()
	nc, err := nats.Connect(url, append(options, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1), nats.ReconnectWait(20*time.Millisecond))...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(nc.Close)
	js, err := jetstream.New(nc, patient)
	s.check(err)
	return js
}

// patient waits for the answer to a request as long as a busy machine may need.
var patient = jetstream.WithDefaultTimeout(time.Minute)

// impatient has what is tested give up the answer to a request after two seconds: a server that ends loses some.
func (s *stage) impatient() {
	s.Helper()
	js, err := jetstream.New(s.js.Conn(), jetstream.WithDefaultTimeout(2*time.Second))
	s.check(err)
	s.bridge = js
}

// open makes the streams where they are missing. The server may still be removing one of that name.
func (s *stage) open() {
	s.Helper()
	s.await("streams", func() bool { return publish.Open(s.Context(), s.js, config) == nil })
}

// streamDir is where the server has the stream of readings.
func (s *stage) streamDir() string { return filepath.Join(s.dir, "jetstream", "$G", "streams", stream) }

// remember returns what has the stream lose all that is stored from now on; the rest of the broker forgets nothing.
func (s *stage) remember() (forget func(meanwhile func())) {
	s.Helper()
	backup := filepath.Join(s.TempDir(), "backup")
	s.server.Close()
	s.check(os.CopyFS(backup, os.DirFS(s.streamDir())))
	s.start()
	s.connected()
	return func(meanwhile func()) {
		s.Helper()
		s.server.Close()
		s.check(os.RemoveAll(s.streamDir()))
		s.check(os.CopyFS(s.streamDir(), os.DirFS(backup)))
		meanwhile()
		s.start()
		s.connected()
	}
}

// connected waits until the server can be used again.
func (s *stage) connected() {
	s.Helper()
	s.await("the connection to be back", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second) // what is asked while the server starts may get no answer
		defer cancel()
		_, err := s.js.AccountInfo(ctx)
		return err == nil
	})
}

func (s *stage) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) await(what string, so func() bool) {
	s.Helper()
	bridgetest.Await(s, what, func(context.Context) bool { return so() })
}

// writer is a process of a bridge as far as it stores; its view, if there is one, is handed what is stored.
func (s *stage) writer(feed schema.Feed, view *views.Checkpoints) *publish.Writer {
	options := publish.Options{Feed: feed, Name: "test", LiveAge: time.Hour, Ages: checkpoint.Ages{time.Hour}, Now: func() time.Time { return noon }}
	if view != nil {
		options.OnRecord = view.Show
	}
	return publish.NewWriter(s.js, config, options)
}

// view is one that waits for nothing long.
func (s *stage) view(js jetstream.JetStream) *views.Checkpoints {
	v := views.NewCheckpoints(js, config, schema.Readings)
	v.Hurry()
	return v
}

// commit stores n events on a day so many days after noon's, and covers a minute more of it each time.
func (s *stage) commit(w *publish.Writer, day, n int) {
	s.Helper()
	s.check(s.tryCommit(w, day, n))
}

var counter atomic.Int64

func (s *stage) tryCommit(w *publish.Writer, day, n int) error {
	at := noon.AddDate(0, 0, day)
	var events []schema.Event
	for range n {
		id := counter.Add(1)
		row := saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: fmt.Appendf(nil, "uuid-%d", id)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
			{Name: "alarm_time", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
			{Name: "measurement", Kind: saveris.Number, Text: []byte("4.7")},
		}}
		events = append(events, schema.NewMaker(w.Feed, "saveris", "http://vendor").Event(&row, schema.Window{}, noon))
	}
	from := at.Add(time.Duration(counter.Load()%600) * time.Minute)
	cover := &checkpoint.Interval{From: from, Until: from.Add(time.Minute), ReadAt: from, Route: "sync"}
	_, err := w.Commit(s.Context(), checkpoint.DayOf(at), events, cover)
	return err
}

// commitWhenItCan waits for a broker that comes back.
func (s *stage) commitWhenItCan(w *publish.Writer, day, n int) {
	s.Helper()
	s.await("a commit", func() bool { return s.tryCommit(w, day, n) == nil })
}

// keep keeps a view until the test ends, or until it is told to stop.
func (s *stage) keep(v *views.Checkpoints) (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		_ = v.Keep(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil })
	}()
	stop = func() { cancel(); <-kept }
	s.Cleanup(stop)
	return stop
}

// takeOver is a bridge that becomes leader and stops at once.
func (s *stage) takeOver() {
	s.Helper()
	s.check(s.view(s.js).Keep(s.Context(), func(context.Context) error { return nil }))
}

// shown is what the bucket shows of a feed's days: sequence and value, by key.
func (s *stage) shown(feed schema.Feed) map[string]string {
	s.Helper()
	all := map[string]string{}
	kv, err := s.js.KeyValue(s.Context(), bucket)
	if err != nil {
		return all
	}
	lister, err := kv.ListKeysFiltered(s.Context(), string(feed)+".>")
	s.check(err)
	for key := range lister.Keys() {
		m := s.last("KV_"+bucket, "$KV."+bucket+"."+key)
		if m != nil {
			all[key] = m.Header.Get("Saveris-Sequence") + " " + string(m.Data)
		}
	}
	return all
}

func (s *stage) last(stream, subject string) *jetstream.RawStreamMsg {
	s.Helper()
	of, err := s.js.Stream(s.Context(), stream)
	s.check(err)
	m, _ := of.GetLastMsgForSubject(s.Context(), subject)
	return m
}

// stored is what the stream holds, likewise.
func (s *stage) stored(feed schema.Feed) map[string]string {
	s.Helper()
	all := map[string]string{}
	of, err := s.js.Stream(s.Context(), config.Names.Stream(feed))
	s.check(err)
	subjects := "saveris.checkpoints." + string(feed) + "."
	info, err := of.Info(s.Context(), jetstream.WithSubjectFilter(subjects+">"))
	s.check(err)
	for subject := range info.State.Subjects {
		m := s.last(config.Names.Stream(feed), subject)
		all[string(feed)+"."+strings.TrimPrefix(subject, subjects)] = fmt.Sprint(m.Sequence, " ", string(m.Data))
	}
	return all
}

// equal reports whether the bucket shows what the stream of readings holds, and nothing else but what retention has removed.
func (s *stage) equal() bool {
	s.Helper()
	return len(s.differences()) == 0
}

func (s *stage) differences() (list []string) {
	s.Helper()
	of, err := s.js.Stream(s.Context(), stream)
	s.check(err)
	first := of.CachedInfo().State.FirstSeq
	shown, stored := s.shown(schema.Readings), s.stored(schema.Readings)
	for key, want := range stored {
		if shown[key] != want {
			list = append(list, fmt.Sprintf("%s is %.30q, want %.30q", key, shown[key], want))
		}
	}
	for key, is := range shown {
		of, _, _ := strings.Cut(is, " ")
		seq, _ := strconv.ParseUint(of, 10, 64)
		if stored[key] == "" && (seq == 0 || seq >= first) {
			list = append(list, fmt.Sprintf("%s is shown: %.30q", key, is))
		}
	}
	return list
}

// awaitEqual waits until the bucket shows what the stream holds.
func (s *stage) awaitEqual(when string) {
	s.Helper()
	s.await("the bucket to be equal to the stream: "+when, s.equal)
}

func days(shown map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(shown)), " ")
}

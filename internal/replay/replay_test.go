package replay_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/replay"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

var (
	midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	always   = checkpoint.Span{From: midnight.AddDate(-1, 0, 0), Until: midnight.AddDate(1, 0, 0)}
	config   = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
)

// stage is a broker with the streams of a bridge and what is needed to replay them.
type stage struct {
	*testing.T
	js jetstream.JetStream
}

func TestMain(m *testing.M) { bridgetest.Main(m) }

func newStage(t *testing.T) *stage {
	t.Helper()
	js := seed.Streams(t)
	return &stage{t, js}
}

func text(name, value string) saveris.Field {
	return saveris.Field{Name: name, Kind: saveris.String, Text: []byte(value)}
}

func reading(uuid string, at time.Time, value string) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		text("uuid", uuid), text("timestamp", at.Format(time.RFC3339Nano)), text("serial_no", "2201 Küche"), text("physical_unit", "°C"),
		{Name: "measurement", Kind: saveris.Number, Text: []byte(value)},
	}}
	return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, midnight)
}

func alarm(uuid string, at time.Time) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		text("uuid", uuid), text("alarm_time", at.Format(time.RFC3339Nano)), text("status", "Alarm"), text("alarm_severity", "Warning"), text("serial_no", "2201"),
	}}
	return schema.NewMaker(schema.Alarms, "saveris", "http://vendor").Event(&row, schema.Window{}, midnight)
}

// task is a step of an execution that is paused, or finished.
func task(uuid, status string, at time.Time) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		text("uuid", uuid), text("timestamp", at.Format(time.RFC3339Nano)), text("task_status", status), text("task_execution_uuid", "x"), text("sequence_no", "1"),
		text("parameters", `{"unit": "CELSIUS"}`),
	}}
	return schema.NewMaker(schema.Tasks, "saveris", "http://vendor").Event(&row, schema.Window{}, midnight)
}

// store commits events of one day as a bridge does.
func (s *stage) store(feed schema.Feed, events ...schema.Event) {
	s.Helper()
	s.storeIn(schema.Binary, feed, events...)
}

func (s *stage) storeIn(mode schema.Mode, feed schema.Feed, events ...schema.Event) {
	s.Helper()
	w := publish.NewWriter(s.js, config, publish.Options{Feed: feed, Mode: mode, Name: "test", LiveAge: 24 * time.Hour, Now: func() time.Time { return midnight.Add(30 * time.Hour) }})
	if _, err := w.Commit(s.Context(), events[0].Day(), events, nil); err != nil {
		s.Fatal(err)
	}
}

// copies makes a stream for what is replayed.
func (s *stage) copies(c jetstream.StreamConfig) []replay.TargetStream {
	s.Helper()
	c.Name, c.Subjects = "COPY", []string{"copy.>"}
	if _, err := s.js.CreateStream(s.Context(), c); err != nil {
		s.Fatal(err)
	}
	return []replay.TargetStream{{Stream: c.Name, Atomic: c.AllowAtomicPublish}}
}

func (s *stage) replayer(to string, out *replay.Publisher) *replay.Replayer {
	s.Helper()
	target, err := replay.ParseTarget(to)
	if err != nil {
		s.Fatal(err)
	}
	r := &replay.Replayer{Publisher: out, To: target, Mark: "test"}
	for _, feed := range publish.Feeds {
		r.Feeds = append(r.Feeds, replay.Feed{Name: feed, Stream: checkpoint.NewStream(s.js, config.Names.Stream(feed), "saveris", string(feed))})
	}
	return r
}

// run replays a span and sums up the days of each feed.
func run(ctx context.Context, r *replay.Replayer, span checkpoint.Span) (map[schema.Feed]replay.Part, error) {
	sums := map[schema.Feed]replay.Part{}
	err := r.Run(ctx, span, func(d replay.Day) error {
		for _, p := range d.Parts {
			sum := sums[p.Feed]
			sum.Events += p.Events
			sum.Corrections += p.Corrections
			sum.Removed += p.Removed
			sum.Lost += p.Lost
			sum.Faults = append(sum.Faults, p.Faults...)
			sums[p.Feed] = sum
		}
		return nil
	})
	return sums, err
}

// message is a stored message.
type message struct {
	id      string
	subject string
	header  nats.Header
	data    []byte
	at      time.Time
	seq     uint64 // of the original
}

// read reads the events of a stream, in its order.
func (s *stage) read(name string) (all []message) {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(s.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		s.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		s.Fatal(err)
	}
	defer messages.Stop()
	for left := stream.CachedInfo().State.Msgs; left > 0; left-- {
		m, err := messages.Next()
		if err != nil {
			s.Fatal(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			s.Fatal(err)
		}
		h := m.Headers()
		if h["ce-id"] == nil && h["content-type"] == nil {
			continue
		}
		event, err := schema.Parse(h, m.Data())
		if err != nil {
			s.Fatal(err)
		}
		seq := meta.Sequence.Stream
		if original := h[replay.HeaderSequence]; original != nil {
			seq, _ = strconv.ParseUint(original[0], 10, 64)
		}
		all = append(all, message{event.ID(), m.Subject(), h, m.Data(), event.Time(), seq})
	}
	return all
}

// want is what a replay of everything has to publish, in its order.
func (s *stage) want() []message {
	s.Helper()
	var all []message
	for _, feed := range publish.Feeds {
		all = append(all, s.read(config.Names.Stream(feed))...)
	}
	slices.SortStableFunc(all, func(a, b message) int { return a.at.Compare(b.at) })
	return all
}

func ids(list []message) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.id)
	}
	return ids
}

func TestReplayKeepsEveryByte(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.store(schema.Readings, reading("a", midnight.Add(time.Hour), "4.70"), reading("b \"%ü", midnight.Add(2*time.Hour), "22.382542"))
	s.storeIn(schema.Structured, schema.Readings, reading("a", midnight.Add(time.Hour), "4.71")) // a correction
	s.storeIn(schema.Structured, schema.Alarms, alarm("c", midnight.Add(90*time.Minute)))
	s.store(schema.Tasks, task("d", "PAUSED", midnight.Add(100*time.Minute)))
	s.storeIn(schema.Structured, schema.Tasks, task("d", "FINISHED", midnight.Add(100*time.Minute)))
	for _, atomic := range []bool{false, true} {
		targets := s.copies(jetstream.StreamConfig{AllowAtomicPublish: atomic})
		sums, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), always)
		if err != nil || sums[schema.Readings].Events != 3 || sums[schema.Readings].Corrections != 1 || sums[schema.Alarms].Events != 1 ||
			sums[schema.Tasks].Events != 2 || sums[schema.Tasks].Corrections != 1 {
			t.Fatalf("%+v, %v", sums, err)
		}
		want, got := s.want(), s.read("COPY")
		if len(got) != len(want) {
			t.Fatalf("%d messages, want %d", len(got), len(want))
		}
		for i, w := range want {
			g := got[i]
			notOurs := func(key string, _ []string) bool { return strings.HasPrefix(key, "Nats-") }
			maps.DeleteFunc(w.header, notOurs)
			maps.DeleteFunc(g.header, notOurs)
			w.header[replay.HeaderReplay] = []string{"test"}
			w.header[replay.HeaderSequence] = []string{strconv.FormatUint(w.seq, 10)}
			w.header[replay.HeaderSubject] = []string{w.subject}
			if !maps.EqualFunc(g.header, w.header, slices.Equal) || !bytes.Equal(g.data, w.data) || g.subject != "copy"+strings.TrimPrefix(w.subject, "saveris") {
				t.Errorf("message %d is\n%+v\nwant\n%+v", i, g, w)
			}
			if _, err := schema.ReadStored(g.header, g.data); err != nil {
				t.Error(err)
			}
		}
		if err := s.js.DeleteStream(t.Context(), "COPY"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReplayOrdersByMeasurementTime(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	random := rand.New(rand.NewPCG(1, 2))
	const size = 13_000               // of a day: more than a slice
	for _, day := range []int{1, 0} { // the older one is backfilled
		var list []schema.Event
		for i := range size {
			at := midnight.AddDate(0, 0, day).Add(time.Duration(random.IntN(24*3600*10)) * 100 * time.Millisecond)
			list = append(list, reading(fmt.Sprintf("%d-%d", day, i), at, "1"))
		}
		slices.SortFunc(list[:size/2], func(a, b schema.Event) int { return a.Time.Compare(b.Time) }) // the others are late, one by one
		for len(list) > 0 {
			n := min(len(list), 1+random.IntN(4000))
			s.store(schema.Readings, list[:n]...)
			list = list[n:]
		}
		for i := range 50 {
			list = append(list, alarm(fmt.Sprintf("alarm-%d-%d", day, i), midnight.AddDate(0, 0, day).Add(time.Duration(50-i)*time.Minute)))
		}
		s.store(schema.Alarms, list...)
	}
	targets := s.copies(jetstream.StreamConfig{AllowAtomicPublish: true})
	if _, err := run(t.Context(), s.replayer("copy.all", replay.NewPublisher(s.js, targets, false)), always); err != nil {
		t.Fatal(err)
	}
	got := s.read("COPY")
	if want := ids(s.want()); !slices.Equal(ids(got), want) || len(want) != 2*size+100 {
		t.Errorf("%d messages of %d, or not in their order", len(got), len(want))
	}
	sorted := slices.IsSortedFunc(got, func(a, b message) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(b.subject, a.subject)) })
	if !sorted {
		t.Error("not in the order of measuring")
	}
}

func TestARangeIsHalfOpenInTheTimeOfMeasuring(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	hour := func(n int) time.Time { return midnight.Add(time.Duration(n) * time.Hour) }
	for _, n := range []int{30, 10, 12, 11, 13, -5} {
		s.store(schema.Readings, reading(strconv.Itoa(n), hour(n), "1"))
	}
	targets := s.copies(jetstream.StreamConfig{})
	out := replay.NewPublisher(s.js, targets, false)
	for _, c := range []struct {
		from, until time.Time
		want        []string
	}{
		{hour(11), hour(13), []string{"11", "12"}},
		{hour(13), hour(31), []string{"13", "30"}},
		{hour(-5), hour(-5).Add(1), []string{"-5"}},
		{hour(-4), hour(10), nil},
		{hour(100), hour(200), nil},
	} {
		stream, err := s.js.Stream(t.Context(), "COPY")
		if err == nil {
			err = stream.Purge(t.Context())
		}
		if err == nil {
			_, err = run(t.Context(), s.replayer("copy.>", out), checkpoint.Span{From: c.from, Until: c.until})
		}
		if got := ids(s.read("COPY")); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("from %v until %v: %q (%v), want %q", c.from, c.until, got, err, c.want)
		}
	}
}

func TestRejectedRowsAreNotReplayed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	row := saveris.Row{Fields: []saveris.Field{text("uuid", "x")}} // no time
	s.store(schema.Readings, schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, midnight))
	s.store(schema.Readings, reading("a", midnight, "1"))
	targets := s.copies(jetstream.StreamConfig{})
	sums, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), always)
	if got := ids(s.read("COPY")); err != nil || !slices.Equal(got, []string{"a"}) || sums[schema.Readings].Events != 1 {
		t.Errorf("%q, %+v, %v", got, sums, err)
	}
}

func TestWhatRetentionHasLeftIsReplayedAndTheRestCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range 4 {
		s.store(schema.Readings, reading(fmt.Sprint(i, "a"), midnight.Add(time.Duration(i)*time.Hour), "1"), reading(fmt.Sprint(i, "b"), midnight.Add(time.Duration(i)*time.Hour), "1"))
	}
	stream, err := s.js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(6)); err != nil { // a batch, and the first event of the next
		t.Fatal(err)
	}
	targets := s.copies(jetstream.StreamConfig{})
	sums, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), always)
	part := sums[schema.Readings]
	if got := ids(s.read("COPY")); err != nil || len(got) != 5 || part.Events != 5 || part.Removed != 3 || part.Lost != 0 || part.Faults != nil {
		t.Errorf("%q, %+v, %v", got, part, err)
	}
}

func TestWhatIsNotThereIsToldAndTheRestReplayed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.store(schema.Readings, reading("a", midnight, "1"), reading("b", midnight, "1"), reading("c", midnight, "1"))
	s.store(schema.Readings, reading("d", midnight, "1"))
	stream, err := s.js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	targets := s.copies(jetstream.StreamConfig{})
	for _, c := range []struct {
		remove uint64
		want   []string
		lost   uint64
		faults int
	}{
		{2, []string{"a", "c", "d"}, 1, 0}, // an event
		{4, []string{"d"}, 0, 1},           // the index of the first batch
	} {
		if err := stream.DeleteMsg(t.Context(), c.remove); err != nil {
			t.Fatal(err)
		}
		sums, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), always)
		part, got := sums[schema.Readings], ids(s.read("COPY"))
		if err != nil || !slices.Equal(got, c.want) || part.Lost != c.lost || len(part.Faults) != c.faults {
			t.Errorf("without sequence %d: %q, %+v, %v", c.remove, got, part, err)
		}
		copies, err := s.js.Stream(t.Context(), "COPY")
		if err != nil || copies.Purge(t.Context()) != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatWasPutBackIsReplayedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var events []schema.Event
	for i := range 20 {
		events = append(events, reading(fmt.Sprintf("row-%d", i), midnight.Add(time.Duration(i)*time.Minute), "1"))
	}
	s.store(schema.Readings, events...)
	stream, err := s.js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{1, 8, 20} {
		if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	w := publish.NewWriter(s.js, config, publish.Options{Feed: schema.Readings, Name: "test", LiveAge: 24 * time.Hour, Repair: true, Now: time.Now})
	if result, err := w.Commit(t.Context(), events[0].Day(), events, nil); err != nil || result.Repaired != 3 {
		t.Fatalf("%+v, %v", result, err)
	}
	out := replay.NewPublisher(s.js, s.copies(jetstream.StreamConfig{}), false)
	sums, err := run(t.Context(), s.replayer("copy.>", out), always)
	if part := sums[schema.Readings]; err != nil || part.Events != 20 || part.Lost != 0 || part.Removed != 0 || len(part.Faults) > 0 {
		t.Errorf("%+v (%v)", part, err)
	}
	for i, id := range ids(s.read("COPY")) {
		if id != fmt.Sprintf("row-%d", i) {
			t.Errorf("the %d-th is %s", i, id)
		}
	}
}

func TestARefusedEventIsNamedAndTheReplayGoesOnFromThere(t *testing.T) {
	t.Parallel()
	for _, atomic := range []bool{false, true} {
		s := newStage(t)
		var list []schema.Event
		for i := range 1300 {
			list = append(list, reading(strconv.Itoa(i), midnight.Add(time.Duration(i)*time.Second), "1"))
		}
		s.store(schema.Readings, list...)
		targets := s.copies(jetstream.StreamConfig{MaxMsgs: 1200, Discard: jetstream.DiscardNew, AllowAtomicPublish: atomic})
		_, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), always)
		var early *replay.Unfinished
		stored := 1200
		if atomic {
			stored = 1000 // whole batches
		}
		if !errors.As(err, &early) || !early.Next.Equal(list[stored].Time) || !strings.Contains(err.Error(), "event at sequence ") || !early.Some {
			t.Fatalf("atomic %v: %v, %+v", atomic, err, early)
		}
		if _, err := s.js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: "COPY", Subjects: []string{"copy.>"}, AllowAtomicPublish: atomic}); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t.Context(), s.replayer("copy.>", replay.NewPublisher(s.js, targets, false)), checkpoint.Span{From: early.Next, Until: always.Until}); err != nil {
			t.Fatal(err)
		}
		if got, want := ids(s.read("COPY")), ids(s.want()); !slices.Equal(got, want) {
			t.Errorf("atomic %v: %d messages, want %d in their order", atomic, len(got), len(want))
		}
	}
}

// stopper is a connection that ends a replay in the middle.
type stopper struct {
	jetstream.JetStream
	left int
	stop func()
}

func (s *stopper) PublishMsgAsync(m *nats.Msg, o ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	if s.left--; s.left == 0 {
		s.stop()
	}
	return s.JetStream.PublishMsgAsync(m, o...)
}

func TestAReplayThatIsStoppedGoesOnWithoutLossAndWithoutDoubles(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var list []schema.Event
	for i := range 400 {
		list = append(list, reading(strconv.Itoa(i), midnight.Add(time.Duration(i/20)*time.Minute), "1")) // twenty at a time
	}
	s.store(schema.Readings, list...)
	targets := s.copies(jetstream.StreamConfig{})
	span, stops := always, 0
	for {
		ctx, stop := context.WithCancel(t.Context())
		_, err := run(ctx, s.replayer("copy.>", replay.NewPublisher(&stopper{s.js, 33, stop}, targets, false)), span)
		stop()
		var early *replay.Unfinished
		if err == nil {
			break
		}
		if !errors.As(err, &early) || !errors.Is(err, context.Canceled) || early.Some || !early.Next.After(span.From) {
			t.Fatalf("%v, %+v", err, early)
		}
		span.From = early.Next
		stops++
	}
	if got, want := ids(s.read("COPY")), ids(s.want()); !slices.Equal(got, want) || stops != 9 {
		t.Errorf("%d messages after %d stops, want %d", len(got), stops, len(want))
	}
}

func TestMessageIDsKeepASecondReplayFromDoubling(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.store(schema.Readings, reading("a", midnight, "1"), reading("b", midnight, "1"))
	s.store(schema.Readings, reading("a", midnight, "2"))
	targets := s.copies(jetstream.StreamConfig{AllowAtomicPublish: true, Duplicates: time.Hour})
	for _, want := range []uint64{0, 3} {
		out := replay.NewPublisher(s.js, targets, true)
		r := s.replayer("copy.>", out)
		r.MessageID = true
		if _, err := run(t.Context(), r, always); err != nil || out.Duplicates != want {
			t.Errorf("%d duplicates (%v), want %d", out.Duplicates, err, want)
		}
	}
	if got := s.read("COPY"); len(got) != 3 {
		t.Errorf("%d messages, want 3", len(got))
	}
}

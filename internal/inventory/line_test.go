package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/inventory"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

var config = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}

func TestMain(m *testing.M) { bridgetest.Main(m) }

// scene is a pretend vendor whose clock the test moves, and a NATS server behind a link.
type scene struct {
	*testing.T
	vendor *saveristest.Server
	now    atomic.Int64
	link   *bridgetest.Link
	js     jetstream.JetStream // past the link
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t}
	s.now.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Unix())
	cfg := saveristest.Config{Now: func() time.Time { return time.Unix(s.now.Load(), 0) }}
	for key, value := range map[string]string{"query.latency": "zero", "world.sites": "4", "world.change_every": "6h", "world.battery_every": "12h"} {
		if err := cfg.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.vendor, err = saveristest.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.vendor.Close() })
	broker := bridgetest.Embedded(t)
	s.link = bridgetest.LinkTo(t, broker.ClientURL())
	s.js = bridgetest.JetStream(s, broker.ClientURL())
	if err := publish.Open(t.Context(), s.js, config); err != nil {
		t.Fatal(err)
	}
	return s
}

// linked connects by the link.
func (s *scene) linked() jetstream.JetStream { return bridgetest.JetStream(s, s.link.URL()) }

func (s *scene) client() *saveris.Client {
	s.Helper()
	c, err := saveris.New(saveris.Config{BaseURL: s.vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond, Sync: saveris.SyncAuto})
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func (s *scene) line(js jetstream.JetStream) *inventory.Line {
	return &inventory.Line{Source: s.client(), Changes: publish.NewChanges(js, config), Interval: 5 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
}

// start runs a line, and returns what ends it.
func (s *scene) start(l *inventory.Line) (stop func()) {
	ctx, end := context.WithCancel(s.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		end()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.Errorf("the line ended with %v", err)
		}
	}
	s.Cleanup(stop)
	return stop
}

// counted returns a channel that gets one for each look of a line.
func counted(l *inventory.Line) chan struct{} {
	looked := make(chan struct{}, 100)
	l.OnLook = func(inventory.Look) {
		select {
		case looked <- struct{}{}:
		default: // nobody waits
		}
	}
	return looked
}

// looks waits for so many more looks of a line, fewer than 100.
func (s *scene) looks(n int, looked chan struct{}) {
	s.Helper()
	for len(looked) > 0 {
		<-looked
	}
	for range n {
		select {
		case <-looked:
		case <-time.After(bridgetest.Patience):
			s.Fatalf("waited %v for a look", bridgetest.Patience)
		}
	}
}

// audit wants each change in the stream once, each to follow the one before it on its subject, and the newest ones to be what the
// vendor has now. It returns how many there are.
func (s *scene) audit() (n int) {
	s.Helper()
	stream := checkpoint.NewStream(s.js, "SAVERIS_DEVICES", "saveris", "devices")
	type last struct {
		seq     uint64
		hash    string
		removed bool
	}
	newest, ids := map[string]last{}, map[string]bool{}
	info, err := stream.Info(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	err = stream.Events(s.Context(), checkpoint.Seqs{From: info.State.FirstSeq, Until: info.State.LastSeq + 1}, func(e checkpoint.StoredEvent) error {
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		if err != nil {
			return nil // somebody else's
		}
		if n++; ids[change.ID] {
			s.Errorf("%s is stored twice", change.ID)
		}
		ids[change.ID] = true
		before, parts := newest[e.Subject], strings.Split(change.ID, ".")
		hash := parts[len(parts)-2]
		if parts[len(parts)-1] != fmt.Sprint(before.seq) && before.seq > 0 {
			s.Errorf("%s follows %d on %s", change.ID, before.seq, e.Subject)
		}
		if hash == before.hash && change.Removed == before.removed {
			s.Errorf("%s on %s is no change", change.ID, e.Subject)
		}
		newest[e.Subject] = last{e.Seq, hash, change.Removed}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	known := fleet.NewInventory()
	err = publish.NewChanges(s.js, config).Load(s.Context(), func(c schema.StoredFleetChange, sequence uint64) error { return known.Load(c.Data, sequence) })
	if err != nil {
		s.Fatal(err)
	}
	walker := fleet.NewWalker(s.client(), known)
	for range 2 { // what is gone is missed twice
		err = walker.Look(s.Context(), func(seen fleet.Look) error {
			for _, c := range known.Compare(seen) {
				s.Errorf("%s %s is not as the stream has it: %q, removed %v", c.Kind, c.Key, c.Event().Changed, c.Removed)
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	return n
}

func TestTheStreamHoldsEachChangeOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	looked := counted(line)
	stop := s.start(line)
	s.looks(1, looked)
	first := s.audit()
	for range 20 {
		s.now.Add(3600)
		s.looks(3, looked)
	}
	stop()
	if n := s.audit(); first == 0 || n <= first {
		t.Errorf("%d changes were stored, %d of them at first", n, first)
	}
}

func TestNothingIsStoredWhereNothingHasChanged(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	looked := counted(line)
	stop := s.start(line)
	s.looks(1, looked)
	first := s.audit()
	s.now.Add(1) // times of contact and of processing go on
	s.looks(3, looked)
	stop()
	again := s.line(s.js)
	looked = counted(again)
	s.start(again)
	s.looks(3, looked)
	if n := s.audit(); n != first {
		t.Errorf("%d changes were stored, %d of them at first", n, first)
	}
}

// TestTwoBridgesStoreEachChangeOnce who both believe that they lead, on a connection that is cut, and whose answers are lost.
func TestTwoBridgesStoreEachChangeOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := func() *inventory.Line {
		l := s.line(s.linked())
		l.Interval = 50 * time.Millisecond // whose link is cut waits for seconds, and the other one looks meanwhile
		return l
	}
	one, two := line(), line()
	ones, twos := counted(one), counted(two)
	s.start(one)
	stop := s.start(two)
	for i := range 12 {
		s.now.Add(3 * 3600)
		switch i % 4 {
		case 1:
			s.link.DeafenAt(`"batch"`)
			s.link.Cut()
		case 2:
			s.link.Cut()
		case 3:
			stop() // and another one comes in its place
			two = line()
			twos = counted(two)
			stop = s.start(two)
		}
		s.link.Mend()
		s.looks(3, ones)
		s.looks(3, twos)
	}
	s.audit()
}

// TestWhatWasStoredWithoutAnAnswerIsReported: the view of the fleet shows what is reported, and compares all only after it was cut off.
func TestWhatWasStoredWithoutAnAnswerIsReported(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.linked())
	line.Changes.Timeout = time.Second
	var mu sync.Mutex
	reported := map[string]uint64{} // newest sequence by subject
	line.OnStored = func(c schema.StoredFleetChange, sequence uint64) {
		mu.Lock()
		defer mu.Unlock()
		reported[string(c.Kind)+"."+c.Key] = max(sequence, reported[string(c.Kind)+"."+c.Key])
	}
	failed := make(chan struct{}, 1)
	line.OnStep = func(step poller.Step) {
		if step.Err != nil && s.link.Deaf() {
			select {
			case failed <- struct{}{}:
			default:
			}
		}
	}
	looked := counted(line)
	s.start(line)
	s.looks(1, looked)
	s.link.DeafenAt(`"batch"`)
	s.now.Add(48 * 3600)
	<-failed
	s.link.Mend()
	s.looks(2, looked)
	mu.Lock()
	defer mu.Unlock()
	err := publish.NewChanges(s.js, config).Load(t.Context(), func(c schema.StoredFleetChange, sequence uint64) error {
		if got := reported[string(c.Kind)+"."+c.Key]; got < sequence {
			t.Errorf("of %s %s the last that was reported is %d, the stream has %d", c.Kind, c.Key, got, sequence)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatTheBrokerHasLostIsStoredAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	looked := counted(line)
	s.start(line)
	s.looks(2, looked)
	stored := s.audit()
	stream, err := s.js.Stream(t.Context(), "SAVERIS_DEVICES")
	if err != nil {
		t.Fatal(err)
	}
	last := stream.CachedInfo().State.LastSeq
	for seq := last - 4; seq <= last; seq++ { // the tail, its end last: the line notices only that
		if err := stream.DeleteMsg(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
	}
	s.looks(3, looked)
	if n := s.audit(); n != stored {
		t.Errorf("%d changes are stored after the loss of a tail, were %d", n, stored)
	}
	if err := s.js.DeleteStream(t.Context(), "SAVERIS_DEVICES"); err != nil {
		t.Fatal(err)
	}
	s.looks(3, looked)
	if n := s.audit(); n != stored {
		t.Errorf("%d changes are stored in a stream that was removed, were %d", n, stored)
	}
}

// TestWhatRetentionHasRemovedIsStoredAgain: whoever begins to read the stream finds all there is, however long it has not changed.
func TestWhatRetentionHasRemovedIsStoredAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	looked := counted(line)
	s.start(line)
	s.looks(2, looked)
	stored := s.audit()
	stream, err := s.js.Stream(t.Context(), "SAVERIS_DEVICES")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeKeep(3)); err != nil { // the newest ones, as BRIDGE_MAX_AGE does
		t.Fatal(err)
	}
	s.looks(3, looked)
	if n := s.audit(); n != stored {
		t.Errorf("%d things are stored after retention has removed what is old, were %d", n, stored)
	}
}

// TestSomebodyElsesMessageIsPassedOver, as the last one on a subject, and as the only one.
func TestSomebodyElsesMessageIsPassedOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	var others atomic.Int64
	line.Changes.OnForeign = func(checkpoint.ForeignMessage) { others.Add(1) }
	looked := counted(line)
	stop := s.start(line)
	s.looks(2, looked)
	stop()
	for subject := range s.subjects() {
		ingest, tokens := strings.Replace(subject, "saveris.", "saveris-ingest.", 1), strings.Split(subject, ".")
		messages := []*nats.Msg{{Subject: ingest, Data: []byte("{}")}}
		for _, document := range []string{`5`, `{"tenant_uuid":"x","customer_uuid":"x","sensors":[],"equipment_parts":[]}`} {
			forged := schema.FleetChange{Kind: fleet.Kind(tokens[2]), Key: tokens[4], Document: []byte(document), LookedAt: time.Unix(s.now.Load(), 0)}
			header, body := forged.Message(schema.Binary, s.vendor.URL(), time.Now())
			messages = append(messages, &nats.Msg{Subject: ingest, Header: header, Data: body})
		}
		for _, m := range messages {
			if _, err := s.js.PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.now.Add(48 * 3600)
	s.start(line)
	s.looks(4, looked)
	s.audit()
	if others.Load() == 0 {
		t.Error("nobody is told of them")
	}
}

// subjects are those that have a message.
func (s *scene) subjects() map[string]uint64 {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), "SAVERIS_DEVICES")
	if err != nil {
		s.Fatal(err)
	}
	info, err := stream.Info(s.Context(), jetstream.WithSubjectFilter("saveris.devices.>"))
	if err != nil {
		s.Fatal(err)
	}
	return info.State.Subjects
}

// failing is a vendor whose every answer is an error as long as there is one.
type failing struct {
	fleet.Source
	err atomic.Pointer[error]
}

func (f *failing) Snapshot(ctx context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error) {
	if err := f.err.Load(); err != nil && *err != nil {
		return saveris.Answer{}, *err
	}
	return f.Source.Snapshot(ctx, q, each)
}

func TestARefusedFleetIsToldOnceAndRestsForAnHour(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	vendor := &failing{Source: line.Source}
	err := fmt.Errorf("read tenants: %w", saveris.ErrForbidden)
	vendor.err.Store(&err)
	line.Source = vendor
	told, waits := make(chan error, 10), make(chan time.Duration, 10)
	line.OnRefusal = func(err error) { told <- err }
	line.OnStep = func(step poller.Step) {
		if step.For >= time.Hour && step.Doing == poller.Plans {
			waits <- step.For
		}
	}
	for range 2 { // of a bridge that leads again what it has said before is forgotten
		stop := s.start(line)
		if err := <-told; !errors.Is(err, saveris.ErrForbidden) {
			t.Errorf("told %v", err)
		}
		if wait := <-waits; wait != time.Hour {
			t.Errorf("it rests for %v", wait)
		}
		stop()
	}
}

// TestWhatIsRefusedOfTheFleetIsNamed, and the rest of it is stored.
func TestWhatIsRefusedOfTheFleetIsNamed(t *testing.T) {
	s := newScene(t)
	line := s.line(s.js)
	line.Source = unlicensed{line.Source, saveris.Equipments}
	looks := make(chan inventory.Look, 1000)
	line.OnLook = func(look inventory.Look) { looks <- look }
	s.start(line)
	look := <-looks
	if err := fmt.Sprint(look.Err); !strings.HasPrefix(err, "equipment (refused, asked for again every hour): ") || look.Things[schema.KindDevice] == 0 || look.Things[schema.KindEquipment] > 0 {
		t.Errorf("%s: %v", err, look.Things)
	}
}

// unlicensed is a vendor who refuses one feed.
type unlicensed struct {
	fleet.Source
	feed saveris.Feed
}

func (u unlicensed) Snapshot(ctx context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error) {
	if q.Feed == u.feed {
		return saveris.Answer{}, fmt.Errorf("read %s: %w", q.Feed, saveris.ErrForbidden)
	}
	return u.Source.Snapshot(ctx, q, each)
}

func TestALookThatFailsRecovers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	line := s.line(s.js)
	vendor := &failing{Source: line.Source}
	err := errors.New("the vendor is away")
	vendor.err.Store(&err)
	line.Source = vendor
	looked := counted(line)
	failed := make(chan error, 100)
	line.OnStep = func(step poller.Step) {
		if step.Err != nil {
			select {
			case failed <- step.Err:
			default:
			}
		}
	}
	s.start(line)
	if got := <-failed; !errors.Is(got, err) {
		t.Errorf("it failed with %v", got)
	}
	if n := len(s.subjects()); n > 0 {
		t.Errorf("%d things are stored of a vendor that was away", n)
	}
	vendor.err.Store(nil)
	s.looks(1, looked)
	s.audit()
}

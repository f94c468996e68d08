package service

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestWhoeverLeadsNoMoreSaysNothingOfTheFeed: what it has found out is the next leader's to find out, and would be shown for ever.
func TestWhoeverLeadsNoMoreSaysNothingOfTheFeed(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	pipe := pipeline.New(config.Pipeline{Streams: config.Streams{Prefix: "saveris"}}, seed.Streams(t))
	notes := notebook.New(config.Vendor{}, []schema.Feed{schema.Readings, schema.Alarms, schema.Devices}, log)
	for feed, find := range map[schema.Feed]func(){
		schema.Readings: func() {
			notes.FeedShut(schema.Readings, saveris.ErrForbidden)
			notes.Judged(errors.New("no"))
			notes.OnStep(schema.Readings, poller.Step{Line: poller.TailLine, Err: saveris.ErrNotUnderstood})
			notes.ViewWritable(schema.Readings, "saveris-checkpoints", errors.New("no"))
			notes.FoldWritable(schema.Readings, "newest readings", "saveris-latest", errors.New("no"))
			notes.Noticed(saveris.Notice{Kind: saveris.Replaced, Feed: saveris.Measurements, Endpoint: "/v2/measurements", Instead: "/v1/measurements"})
		},
		schema.Devices: func() { notes.Looked(saveris.ErrNotUnderstood) },
	} {
		c := newCandidate(t.Context(), pipe, feed, notes, log)
		c.work = func(context.Context) error {
			if find(); len(notes.Texts()) == 0 {
				t.Errorf("%s: it says nothing while it leads", feed)
			}
			return nil
		}
		if err := c.lead(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := notes.Texts(); len(said) > 0 || notes.IsShut(feed) {
			t.Errorf("%s: %q, shut: %v", feed, said, notes.IsShut(feed))
		}
	}
}

// TestALeaseThatIsThereAfterAllIsSaid: somebody has removed the bucket that was no place for one, as the hint wants it.
func TestALeaseThatIsThereAfterAllIsSaid(t *testing.T) {
	t.Parallel()
	js := seed.Streams(t)
	pipe := pipeline.New(config.Pipeline{Streams: config.Streams{Prefix: "saveris", Replicas: 1}, NATS: config.NATS{NATSURL: []string{"nats://elsewhere"}}}, js)
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "saveris-leases", TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	notes := notebook.New(config.Vendor{}, []schema.Feed{schema.Readings}, log)
	c := newCandidate(t.Context(), pipe, schema.Readings, notes, log)
	works := make(chan struct{})
	c.work = func(ctx context.Context) error {
		close(works)
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.campaign(ctx) }()
	<-works
	if said := notes.Texts(); len(said) != 1 {
		t.Errorf("%q of a bridge without a lease", said)
	}
	if err := js.DeleteKeyValue(t.Context(), "saveris-leases"); err != nil {
		t.Fatal(err)
	}
	bridgetest.Await(t, "a bridge that has a lease to say nothing", func(context.Context) bool { return len(notes.Texts()) == 0 })
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestWhoeverLeadsTheFirstFeedLeadsTheOthers: of two bridges one leads the readings, and the fleet waits for it though the other one has
// asked first. A device that is back, and a channel that is new, are found in one process and of use in another line of it.
func TestWhoeverLeadsTheFirstFeedLeadsTheOthers(t *testing.T) {
	t.Parallel()
	js := seed.Streams(t)
	log := slog.New(slog.DiscardHandler)
	feeds := []schema.Feed{schema.Readings, schema.Devices}
	start := func(name string) (candidates map[schema.Feed]*candidate, leads map[schema.Feed]chan struct{}) {
		pipe := pipeline.New(config.Pipeline{Streams: config.Streams{Prefix: "saveris", Replicas: 1}, NATS: config.NATS{NATSURL: []string{"nats://elsewhere"}}}, js)
		pipe.Name = name
		notes := notebook.New(config.Vendor{}, feeds, log)
		candidates, leads = map[schema.Feed]*candidate{}, map[schema.Feed]chan struct{}{}
		for _, feed := range feeds {
			c, led := newCandidate(t.Context(), pipe, feed, notes, log), make(chan struct{}, 9)
			c.work = func(ctx context.Context) error {
				led <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}
			c.patience = time.Hour
			candidates[feed], leads[feed] = c, led
		}
		followFirst(candidates)
		return candidates, leads
	}
	run := func(c *candidate) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.run(ctx, nil) }()
		t.Cleanup(func() { stop(); <-ended })
	}
	one, leads := start("one")
	run(one[schema.Readings])
	<-leads[schema.Readings]
	asked := make(chan *nats.Msg, 99) // looks at the lease of the fleet, and puts of it
	for _, subject := range []string{"$JS.API.DIRECT.GET.KV_saveris-leases.$KV.saveris-leases.devices.live", "$KV.saveris-leases.devices.live"} {
		if _, err := js.Conn().ChanSubscribe(subject, asked); err != nil {
			t.Fatal(err)
		}
	}
	two, others := start("two")
	run(two[schema.Readings])
	run(two[schema.Devices])
	for range 3 {
		<-asked
	}
	run(one[schema.Devices])
	select {
	case <-leads[schema.Devices]:
	case <-others[schema.Devices]:
		t.Error("another bridge leads the fleet than the readings")
	}
}

// TestARightToLeasesThatIsGivenLaterIsUsed: until then the bridge polls without one and says so.
func TestARightToLeasesThatIsGivenLaterIsUsed(t *testing.T) {
	t.Parallel()
	js := seed.Streams(t)
	pipe := pipeline.New(config.Pipeline{Streams: config.Streams{Prefix: "saveris", Replicas: 1}, NATS: config.NATS{NATSURL: []string{"nats://elsewhere"}}}, js)
	log := slog.New(slog.DiscardHandler)
	notes := notebook.New(config.Vendor{}, []schema.Feed{schema.Readings}, log)
	c := newCandidate(t.Context(), pipe, schema.Readings, notes, log)
	refused := func() (*lease.Leases, error) { return nil, nats.ErrPermissionViolation }
	asked := 0
	c.again, c.leases, c.try = time.Millisecond, refused, func() (*lease.Leases, error) {
		if asked++; asked < 5 {
			return refused()
		}
		return pipe.TryLeases(t.Context(), schema.Readings, "here")
	}
	said := make(chan []string, 9)
	c.work = func(ctx context.Context) error {
		said <- notes.Texts()
		<-ctx.Done()
		return ctx.Err()
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.campaign(ctx) }()
	if texts := <-said; len(texts) != 1 {
		t.Errorf("%q of a bridge without a lease", texts)
	}
	if texts := <-said; len(texts) != 0 {
		t.Errorf("%q of a bridge that has one", texts)
	}
	kv, err := js.KeyValue(t.Context(), "saveris-leases")
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := kv.Get(t.Context(), lease.Key("readings", lease.Leader)); err != nil || lease.Owner(entry.Value()) != "here" {
		t.Errorf("the lease is %v, %v", entry, err)
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

package publish_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
	"saveris-bridge/schemas"
)

func lease(t *testing.T, js jetstream.JetStream, feed schema.Feed, owner string) *publish.Leases {
	t.Helper()
	return publish.NewLeases(js, config, feed, owner, nil)
}

func TestADayIsLeasedToOneWorkerUntilHeGivesItBack(t *testing.T) {
	js := open(t, connect(t, startServer(t).ClientURL()))
	a, b := lease(t, js, schema.Readings, "a"), lease(t, js, schema.Readings, "b")
	take := func(l *publish.Leases, want bool) {
		t.Helper()
		if ours, err := l.Take(t.Context(), day); err != nil || ours != want {
			t.Fatalf("take: %v, %v, want %v", ours, err, want)
		}
	}
	take(a, true)
	take(a, true)
	take(b, false)
	take(lease(t, js, schema.Alarms, "b"), true)
	keep := true
	for _, keep = range []bool{true, false} {
		if err := a.Release(t.Context(), func(string) bool { return keep }); err != nil {
			t.Fatal(err)
		}
	}
	take(b, true)
	take(a, false)
}

func TestLeasesAreGivenBackWhenTheirWorkerEnds(t *testing.T) {
	js := open(t, connect(t, startServer(t).ClientURL()))
	a, b := lease(t, js, schema.Readings, "a"), lease(t, js, schema.Readings, "b")
	if ours, err := a.Take(t.Context(), day); err != nil || !ours {
		t.Fatal(ours, err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	a.Keep(ctx)
	if ours, err := b.Take(t.Context(), day); err != nil || !ours {
		t.Errorf("take: %v, %v", ours, err)
	}
}

func TestADeadWorkersLeaseEnds(t *testing.T) {
	js := open(t, connect(t, startServer(t).ClientURL()))
	if ours, err := lease(t, js, schema.Readings, "dead").Take(t.Context(), day); err != nil || !ours {
		t.Fatal(ours, err)
	}
	kv, err := js.KeyValue(t.Context(), "saveris-leases")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := kv.Status(t.Context()); err != nil || status.TTL() <= 0 || status.TTL() > time.Minute {
		t.Errorf("a lease lives for %v: %v", status.TTL(), err)
	}
	if err := kv.Purge(t.Context(), "readings."+day); err != nil { // as the server does in its time
		t.Fatal(err)
	}
	if ours, err := lease(t, js, schema.Readings, "b").Take(t.Context(), day); err != nil || !ours {
		t.Errorf("take: %v, %v", ours, err)
	}
}

func TestOthersSeeHowABackfillGoes(t *testing.T) {
	nc := connect(t, startServer(t).ClientURL())
	js := open(t, nc)
	b, err := publish.OpenBackfills(t.Context(), js, config, "https://vendor.example")
	if err != nil {
		t.Fatal(err)
	}
	seen, err := nc.SubscribeSync("saveris.backfills.>")
	if err != nil {
		t.Fatal(err)
	}
	state := schema.Backfill{ID: "some-range", Feeds: []schema.Feed{schema.Readings}, From: noon, Until: noon.Add(time.Hour), Worker: "w", StartedAt: noon}
	if _, found, err := b.Last(t.Context(), state.ID); err != nil || found {
		t.Fatalf("found %v, %v", found, err)
	}
	for _, phase := range []schema.Phase{schema.BackfillStarted, schema.BackfillProgress, schema.BackfillFinished} {
		state.Phase = phase
		if err := b.Tell(t.Context(), state); err != nil {
			t.Fatal(err)
		}
		m, err := seen.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		e, err := schema.Parse(m.Header, m.Data)
		if err != nil || m.Subject != "saveris.backfills.some-range" || e.Type() != "saveris.backfill."+string(phase)+".v1" || e.Subject() != state.ID {
			t.Errorf("on %s came %v: %v", m.Subject, e, err)
		}
		validate(t, m.Data)
	}
	last, found, err := b.Last(t.Context(), state.ID)
	if err != nil || !found || last.Phase != schema.BackfillFinished || !last.From.Equal(noon) {
		t.Errorf("the last word is %+v, %v, %v", last, found, err)
	}
}

func TestDaysThatRetentionHasRemovedAreToldFromDaysThatWereLost(t *testing.T) {
	js := open(t, connect(t, startServer(t).ClientURL()))
	w := newWriter(js, 0)
	commit(t, w, readings(0, 10), interval(0, time.Hour))
	last := noon.AddDate(0, 0, 1)
	next := &checkpoint.Interval{From: last, Until: last.Add(time.Hour), ReadAt: last, Route: "sync"}
	if _, err := w.Commit(t.Context(), checkpoint.DayOf(last), nil, next); err != nil {
		t.Fatal(err)
	}
	span := checkpoint.Span{From: noon.AddDate(0, 0, -3), Until: noon.AddDate(0, 0, 3)}
	removed := func() []checkpoint.Span {
		t.Helper()
		days, err := w.Removed(t.Context(), span)
		if err != nil {
			t.Fatal(err)
		}
		return days
	}
	show(t, js)
	if days := removed(); len(days) > 0 {
		t.Errorf("removed %v", days)
	}
	stream, err := js.Stream(t.Context(), config.Names.Stream(schema.Readings))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(13)); err != nil { // all of the first day, as an age limit would
		t.Fatal(err)
	}
	if days := removed(); len(days) != 1 || checkpoint.DayOf(days[0].From) != day {
		t.Errorf("removed %v, want %s", days, day)
	}
	if err := js.DeleteStream(t.Context(), config.Names.Stream(schema.Readings)); err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	if days := removed(); len(days) > 0 { // a new stream: nothing says that retention did it
		t.Errorf("removed %v", days)
	}
}

// show has the checkpoint bucket show the records that are stored.
func show(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	if err := views.NewCheckpoints(js, config, schema.Readings).Keep(t.Context(), func(context.Context) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// validate holds the data of an event against the public schema.
func validate(t *testing.T, data []byte) {
	t.Helper()
	text, _ := schemas.Get("backfill")
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("file:///backfill", doc); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err == nil {
		err = c.MustCompile("file:///backfill").Validate(value)
	}
	if err != nil {
		t.Error(err)
	}
}

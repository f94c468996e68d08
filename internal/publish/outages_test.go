package publish

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/schema"
)

func testStream(t *testing.T, names Names) jetstream.JetStream {
	t.Helper()
	server, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := Open(t.Context(), js, Config{Names: names, Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	return js
}

// TestABeginningIsKnownThoughItWasStoredLongBeforeTheEnd is what a process that starts anew knows.
func TestABeginningIsKnownThoughItWasStoredLongBeforeTheEnd(t *testing.T) {
	names := Names{Prefix: "saveris"}
	js := testStream(t, names)
	raised := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -40)
	store := func(uuid, state string, at time.Time) (stored time.Time) {
		ack, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "saveris-ingest.alarms.history.t.s.alarm." + state + ".1",
			Header: nats.Header{"ce-id": {uuid}, "ce-recordedtime": {at.Add(time.Minute).Format(time.RFC3339)}},
			Data: fmt.Appendf(nil, `{"uuid":%q,"state":%q,"severity":"alarm","condition":"Connection timeout","raised_at":%q,"received_at":%q}`,
				uuid, state, at.Format(time.RFC3339), at.AddDate(1, 0, 0).Format(time.RFC3339))})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(t.Context(), names.Stream(schema.Alarms))
		if err != nil {
			t.Fatal(err)
		}
		msg, err := stream.GetMsg(t.Context(), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		return msg.Time
	}
	store("a", "raised", raised)
	end := store("b", "cleared", raised.Add(time.Hour))
	got, err := NewOutages(js, names).endedSince(t.Context(), end)
	if want := (schema.Outage{Raised: raised, Ended: raised.Add(25*time.Hour + time.Minute)}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	if got, err := NewOutages(js, names).endedSince(t.Context(), end.Add(1)); err != nil || len(got) > 0 {
		t.Errorf("an end that was stored before: got %v (%v)", got, err)
	}
}

// TestAnEndIsKnownThoughItWasStoredWhereOthersHadBeen has the stream lose its tail and grow as long as it was, or longer, between
// two looks.
func TestAnEndIsKnownThoughItWasStoredWhereOthersHadBeen(t *testing.T) {
	for name, more := range map[string]int{"as long": 0, "longer": 1} {
		t.Run(name, func(t *testing.T) {
			names := Names{Prefix: "saveris"}
			js := testStream(t, names)
			day := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -1)
			store := func(uuid, state string, at time.Time) {
				t.Helper()
				_, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "saveris-ingest.alarms.history.t.s.alarm." + state + ".1",
					Header: nats.Header{"ce-id": {uuid}},
					Data: fmt.Appendf(nil, `{"uuid":%q,"state":%q,"severity":"alarm","condition":"Connection timeout","raised_at":%q,"received_at":%[3]q}`,
						uuid, state, at.Format(time.RFC3339))})
				if err != nil {
					t.Fatal(err)
				}
			}
			outages := NewOutages(js, names)
			ended := func(want ...time.Time) {
				t.Helper()
				got, err := outages.Ended(t.Context())
				if err != nil || len(got) != len(want) || len(got) > 0 && !got[0].Ended.Equal(want[0]) {
					t.Errorf("got %v (%v), want the ends %v", got, err, want)
				}
			}
			store("begin", "raised", day)
			store("another", "raised", day.Add(time.Minute))
			ended()
			if err := js.DeleteStream(t.Context(), names.Stream(schema.Alarms)); err != nil {
				t.Fatal(err)
			}
			if err := Open(t.Context(), js, Config{Names: names, Replicas: 1}); err != nil {
				t.Fatal(err)
			}
			store("begin", "raised", day)
			store("end", "cleared", day.Add(time.Hour))
			for range more {
				store("more", "raised", day.Add(2*time.Hour))
			}
			ended(day.Add(time.Hour))
			ended(day.Add(time.Hour))
		})
	}
}

func TestWhatRetentionHasBegunToRemoveIsNotKept(t *testing.T) {
	names := Names{Prefix: "saveris"}
	js := testStream(t, names)
	w := NewWriter(js, Config{Names: names, Replicas: 1}, Options{Feed: schema.Readings, Name: "test", Now: time.Now})
	now := time.Now().UTC().Truncate(time.Second)
	long := checkpoint.Span{From: now.AddDate(0, 0, -100), Until: now.Add(48 * time.Hour)}
	for _, from := range []time.Time{now.AddDate(0, 0, -3), now.Add(24 * time.Hour)} {
		day, err := checkpoint.DaySpan(checkpoint.DayOf(from))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the newest record of the day stays
			if _, err := w.Commit(t.Context(), checkpoint.DayOf(from), nil, &checkpoint.Interval{From: day.From, Until: day.Until, ReadAt: now, Route: "sync"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kept, err := w.Kept(t.Context(), long); err != nil || len(kept) != 2 {
		t.Fatalf("nothing was removed: %v, %v", kept, err)
	}
	stream, err := js.Stream(t.Context(), names.Stream(schema.Readings))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(2)); err != nil {
		t.Fatal(err)
	}
	if covered, err := w.Covered(t.Context(), long); err != nil || len(covered) != 2 {
		t.Fatalf("covered is %v (%v), want both days", covered, err)
	}
	if kept, err := w.Kept(t.Context(), long); err != nil || len(kept) != 2 {
		t.Errorf("a stream without limits was purged: kept is %v (%v), want both days", kept, err)
	}
	limited := stream.CachedInfo().Config
	limited.MaxAge = 90 * 24 * time.Hour
	if _, err := js.UpdateStream(t.Context(), limited); err != nil {
		t.Fatal(err)
	}
	kept, err := w.Kept(t.Context(), long)
	if err != nil || len(kept) != 1 || kept[0].From.Before(now) {
		t.Errorf("kept is %v (%v), want what lies ahead", kept, err)
	}
}

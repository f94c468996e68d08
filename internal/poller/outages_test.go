package poller

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

func alarmsOf(js jetstream.JetStream) *checkpoint.Stream {
	return checkpoint.NewStream(js, seed.Broker.Names.Stream(schema.Alarms), "saveris", string(schema.Alarms))
}

// TestABeginningIsKnownThoughItWasStoredLongBeforeTheEnd is what a process that starts anew knows.
func TestABeginningIsKnownThoughItWasStoredLongBeforeTheEnd(t *testing.T) {
	t.Parallel()
	js := seed.Streams(t)
	raised := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -40)
	store := func(uuid, state string, at time.Time) (stored time.Time) {
		ack, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "saveris-ingest.alarms.history.t.s.alarm." + state + ".1",
			Header: nats.Header{"ce-id": {uuid}, "ce-recordedtime": {at.Add(time.Minute).Format(time.RFC3339)}},
			Data: fmt.Appendf(nil, `{"uuid":%q,"state":%q,"severity":"alarm","condition":"Connection timeout","raised_at":%q,"received_at":%q}`,
				uuid, state, at.Format(time.RFC3339), at.AddDate(1, 0, 0).Format(time.RFC3339))})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(t.Context(), seed.Broker.Names.Stream(schema.Alarms))
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
	got, err := NewOutages(alarmsOf(js)).endedSince(t.Context(), end)
	if want := (schema.Outage{Raised: raised, Ended: raised.Add(25*time.Hour + time.Minute)}); err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	if got, err := NewOutages(alarmsOf(js)).endedSince(t.Context(), end.Add(1)); err != nil || len(got) > 0 {
		t.Errorf("an end that was stored before: got %v (%v)", got, err)
	}
}

// TestAnEndIsKnownThoughItWasStoredWhereOthersHadBeen has the stream lose its tail and grow as long as it was, or longer, between
// two looks.
func TestAnEndIsKnownThoughItWasStoredWhereOthersHadBeen(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]int{"as long": 0, "longer": 1} {
		t.Run(name, func(t *testing.T) {
			js := seed.Streams(t)
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
			outages := NewOutages(alarmsOf(js))
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
			if err := js.DeleteStream(t.Context(), seed.Broker.Names.Stream(schema.Alarms)); err != nil {
				t.Fatal(err)
			}
			if err := publish.Open(t.Context(), js, seed.Broker); err != nil {
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

func TestWithoutAStreamNoOutageHasEnded(t *testing.T) {
	t.Parallel()
	js := seed.Streams(t)
	if err := js.DeleteStream(t.Context(), seed.Broker.Names.Stream(schema.Alarms)); err != nil {
		t.Fatal(err)
	}
	if ended, err := NewOutages(alarmsOf(js)).Ended(t.Context()); err != nil || len(ended) > 0 {
		t.Errorf("%v, %v", ended, err)
	}
}

// TestAnOutageThatNobodyTellsOfAnyMoreIsForgotten: a large fleet has some every hour, for years.
func TestAnOutageThatNobodyTellsOfAnyMoreIsForgotten(t *testing.T) {
	ended := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	list := []schema.Outage{{Begun: ended.Add(-time.Hour), Ended: ended}}
	p := &AfterOutage{
		Outages: func(context.Context) ([]schema.Outage, error) { return slices.Clone(list), nil },
		Covered: func(_ context.Context, span checkpoint.Span) ([]checkpoint.Interval, error) {
			return []checkpoint.Interval{{From: span.From, Until: span.Until, ReadAt: span.Until}}, nil
		},
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{2 * keptFor, 1}, {rememberedFor, 1}, {rememberedFor + 2*keptFor, 0}} {
		if step.after > rememberedFor {
			list = nil
		}
		if spans, err := p.due(t.Context(), ended.Add(step.after)); err != nil || len(spans) > 0 || len(p.settled) != step.want {
			t.Errorf("after %v: %v is due, %d outages are settled, want %d (%v)", step.after, spans, len(p.settled), step.want, err)
		}
	}
}

package publish

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// bridgeSilence is that of a feed whose last poll began at a moment.
func bridgeSilence(last, due time.Time) schema.Silence {
	return schema.Silence{Feed: schema.Readings, LastAt: last, DueAt: due, Cycle: time.Minute}
}

func channelSilence(serial string, before uint64) schema.Silence {
	return schema.Silence{
		Tenant: "t", Site: "s", Serial: serial, Sensor: "u" + serial, Channel: "1", LastAt: subscriberAt(), DueAt: subscriberAt().Add(time.Hour),
		Cycle: 15 * time.Minute, Before: before,
	}
}

// TestTheBrokerItselfSaysThatABridgeIsSilent: what was armed last is stored when it is due, once, and whoever listens sees it; what it
// was armed with before is not, and nobody sees a schedule.
func TestTheBrokerItselfSaysThatABridgeIsSilent(t *testing.T) {
	t.Parallel()
	for _, mode := range []schema.Mode{schema.Binary, schema.Structured} {
		t.Run(string(mode), func(t *testing.T) {
			js := startStreams(t)
			all := listen(t, js, "saveris.>")
			silences := NewSilences(js, subscriberConfig)
			silences.Mode, silences.BaseURL = mode, "https://vendor.example"
			first := time.Now().UTC().Truncate(time.Millisecond)
			for _, armed := range []schema.Silence{
				bridgeSilence(first, first.Add(time.Hour)), bridgeSilence(first.Add(time.Hour), first.Add(2*time.Hour)), bridgeSilence(first.Add(time.Second), first.Add(1500*time.Millisecond)),
			} {
				if err := silences.Arm(t.Context(), armed); err != nil {
					t.Fatal(err)
				}
			}
			msg, err := all.NextMsg(bridgetest.Patience)
			if err != nil {
				t.Fatal(err)
			}
			read, err := schema.ReadSilence(msg.Subject, msg.Header, msg.Data)
			if err != nil || read.ID != "bridge.readings."+first.Add(time.Second).Format(time.RFC3339Nano) {
				t.Errorf("%s says %q: %v", msg.Subject, read.ID, err)
			}
			newest, err := silences.Newest(t.Context(), schema.Readings)
			if err != nil || newest.ID != read.ID {
				t.Errorf("stored is %q: %v", newest.ID, err)
			}
			info, err := checkpoint.NewStream(js, "SAVERIS_HEALTH", "saveris", "health").Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if info.State.Msgs != 1 {
				t.Errorf("the stream holds %d messages, want the silence alone", info.State.Msgs)
			}
			resumed := newest.Silence
			resumed.Resumed, resumed.At = true, first.Add(time.Minute)
			if err := silences.Store(t.Context(), []schema.Silence{resumed}, func(int, uint64) {}); err != nil {
				t.Fatal(err)
			}
			if msg, err = all.NextMsg(bridgetest.Patience); err != nil || msg.Subject != "saveris.health.bridge.readings" {
				t.Errorf("after it resumed: %v, %v", msg, err)
			}
		})
	}
}

// TestTheSwitchGoesByTheBrokersClock: a bridge whose clock is behind would be silent at once, and one ahead much too late.
func TestTheSwitchGoesByTheBrokersClock(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	for _, ahead := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
		silences := NewSilences(js, subscriberConfig)
		silences.now = func() time.Time { return time.Now().Add(ahead) }
		before := time.Now()
		polled := silences.now().UTC()
		if err := silences.Arm(t.Context(), bridgeSilence(polled, polled.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		m, err := silences.stream.NewestEvent(t.Context(), "saveris.schedules.>")
		if err != nil || m.Seq == 0 {
			t.Fatalf("nothing is armed: %v", err)
		}
		at, err := time.Parse(time.RFC3339, strings.TrimPrefix(m.Header.Get("Nats-Schedule"), "@at "))
		if err != nil || at.Before(before.Add(time.Hour-time.Second)) || at.After(time.Now().Add(time.Hour+time.Second)) {
			t.Errorf("a clock that is ahead by %v: it fires at %v, want an hour after %v (%v)", ahead, at, before, err)
		}
	}
}

// TestASilenceIsStoredOnce: whoever has read an older state of the stream stores nothing, and reads again.
func TestTheSwitchWaitsForNoConnectionThatWasLost(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	js := bridgetest.JetStream(t, link.URL())
	if err := Open(t.Context(), js, subscriberConfig); err != nil {
		t.Fatal(err)
	}
	silences, last := NewSilences(js, subscriberConfig), time.Now()
	link.Before(`{"stream":"`, func() { link.Cut(); link.Mend() })
	if err := silences.Arm(t.Context(), bridgeSilence(last, last.Add(time.Hour))); !errors.Is(err, ErrDisconnected) {
		t.Errorf("%v", err)
	}
	if err := silences.Arm(t.Context(), bridgeSilence(last, last.Add(time.Hour))); err != nil {
		t.Error(err)
	}
}

func TestASilenceIsStoredOnce(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	one, other := NewSilences(js, subscriberConfig), NewSilences(js, subscriberConfig)
	news := []schema.Silence{channelSilence("100", 0), channelSilence("200", 0)}
	var at []uint64
	if err := one.Store(t.Context(), news, func(_ int, seq uint64) { at = append(at, seq) }); err != nil {
		t.Fatal(err)
	}
	if err := other.Store(t.Context(), news[1:], func(int, uint64) { t.Error("stored twice") }); !errors.Is(err, ErrConflict) {
		t.Errorf("the second bridge: %v, want a conflict", err)
	}
	known := map[string]uint64{}
	if err := other.Load(t.Context(), func(s schema.StoredSilence) error { known[s.Serial] = s.Before; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(known) != 2 || len(at) != 2 || known["100"] != at[0] || known["200"] != at[1] {
		t.Errorf("loaded %v, stored at %v", known, at)
	}
	resumed := channelSilence("200", known["200"])
	resumed.Resumed, resumed.At = true, subscriberAt().Add(2*time.Hour)
	if err := other.Store(t.Context(), []schema.Silence{resumed}, func(int, uint64) {}); err != nil {
		t.Error(err)
	}
	if stands, err := one.Stands(t.Context()); err != nil || stands {
		t.Errorf("the first bridge believes that the stream stands: %v, %v", stands, err)
	}
	if stands, err := other.Stands(t.Context()); err != nil || !stands {
		t.Errorf("the second bridge believes that the stream does not stand: %v, %v", stands, err)
	}
}

// TestAStreamWithoutSchedulesIsUnfitForSilence names what is missing; the other streams need none.
func TestAStreamWithoutSchedulesIsUnfitForSilence(t *testing.T) {
	t.Parallel()
	for _, feed := range StreamFeeds {
		have := subscriberConfig.Stream(feed)
		have.AllowMsgSchedules = false
		if err := subscriberConfig.CheckStream(feed, have); (err != nil) != (feed == schema.Health) {
			t.Errorf("%s: %v", feed, err)
		}
	}
}

// TestAStreamThatIsRemovedAgainIsNotMadeAtOnce: nats-server may still be removing files, and what is made meanwhile may lose its own.
func TestAStreamThatIsRemovedAgainIsNotMadeAtOnce(t *testing.T) {
	t.Parallel()
	js := startStreams(t)
	silences := NewSilences(js, subscriberConfig)
	name := subscriberConfig.Names.Stream(schema.Health)
	load := func() error { return silences.Load(t.Context(), func(schema.StoredSilence) error { return nil }) }
	stands := func() error { _, err := silences.Stands(t.Context()); return err }
	store := func() error {
		return silences.Store(t.Context(), []schema.Silence{channelSilence("1", 0)}, func(int, uint64) {})
	}
	for what, works := range map[string]func() error{"load": load, "stands": stands, "store": store} {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := load(); err == nil {
			t.Fatal("it reads a stream that is not there")
		}
		if err := subscriberConfig.MakeStreams(t.Context(), js); err != nil { // somebody else does
			t.Fatal(err)
		}
		if err := works(); err != nil {
			t.Fatal(err)
		}
		if !silences.missing.IsZero() {
			t.Errorf("%s: a stream that is there is still missing", what)
			silences.missing = silences.missing.Add(-removalTime) // that was long ago
		}
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := load(); err == nil {
			t.Fatal("it reads a stream that is not there")
		}
		if _, err := js.Stream(t.Context(), name); !errors.Is(err, jetstream.ErrStreamNotFound) {
			t.Errorf("%s: it was made again at once (%v)", what, err)
		}
		silences.missing = time.Time{}
		if err := subscriberConfig.MakeStreams(t.Context(), js); err != nil {
			t.Fatal(err)
		}
	}
}

package service

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// silences returns what SAVERIS_HEALTH holds, and what is armed.
func (s *scene) silences(js jetstream.JetStream) (events []schema.StoredSilence, armed map[string]string) {
	s.Helper()
	stream, err := js.Stream(s.Context(), "SAVERIS_HEALTH")
	if err != nil {
		return nil, nil
	}
	info, err := stream.Info(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	armed = map[string]string{}
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(s.Context(), seq)
		if err != nil {
			continue // a schedule that was armed anew
		}
		if strings.HasPrefix(m.Subject, "saveris.schedules.") {
			armed[m.Subject] = m.Header.Get("Nats-Schedule")
			continue
		}
		read, err := schema.ReadSilence(m.Subject, m.Header, m.Data)
		if err != nil {
			s.Error(err)
		}
		events = append(events, read)
	}
	return events, armed
}

// cutOffInTurn starts a pretend vendor that cuts each of four loggers off for some cycles, in its turn.
func cutOffInTurn(t *testing.T) *saveristest.Server {
	t.Helper()
	vendor, err := saveristest.Start(saveristest.Config{
		World: saveristest.World{
			Cycle: time.Second, CommCycle: time.Second, Start: time.Now().Add(-time.Minute), Sites: 1, Loggers: 4,
			OutageEvery: 24 * time.Second, OutageMax: 12 * time.Second,
		},
		Switches: saveristest.Switches{QueryLatency: "zero"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	return vendor
}

// TestAChannelThatIsCutOffIsSilentAndComesBack: the pretend vendor cuts a logger off for some cycles, each in its turn. Each silence is
// stored once, and what ends one follows it.
func TestAChannelThatIsCutOffIsSilentAndComesBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	vendor := cutOffInTurn(t)
	js := s.jetStream()
	r := s.start("one", "SAVERIS_URL", vendor.URL(), "BRIDGE_FEEDS", "readings,alarms,devices", "BRIDGE_INVENTORY_INTERVAL", "1s",
		"BRIDGE_START", "1m", "BRIDGE_SILENT_AFTER", "1")
	s.await("a channel to be silent and to come back", func() bool {
		events, _ := s.silences(js)
		return slices.ContainsFunc(events, func(e schema.StoredSilence) bool { return e.Resumed })
	})
	r.stop()
	events, armed := s.silences(js)
	open := map[string]bool{}
	ids := map[string]bool{}
	for _, e := range events {
		channel := e.Serial + "/" + e.Channel
		if ids[e.ID] || e.Resumed != open[channel] || e.Cycle != time.Second || e.Feed != "" {
			t.Errorf("%+v is stored", e)
		}
		ids[e.ID], open[channel] = true, !e.Resumed
	}
	for _, feed := range []string{"readings", "alarms"} {
		due, err := time.Parse(time.RFC3339, strings.TrimPrefix(armed["saveris.schedules.health.bridge."+feed], "@at "))
		if err != nil || len(armed) != 2 {
			t.Errorf("armed are %v: %v", armed, err)
		}
		if wait := time.Until(due); wait > time.Minute {
			t.Errorf("%s: due in %v, want a minute after the last poll", feed, wait)
		}
	}
}

// TestALoggerThatTheFleetShowsToBeBackIsReadAgain, though no alarm tells of it, and whether or not channels count as silent.
func TestALoggerThatTheFleetShowsToBeBackIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"1", "0"} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			vendor := cutOffInTurn(t)
			r := s.start("one", "SAVERIS_URL", vendor.URL(), "BRIDGE_FEEDS", "readings,devices", "BRIDGE_INVENTORY_INTERVAL", "1s", "BRIDGE_START", "1m", "BRIDGE_SILENT_AFTER", after)
			s.await("a window to be read again", func() bool { return strings.Contains(r.log.String(), `"reason":"outage"`) })
			if !strings.Contains(r.log.String(), `"msg":"devices that were cut off are back"`) {
				t.Error("the log does not say that devices are back")
			}
		})
	}
}

package service

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/saveris/saveristest"
)

var withFleet = []string{"BRIDGE_FEEDS", "readings,alarms,devices", "BRIDGE_INVENTORY_INTERVAL", "1s"}

// shown returns how many keys the inventory bucket has, and the newest document under one of them.
func (s *scene) shown(js jetstream.JetStream) (n int, one string) {
	kv, err := js.KeyValue(s.Context(), "saveris-inventory")
	if err != nil {
		return 0, ""
	}
	keys, err := kv.ListKeys(s.Context())
	if err != nil {
		return 0, ""
	}
	for key := range keys.Keys() {
		if n++; strings.HasPrefix(key, "device.") {
			if e, err := kv.Get(s.Context(), key); err == nil {
				one = string(e.Value())
			}
		}
	}
	return n, one
}

func (s *scene) jetStream() jetstream.JetStream {
	s.Helper()
	url, _ := bridgetest.Env(s.env...)("NATS_URL")
	return bridgetest.JetStream(s.T, url)
}

// TestTheFleetIsStoredAndShownBesideTheRows, by one of two bridges, and by the other when that one has ended.
func TestTheFleetIsStoredAndShownBesideTheRows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	js := s.jetStream()
	roles := func(role string) string {
		return fmt.Sprint(map[string]string{"readings": role, "alarms": role, "devices": role})
	}
	first := s.start("first", withFleet...)
	s.await("the first to lead and to have looked", func() bool {
		h := first.health()
		return h.OK && fmt.Sprint(h.Role) == roles("leading") && len(h.Polled) == 3
	})
	second := s.start("second", withFleet...)
	s.await("the second to stand by", func() bool { h := second.health(); return h.OK && fmt.Sprint(h.Role) == roles("standing by") })
	known := 0
	s.await("the fleet to be shown", func() bool {
		n, one := s.shown(js)
		known = n
		return n > 10 && strings.Contains(one, `"device_serial_no"`)
	})
	first.stop()
	if err := js.DeleteKeyValue(t.Context(), "saveris-inventory"); err != nil {
		t.Fatal(err)
	}
	s.await("the second to lead", func() bool { h := second.health(); return fmt.Sprint(h.Role) == roles("leading") && len(h.Polled) == 3 })
	s.await("the second to show it again", func() bool { n, _ := s.shown(js); return n >= known })
}

// TestTheFirstReadingsHaveNames, of the very first start, for they wait for the fleet.
func TestTheFirstReadingsHaveNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	js := s.jetStream()
	s.start("one", withFleet...)
	s.await("a reading", func() bool { return s.newest(js, "SAVERIS_READINGS", "saveris.readings.>") != "" })
	stream, err := js.Stream(t.Context(), "SAVERIS_READINGS")
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetMsg(t.Context(), 1, jetstream.WithGetMsgSubject("saveris.readings.>"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(first.Data), `"names":{`) {
		t.Errorf("the first reading has no names: %s", first.Data)
	}
}

// TestReadingsDoNotWaitForAFleetThatDoesNotCome: a vendor who says nothing of it is waited for at the very first start, and only so long;
// one who refuses it, or has none, is not waited for.
func TestReadingsDoNotWaitForAFleetThatDoesNotCome(t *testing.T) {
	t.Parallel()
	hangs := func(s *scene) {
		s.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultHang, On: "sync.tenants", Times: -1})
	}
	for name, c := range map[string]struct {
		wait  time.Duration
		fleet func(*scene)
		again bool // with a bridge that has read before
	}{
		"at the very first start": {10 * time.Millisecond, hangs, false},
		"at a later start":        {time.Hour, hangs, true},
		"refused": {time.Hour, func(s *scene) {
			s.vendor.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.AuthLacks = "devices" })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if c.again {
				first := s.start("first")
				s.await("the first one to read", func() bool { return len(first.health().Polled) == 2 })
				first.stop()
			}
			c.fleet(s)
			s.timings.FirstNames = c.wait
			r := s.start("one", withFleet...)
			s.await("readings and alarms", func() bool { return len(r.health().Polled) == 2 })
		})
	}
}

// TestAnUnknownChannelHasTheFleetLookedAtOnce, and what the vendor does not know either waits for the next regular look.
func TestAnUnknownChannelHasTheFleetLookedAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	js := s.jetStream()
	r := s.start("one", "BRIDGE_FEEDS", "readings,devices", "BRIDGE_INVENTORY_INTERVAL", "1h")
	looks := func() int { return strings.Count(r.log.String(), `"msg":"fleet looked at"`) }
	s.await("names in readings", func() bool {
		return strings.Contains(s.newest(js, "SAVERIS_READINGS", "saveris.readings.>"), `"names":{`)
	})
	s.await("the end of the look", func() bool { return looks() > 0 })
	if n := looks(); n != 1 {
		t.Errorf("the fleet was looked at %d times before anything unknown came", n)
	}
	stranger := func(n int) {
		s.vendor.AddMeasurement(saveristest.Measurement{
			UUID: fmt.Sprintf("stranger-%d", n), SensorUUID: "00000000-0000-4000-8000-000000000001", ChannelNo: 1, SerialNo: "999", Measurement: "4.7", Timestamp: time.Now(),
		})
		s.await("the reading of an unknown channel", func() bool {
			return strings.Contains(s.newest(js, "SAVERIS_READINGS", "saveris.readings.*.*.*.999.>"), fmt.Sprintf("stranger-%d", n))
		})
	}
	stranger(1)
	s.await("another look", func() bool { return looks() == 2 })
	stranger(2)
	stranger(3)
	if n, said := looks(), strings.Count(r.log.String(), "an event names what the fleet lacks"); n != 2 || said != 1 {
		t.Errorf("the fleet was looked at %d times, and the log said why %d times", n, said)
	}
}

// newest returns the data of the newest message on a subject; empty where there is none.
func (s *scene) newest(js jetstream.JetStream, stream, subject string) string {
	from, err := js.Stream(s.Context(), stream)
	if err != nil {
		return ""
	}
	msg, err := from.GetLastMsgForSubject(s.Context(), subject)
	if err != nil {
		return ""
	}
	return string(msg.Data)
}

// TestTheFleetMayBeTheOnlyFeed, which makes a bridge ready once it has been looked at.
func TestTheFleetMayBeTheOnlyFeed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.start("one", "BRIDGE_FEEDS", "devices", "BRIDGE_INVENTORY_INTERVAL", "1s")
	s.await("it to be ready", func() bool { h := r.health(); return h.OK && len(h.Polled) == 1 && h.Role["devices"] == "leading" })
	js := s.jetStream()
	s.await("the fleet to be shown", func() bool { n, _ := s.shown(js); return n > 0 })
	answer, err := http.Get(r.page + "/status.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var page struct{ Verdict struct{ Problems []any } }
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil || len(page.Verdict.Problems) > 0 {
		t.Errorf("the page has %+v, %v", page, err)
	}
}

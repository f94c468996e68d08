//go:build processes

package main

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/saveris/saveristest"
)

// duo is two bridges at one broker, of which one leads.
type duo struct {
	*scene
	env     []string
	bridges map[string]*exec.Cmd // by what names them in a lease
	started int                  // bridges
	arrived chan time.Time       // when new readings were stored, by our clock
}

// TestTheOtherTakesOver kills the bridge that polls the readings as often as TAKEOVERS says (twice if unset), stops the next
// one in good order, and so on. It reports how long no reading was stored, and audits both streams. The vendor measures
// every second, so that the longest pause between two readings is the pause of the bridges.
func TestTheOtherTakesOver(t *testing.T) {
	takeovers := 2
	if text := os.Getenv("TAKEOVERS"); text != "" {
		var err error
		if takeovers, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	p := newDuo(t)
	for _, how := range []os.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		var gaps []time.Duration
		for range takeovers {
			gaps = append(gaps, p.replace(how))
		}
		slices.Sort(gaps)
		t.Logf("%d times %v: no reading stored for %v (least), %v (median), %v (most)", takeovers, how,
			gaps[0].Round(10*time.Millisecond), gaps[len(gaps)/2].Round(10*time.Millisecond), gaps[len(gaps)-1].Round(10*time.Millisecond))
	}
	p.prove()
}

func newDuo(t *testing.T) *duo {
	t.Helper()
	start := time.Now().UTC().Truncate(time.Second).Add(-10 * time.Minute)
	vendor, err := saveristest.Start(saveristest.Config{
		Record: true, Switches: saveristest.Switches{QueryLatency: "zero"},
		World: saveristest.World{Sites: 2, Loggers: 2, Channels: 2, Cycle: time.Second, Start: start, Delay: time.Second, AlarmEvery: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	p := &duo{scene: &scene{T: t, start: start, vendor: vendor}, bridges: map[string]*exec.Cmd{}, arrived: make(chan time.Time, 1)}
	addr := bridgetest.Address(t)
	startNATS(t, addr)
	p.connect("nats://" + addr)
	p.env = []string{
		"SAVERIS_URL=" + vendor.URL(), "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "NATS_URL=nats://" + addr, "BRIDGE_HTTP_ADDR=",
		"BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=" + start.Format(time.RFC3339), "BRIDGE_REVISIT=20s,40s",
	}
	p.another()
	p.await("the first readings", func(ctx context.Context) bool { return p.messages(ctx) > 0 })
	p.another()
	_, err = p.js.Conn().Subscribe("saveris.readings.live.>", func(m *nats.Msg) {
		select {
		case p.arrived <- time.Now():
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// another starts one more bridge, in the other content mode than the one before.
func (p *duo) another() {
	p.Helper()
	mode := []string{"binary", "structured"}[p.started%2]
	p.started++
	cmd := p.startCommand(append(slices.Clone(p.env), "BRIDGE_CONTENT_MODE="+mode), "run")
	host, err := os.Hostname()
	if err != nil {
		p.Fatal(err)
	}
	p.bridges[host+"/"+strconv.Itoa(cmd.Process.Pid)] = cmd
	p.Cleanup(func() { _ = cmd.Process.Kill() })
}

// leader is who has the lease of the readings; empty where nobody has.
func (p *duo) leader(ctx context.Context) string {
	kv, err := p.js.KeyValue(ctx, "saveris-leases")
	if err != nil {
		return ""
	}
	entry, err := kv.Get(ctx, "readings.live")
	if err != nil {
		return ""
	}
	return lease.Owner(entry.Value())
}

// replace ends the bridge that polls the readings, waits until the other one has stored some, and starts a third in the
// place of the first. It gives how long none was stored.
func (p *duo) replace(how os.Signal) time.Duration {
	p.Helper()
	var old string
	p.await("a leader", func(ctx context.Context) bool { old = p.leader(ctx); return p.bridges[old] != nil })
	p.await("a fresh reading", func(context.Context) bool { return len(p.arrived) > 0 })
	if err := p.bridges[old].Process.Signal(how); err != nil {
		p.Fatal(err)
	}
	ended := time.Now()
	if err := p.bridges[old].Wait(); err != nil && how != os.Kill {
		p.Errorf("told to stop, a bridge ended with %v", err)
	}
	delete(p.bridges, old)
	p.await("another leader", func(ctx context.Context) bool { now := p.leader(ctx); return now != old && p.bridges[now] != nil })
	for len(p.arrived) > 0 {
		<-p.arrived
	}
	var at time.Time
	select {
	case at = <-p.arrived:
	case <-time.After(bridgetest.Patience):
		p.Fatal("the other bridge stores nothing")
	}
	p.another()
	return at.Sub(ended)
}

// prove stops both bridges when all has been read for the last time, and audits the streams.
func (p *duo) prove() {
	p.Helper()
	until := time.Now().UTC()
	for _, feed := range []string{"readings", "alarms"} {
		p.await("the last re-read of "+feed, func(ctx context.Context) bool { return p.settled(ctx, feed, until) })
	}
	for _, cmd := range p.bridges {
		if code := stop(p.T, cmd); code != 0 {
			p.Errorf("a bridge was told to stop and ended with %d", code)
		}
	}
	judge(p.T, p.scene, p.vendor, bridgetest.Due{From: p.start, Until: until, AsOf: time.Now()})
}

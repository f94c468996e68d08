//go:build processes

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestALookThatIsKilledStoresEachChangeOnce kills a bridge with SIGKILL at any moment of a look at a fleet that changes all the time, again
// and again, and then lets one look in peace.
func TestALookThatIsKilledStoresEachChangeOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 10, Loggers: 4, Channels: 3, Cycle: time.Second, ChangeEvery: 20 * time.Second, BatteryEvery: 40 * time.Second})
	s.vendor.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.MOConfig = "flat" })
	link := bridgetest.LinkTo(t, s.broker())
	link.Delay(time.Millisecond) // so that messages are far enough apart to be hit between
	env := append(s.env, "NATS_URL="+link.URL(), "BRIDGE_FEEDS=devices", "BRIDGE_INVENTORY_INTERVAL=1s")
	looks, requests := func() int { return s.vendor.Count("sync.tenants") }, func() int { return s.vendor.Count("sync") }
	began, random, rounds := s.now(), rand.New(rand.NewPCG(1, 2)), map[string]int{}
	for round := range 30 {
		asked, stored := requests()+random.IntN(15), s.changes() // somewhere in the first look or the next
		cmd := s.startCommand(env, "run")
		s.await("the vendor to be asked", func(context.Context) bool { return requests() > asked })
		if round%3 == 0 {
			s.await("a change to be stored", func(context.Context) bool { return s.changes() > stored })
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		s.forgetKilled()
		rounds[fmt.Sprint(s.changes() > stored)]++
	}
	link.Delay(0)
	cmd := s.startCommand(env, "run")
	asked := looks()
	s.await("some looks", func(context.Context) bool { return looks() > asked+3 })
	quiet := bridgetest.Quiet{Began: began, Since: s.now()}
	asked = looks()
	s.await("more looks", func(context.Context) bool { return looks() > asked+3 })
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("SIGTERM: exit code %d, want 0", code)
	}
	quiet.Stopped = s.now()
	report, err := bridgetest.AuditFleet(t.Context(), s.js, "SAVERIS_DEVICES", s.vendor, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean() {
		t.Error(report)
	}
	t.Logf("%d changes; a round stored something before the kill: %v", report.Stored, rounds)
	if rounds["true"] < 5 {
		t.Errorf("%d of the kills came after something was stored: too few to prove anything", rounds["true"])
	}
}

// changes is the last sequence of the stream of the fleet.
func (s *scene) changes() uint64 {
	stream, err := s.js.Stream(s.Context(), "SAVERIS_DEVICES")
	if err != nil {
		return 0
	}
	return stream.CachedInfo().State.LastSeq
}

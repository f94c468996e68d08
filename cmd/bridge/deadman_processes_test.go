//go:build processes

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// health returns the silences of the bridge that polls readings, oldest first.
func (s *scene) health(ctx context.Context) (all []schema.StoredSilence) {
	stream := checkpoint.NewStream(s.js, "SAVERIS_HEALTH", "saveris", "health")
	_, err := stream.EventsAfter(ctx, checkpoint.Position{}, s.start.AddDate(-1, 0, 0), func(e checkpoint.StoredEvent) error {
		silence, err := schema.ReadSilence(e.Subject, e.Header, e.Data)
		if err == nil && silence.Feed == schema.Readings {
			all = append(all, silence)
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		s.Error(err)
	}
	return all
}

// armed returns when the broker will say that the bridge is silent; zero where it will not.
func (s *scene) armed(ctx context.Context) time.Time {
	stream, err := s.js.Stream(ctx, "SAVERIS_HEALTH")
	if err != nil {
		return time.Time{}
	}
	m, err := stream.GetLastMsgForSubject(ctx, "saveris.schedules.health.bridge.readings")
	if err != nil {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, strings.TrimPrefix(m.Header.Get("Nats-Schedule"), "@at "))
	if err != nil {
		s.Error(err)
	}
	return at
}

// polledAt waits until a poll was stored at a time or later: the switch is armed for a minute after it.
func (s *scene) polledAt(what string, at time.Time) {
	s.Helper()
	s.await(what, func(ctx context.Context) bool { return !s.armed(ctx).Before(at.Add(time.Minute)) })
}

// TestTheBrokerSaysThatABridgeIsDead, which was killed with SIGKILL and has nobody to take over; and it says nothing while another one
// takes over from one that was killed, or from one that was stopped for an upgrade. The next one says that it polls again.
func TestTheBrokerSaysThatABridgeIsDead(t *testing.T) {
	s := newScene(t, saveristest.World{Sites: 1, Loggers: 1})
	s.env = append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_POLL_INTERVAL=2s")
	first := s.startCommand(s.env, "run")
	s.polledAt("the first bridge to poll", time.Now())
	second := s.startCommand(s.env, "run")
	s.polledAt("another poll", time.Now())
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	killed := time.Now()
	s.polledAt("the second bridge to take over", killed.Add(5*time.Second))
	third := s.startCommand(s.env, "run")
	stop(t, second)
	stopped := time.Now()
	s.polledAt("the upgraded bridge to poll, and the minute of the one before to pass", stopped.Add(65*time.Second))
	if silences := s.health(t.Context()); len(silences) != 0 {
		t.Errorf("after a leader change and an upgrade the broker has said %+v", silences)
	}
	if err := third.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = third.Wait() // it was killed
	killed, due := time.Now(), s.armed(t.Context())
	s.await("the broker to say that the bridge is silent", func(ctx context.Context) bool { return len(s.health(ctx)) > 0 })
	if silences := s.health(t.Context()); len(silences) != 1 || silences[0].Resumed || silences[0].DueAt.Before(due) || silences[0].LastAt.After(killed) {
		t.Errorf("the broker has said %+v, want one silence that was due at %v or later", silences, due)
	}
	fourth := s.startCommand(s.env, "run")
	s.await("the next bridge to say that it polls", func(ctx context.Context) bool { return len(s.health(ctx)) > 1 })
	if code := stop(t, fourth); code != 0 {
		t.Errorf("the last bridge ended with %d", code)
	}
	silences := s.health(t.Context())
	if len(silences) != 2 || !silences[1].Resumed || silences[1].ID != silences[0].ID+".resumed" || silences[1].At.Before(silences[0].DueAt) {
		t.Errorf("stored are %+v", silences)
	}
}

package main

import (
	"context"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestAStartDoesNotWaitForOneAnswerAfterTheOther holds an answer back until all that does not depend on it has been asked for:
// at a broker that is far away each answer takes long.
func TestAStartDoesNotWaitForOneAnswerAfterTheOther(t *testing.T) {
	t.Parallel()
	const info = "$JS.API.STREAM.INFO.KV_saveris-"
	for command, subjects := range map[string][]string{"run": {info + "exports", info + "leases"}, "backfill": {info + "exports", info + "leases", info + "backfills"}} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, saveristest.World{Cycle: 10 * time.Minute})
			link := bridgetest.LinkTo(t, s.broker())
			seen := s.watch(subjects)
			link.Before("stream not found", func() {
				select {
				case <-seen:
				case <-s.Context().Done():
					t.Errorf("it waits for an answer before it asks for all of %v", subjects)
				}
			})
			args := []string{"run"}
			if command == "backfill" {
				args = append(s.past(), "--feeds", "readings,alarms")
			}
			cmd := s.startCommand(append(s.env, "NATS_URL="+link.URL()), args...)
			s.await("rows", func(ctx context.Context) bool { return s.messages(ctx) > 0 })
			if _, err := s.js.KeyValue(t.Context(), "saveris-exports"); err != nil {
				t.Errorf("it has given up waiting for the answer: %v", err)
			}
			stop(t, cmd)
		})
	}
}

// watch returns what is closed once somebody has published on each of the subjects.
func (s *scene) watch(subjects []string) <-chan struct{} {
	s.Helper()
	all := make(chan struct{})
	sub, err := s.js.Conn().SubscribeSync("$JS.API.>")
	if err == nil {
		err = s.js.Conn().Flush()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = sub.Unsubscribe() })
	go func() {
		missing := map[string]bool{}
		for _, subject := range subjects {
			missing[subject] = true
		}
		for len(missing) > 0 {
			m, err := sub.NextMsgWithContext(s.Context())
			if err != nil {
				return
			}
			delete(missing, m.Subject)
		}
		close(all)
	}()
	return all
}

package main

import (
	"bytes"
	"context"
	"testing"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

func TestAStartIsOneLogin(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "backfill"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, saveristest.World{})
			env, args := append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_LOG_FORMAT=json"), []string{"run"}
			if command == "backfill" {
				args = s.past()
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			log := &awaited{end: cancel, missing: []string{"until the end"}}
			if command == "run" {
				log.missing = storedByBoth()
			}
			var out bytes.Buffer
			if code := execute(ctx, args, streamsOf(env, &out, log)); code != hint.Done {
				t.Errorf("exit code %d\n%s", code, log.String())
			}
			if n := s.vendor.Count("token"); n != 1 {
				t.Errorf("%d logins, want one", n)
			}
		})
	}
}

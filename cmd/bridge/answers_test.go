package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

// TestRunStoresBesideSomebodyWhoAnswersEverything from its start on.
func TestRunStoresBesideSomebodyWhoAnswersEverything(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"+OK", "{}", `{"stream":"OTHER","seq":5}`, `{"stream":"SAVERIS_READINGS","seq":1,"batch":"x"}`} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, saveristest.World{Sites: 1, Cycle: time.Minute})
			s.punctual()
			addr := s.broker()
			s.env = append(s.env, "NATS_URL=nats://"+addr)
			nc := bridgetest.Connect(t, "nats://"+addr)
			if _, err := nc.Subscribe(">", func(m *nats.Msg) {
				if m.Reply != "" && !strings.HasPrefix(m.Subject, "_INBOX.") {
					_ = nc.Publish(m.Reply, []byte(text))
				}
			}); err != nil {
				t.Fatal(err)
			}
			var log noise
			cmd := command(t, append(s.env, "BRIDGE_LOG_FORMAT=json"), "run")
			cmd.Stdout, cmd.Stderr = &log, &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s.await("all to be read", s.covered)
			s.await("its naming", func(context.Context) bool { return strings.Contains(log.String(), "somebody else answers") })
			if code := stop(t, cmd); code != hint.Done {
				t.Errorf("exit code %d:\n%s", code, log.String())
			}
			for _, stream := range []string{"SAVERIS_READINGS", "SAVERIS_ALARMS"} {
				named := 0
				for line := range strings.Lines(log.String()) {
					if strings.Contains(line, "somebody else answers what") && strings.Contains(line, `"stream":"`+stream+`"`) {
						named++
					}
				}
				if named > 1 {
					t.Errorf("he is named %d times for %s", named, stream)
				}
			}
			if got := bridge(t, s.env, "check"); got.code != hint.Done {
				t.Errorf("check: exit code %d\n%s%s", got.code, got.out, got.err)
			}
			nc.Close()
			if got := s.verify("--feeds", "readings"); got.code != hint.Done {
				t.Errorf("verify: exit code %d\n%s%s", got.code, got.out, got.err)
			}
		})
	}
}

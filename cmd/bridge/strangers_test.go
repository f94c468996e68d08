package main

import (
	"fmt"
	"strings"
	"testing"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/preflight"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestCheckLooksPastSomebodyWhoAnswersEverything before the server does, and names him once. So does the look-up of streams.
func TestCheckLooksPastSomebodyWhoAnswersEverything(t *testing.T) {
	t.Parallel()
	env := with("NATS_URL", natsServer(t, &server.Options{JetStream: true}).ClientURL())
	s := load(t, env)
	_, stop, err := makeStreams(t.Context(), s.Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	stranger, err := natsconn.ConnectNamed(t.Context(), s.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Subscribe(">", func(m *nats.Msg) {
		if m.Reply != "" && !strings.HasPrefix(m.Subject, "_INBOX.") {
			_ = stranger.Publish(m.Reply, []byte(`{"stream":"SAVERIS_READINGS","seq":1,"batch":"x"}`))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	for range 10 { // who is first differs
		var out strings.Builder
		c := preflight.Config{Settings: s.Pipeline, StrangerWait: bridgetest.Patience}
		err := preflight.RunNATS(t.Context(), c, func(f preflight.Finding) { fmt.Fprintln(&out, f) })
		if err != nil || strings.Count(out.String(), "somebody else answers") != 1 {
			t.Fatalf("%v\n%s", err, &out)
		}
		wantLines(t, out.String(), "ok jetstream on", "warn other answers $JS.API.INFO hint: find who subscribes")
	}
	for range 20 {
		_, stop, err := pipeline.Read(t.Context(), s.NATS, s.Streams, quiet)
		if err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"saveris-bridge/internal/natsconn"

	"github.com/nats-io/nats-server/v2/server"
)

// TestAHubBehindALeafNodeIsReachedByItsDomain, and by the prefix of its API, though the leaf node has a JetStream of its own.
func TestAHubBehindALeafNodeIsReachedByItsDomain(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"NATS_JS_DOMAIN": "hub", "NATS_JS_API_PREFIX": "$JS.hub.API"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := &server.Options{ServerName: "hub", JetStream: true, JetStreamDomain: "hub", LeafNode: server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT}}
			hub := natsServer(t, at)
			to := &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", at.LeafNode.Port)}
			leaf := natsServer(t, &server.Options{ServerName: "leaf", JetStream: true, JetStreamDomain: "leaf",
				LeafNode: server.LeafNodeOpts{Remotes: []*server.RemoteLeafOpts{{URLs: []*url.URL{to}}}}})
			env := with("NATS_URL", leaf.ClientURL(), name, value)
			_, stop, err := makeStreams(t.Context(), load(t, env).Pipeline) // waits for the leaf node
			if err != nil {
				t.Fatal(err)
			}
			stop()
			if out, err := checkNATS(t, env); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			for url, want := range map[string]bool{hub.ClientURL(): true, leaf.ClientURL(): false} {
				s := load(t, with("NATS_URL", url))
				nc, err := natsconn.ConnectNamed(t.Context(), s.NATS, quiet)
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				js, err := natsconn.JetStream(nc, s.NATS)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := js.Stream(t.Context(), streamOfReadings); (err == nil) != want {
					t.Errorf("stream at %s: %v", url, err)
				}
			}
		})
	}
}

// TestAnAccountThatMayNotSubscribeToTheInbox is told of the setting, and gets along with it.
func TestAnAccountThatMayNotSubscribeToTheInbox(t *testing.T) {
	t.Parallel()
	user := &server.User{Username: "bridge", Password: "b", Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{">"}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_bridge.>"}},
	}}
	url := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{user}}).ClientURL()
	env := []string{"NATS_URL", url, "NATS_USER", "bridge", "NATS_PASSWORD", "b"}
	out, err := checkNATS(t, with(env...))
	if err == nil {
		t.Error("check is content")
	}
	wantLines(t, out, "FAIL jetstream hint: NATS_INBOX_PREFIX")
	if _, _, err := makeStreams(t.Context(), load(t, with(env...)).Pipeline); err == nil || !strings.Contains(natsconn.Hint(err), "NATS_INBOX_PREFIX") {
		t.Errorf("run: %v, hint %q", err, natsconn.Hint(err))
	}
	env = append(env, "NATS_INBOX_PREFIX", "_INBOX_bridge")
	if out, err := checkNATS(t, with(env...)); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	_, stop, err := makeStreams(t.Context(), load(t, with(env...)).Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	stop()
}

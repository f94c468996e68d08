package views_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/schema"
)

// runServer starts a server: a hub, or a leaf node of the one that is named by its URL for leaf nodes.
func runServer(t *testing.T, name, domain, hub string) (client, leaves string) {
	t.Helper()
	options := &server.Options{ServerName: name, JetStream: domain != "", JetStreamDomain: domain}
	if hub == "" {
		options.LeafNode = server.LeafNodeOpts{Host: "127.0.0.1", Port: server.RANDOM_PORT}
	} else {
		to, err := url.Parse(hub)
		if err != nil {
			t.Fatal(err)
		}
		options.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{to}}}
	}
	return bridgetest.NATSServer(t, options).ClientURL(), fmt.Sprintf("nats://127.0.0.1:%d", options.LeafNode.Port)
}

// TestABucketInAnotherDomainIsWritten stores through leaf nodes, which do not pass on what is published on a bucket's subjects.
func TestABucketInAnotherDomainIsWritten(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]string{"a leaf node without JetStream": "", "a leaf node with a domain of its own": "edge"} {
		t.Run(name, func(t *testing.T) {
			_, leaves := runServer(t, "hub", "hub", "")
			leaf, _ := runServer(t, "leaf", own, leaves)
			s := &stage{T: t}
			js, err := jetstream.NewWithDomain(s.dial(leaf).Conn(), "hub", patient)
			s.check(err)
			s.js, s.bridge = js, js
			s.connected()
			s.open()
			view := s.view(s.js)
			s.keep(view)
			w := s.writer(schema.Readings, view)
			for day := range 3 {
				s.commit(w, day, 3)
			}
			s.await("three days to be shown", func() bool { return len(s.shown(schema.Readings)) == 3 && s.equal() })
		})
	}
}

// TestAFoldInAnotherDomainIsWritten likewise, in batches.
func TestAFoldInAnotherDomainIsWritten(t *testing.T) {
	t.Parallel()
	_, leaves := runServer(t, "hub", "hub", "")
	leaf, _ := runServer(t, "leaf", "edge", leaves)
	s := &stage{T: t}
	js, err := jetstream.NewWithDomain(s.dial(leaf).Conn(), "hub", patient)
	s.check(err)
	s.js, s.bridge = js, js
	s.connected()
	s.open()
	f := s.folded(schema.Readings)
	f.keep(f.view())
	f.store(f.writer, f.reading("a 1 10", 1), f.reading("b 2 10", 2), f.reading("c 3 10", 3))
	f.awaitRight("in the domain of the hub")
}

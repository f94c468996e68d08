package publish_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// sharing is a client as a process of its own would have one, with a connection of its own.
func sharing(t *testing.T, vendor *saveristest.Server, url string) *saveris.Client {
	t.Helper()
	requests, err := publish.OpenRequests(t.Context(), open(t, connect(t, url)), config)
	if err != nil {
		t.Fatal(err)
	}
	client, err := saveris.New(saveris.Config{
		BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), Sync: saveris.SyncNever, NoLive: true,
		FirstPoll: 10 * time.Millisecond, Requests: requests, Shared: requests,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); _ = client.Share(ctx) }()
	t.Cleanup(func() { end(); <-ended })
	return client
}

func TestTwoProcessesKeepToOneNumberOfExports(t *testing.T) {
	t.Parallel()
	vendor, err := saveristest.Start(saveristest.Config{Switches: saveristest.Switches{QueryLatency: "100ms"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	server := bridgetest.Embedded(t)
	js := open(t, connect(t, server.ClientURL()))
	read := func(clients ...*saveris.Client) {
		t.Helper()
		var group sync.WaitGroup
		for _, client := range clients {
			for line := range 3 {
				group.Go(func() {
					until := time.Now().Add(-time.Duration(line+1) * time.Hour).Truncate(time.Second)
					q := saveris.Query{Feed: saveris.Measurements, From: until.Add(-time.Hour), Until: until, Background: true}
					if _, err := client.Rows(t.Context(), q, func(*saveris.Row) error { return nil }); err != nil {
						t.Error(err)
					}
				})
			}
		}
		group.Wait()
	}
	a, b := sharing(t, vendor, server.ClientURL()), sharing(t, vendor, server.ClientURL())
	for deadline := time.Now().Add(bridgetest.Patience); vendor.MostRunning() < 2 && time.Now().Before(deadline); { // on a busy machine one may end before the next begins
		read(a, b)
	}
	if n := vendor.MostRunning(); n != 2 {
		t.Errorf("%d exports ran at the same time, want 2", n)
	}
	if err := js.DeleteKeyValue(t.Context(), config.Names.Requests()); err != nil {
		t.Fatal(err)
	}
	for together, deadline := false, time.Now().Add(bridgetest.Patience); !together; {
		read(a, b) // whoever finds no bucket goes on alone for a while
		kv, err := js.KeyValue(t.Context(), config.Names.Requests())
		if err == nil {
			entry, errGet := kv.Get(t.Context(), "processes")
			together = errGet == nil && strings.Count(string(entry.Value()), `"beat"`) == 2
		}
		if !together && time.Now().After(deadline) {
			t.Fatal("the two processes have not found each other again in a new bucket")
		}
	}
}

func TestWhoeverMayNotCreateTheBucketFindsIt(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	if _, err := publish.FindRequests(t.Context(), js, config); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := js.KeyValue(t.Context(), config.Names.Requests()); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("it was created: %v", err)
	}
	if _, err := publish.OpenRequests(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	found, err := publish.FindRequests(t.Context(), js, config)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := found.Store(t.Context(), "one", 0)
	if err != nil {
		t.Error(err)
	}
	text, revision, err := found.Load(t.Context())
	if err != nil || text != "one" || revision != stored {
		t.Errorf("%q at revision %d, want %d: %v", text, revision, stored, err)
	}
	if _, err := found.Store(t.Context(), "two", revision-1); err == nil {
		t.Error("an older revision was replaced")
	}
	if stored, err := found.Store(t.Context(), "two", revision); err != nil || stored <= revision {
		t.Errorf("revision %d after %d: %v", stored, revision, err)
	}
}

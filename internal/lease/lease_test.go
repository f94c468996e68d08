package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

const day = "2026-11-23"

var config = publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}

func TestMain(m *testing.M) { bridgetest.Main(m) }

// leases are renewed often, and the broker keeps those that nobody renews for as long as may be: a test ends none by being slow.
func leases(t *testing.T, js jetstream.JetStream, feed schema.Feed, owner string) *lease.Leases {
	t.Helper()
	_, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: config.Names.Leases(), TTL: 6 * lease.Life})
	if err != nil && !errors.Is(err, jetstream.ErrBucketExists) {
		t.Fatal(err)
	}
	return publish.NewLeases(js, config, feed, owner, nil).Shorten(300 * time.Millisecond)
}

func TestADayIsLeasedToOneWorkerUntilHeGivesItBack(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a, b := leases(t, js, schema.Readings, "a"), leases(t, js, schema.Readings, "b")
	take := func(l *lease.Leases, want bool) {
		t.Helper()
		if ours, err := l.Take(t.Context(), day); err != nil || ours != want {
			t.Fatalf("take: %v, %v, want %v", ours, err, want)
		}
	}
	take(a, true)
	take(a, true)
	take(b, false)
	take(leases(t, js, schema.Alarms, "b"), true)
	keep := true
	for _, keep = range []bool{true, false} {
		if err := a.Release(t.Context(), func(string) bool { return keep }); err != nil {
			t.Fatal(err)
		}
	}
	take(b, true)
	take(a, false)
}

func TestLeasesAreGivenBackWhenTheirWorkerEnds(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	a, b := leases(t, js, schema.Readings, "a"), leases(t, js, schema.Readings, "b")
	if ours, err := a.Take(t.Context(), day); err != nil || !ours {
		t.Fatal(ours, err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	a.Keep(ctx)
	if ours, err := b.Take(t.Context(), day); err != nil || !ours {
		t.Errorf("take: %v, %v", ours, err)
	}
}

func TestADeadWorkersLeaseEnds(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if ours, err := publish.NewLeases(js, config, schema.Readings, "dead", nil).Take(t.Context(), day); err != nil || !ours {
		t.Fatal(ours, err)
	}
	kv, err := js.KeyValue(t.Context(), "saveris-leases")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := kv.Status(t.Context()); err != nil || status.TTL() <= 0 || status.TTL() > time.Minute {
		t.Errorf("a lease lives for %v: %v", status.TTL(), err)
	}
	if err := kv.Purge(t.Context(), "readings."+day); err != nil { // as the server does in its time
		t.Fatal(err)
	}
	if ours, err := leases(t, js, schema.Readings, "b").Take(t.Context(), day); err != nil || !ours {
		t.Errorf("take: %v, %v", ours, err)
	}
}

func TestABucketWhoseKeysLiveForEverIsNoPlaceForLeases(t *testing.T) {
	t.Parallel()
	js := bridgetest.JetStream(t, bridgetest.Embedded(t).ClientURL())
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: config.Names.Leases()}); err != nil {
		t.Fatal(err)
	}
	if err := leases(t, js, schema.Readings, "a").Try(t.Context()); !errors.Is(err, lease.ErrLife) || !errors.Is(err, publish.ErrBucketSettings) {
		t.Errorf("the try says %v", err)
	}
}

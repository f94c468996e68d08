package service

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
)

// keysOf returns how many keys a bucket has, and one of the values.
func (s *scene) keysOf(js jetstream.JetStream, bucket string) (n int, one string) {
	kv, err := js.KeyValue(s.Context(), bucket)
	if err != nil {
		return 0, ""
	}
	keys, err := kv.ListKeys(s.Context())
	if err != nil {
		return 0, ""
	}
	for key := range keys.Keys() {
		if e, err := kv.Get(context.WithoutCancel(s.Context()), key); err == nil {
			n, one = n+1, string(e.Value())
		}
	}
	return n, one
}

// TestTheNewestReadingsAndOpenAlarmsAreShown by the bridge that leads, and by the next one when the buckets have gone with it.
func TestTheNewestReadingsAndOpenAlarmsAreShown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	url, _ := bridgetest.Env(s.env...)("NATS_URL")
	js := bridgetest.JetStream(t, url)
	shown := func() bool {
		readings, one := s.keysOf(js, "saveris-latest")
		return readings >= 6 && strings.HasPrefix(one, `{"specversion":"1.0"`) && strings.Contains(one, `"type":"saveris.reading.v1"`)
	}
	first := s.start("first")
	s.await("the newest readings to be shown", shown)
	s.await("the bucket of alarms", func() bool { _, err := js.KeyValue(t.Context(), "saveris-open-alarms"); return err == nil })
	first.stop()
	for _, bucket := range []string{"saveris-latest", "saveris-open-alarms"} {
		if err := js.DeleteKeyValue(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
	}
	s.start("second")
	s.await("the second to show them again", shown)
}

// TestABucketOfSomebodyElseStopsNoRows, and people are told.
func TestABucketOfSomebodyElseStopsNoRows(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	url, _ := bridgetest.Env(s.env...)("NATS_URL")
	js := bridgetest.JetStream(t, url)
	if _, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "saveris-latest"}); err != nil {
		t.Fatal(err)
	}
	r := s.start("one")
	const text = "the newest readings are not shown as they are in saveris-latest: bucket saveris-latest: foreign settings: it takes no atomic batches"
	warned := func() bool { return strings.Contains(strings.Join(r.health().Warnings, "\n"), text) }
	s.await("the rows to be polled, and that to be told", func() bool { h := r.health(); return h.OK && len(h.Polled) == 2 && warned() })
	if err := js.DeleteKeyValue(t.Context(), "saveris-latest"); err != nil {
		t.Fatal(err)
	}
	s.await("the bucket to be made and filled", func() bool { n, _ := s.keysOf(js, "saveris-latest"); return n >= 6 && !warned() })
}

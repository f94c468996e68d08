package views_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// things stores changes of devices and knows what the view has to show of them.
type things struct {
	*stage
	changes *publish.Changes
	view    *views.View // nil: nothing is put
	last    map[string]uint64
	want    map[string]string
}

func (s *stage) things(view *views.View) *things {
	return &things{s, publish.NewChanges(s.js, publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}), view, map[string]uint64{}, map[string]string{}}
}

func (w *things) store(tenant, key string, version int, removed bool) {
	w.Helper()
	c := schema.FleetChange{
		Kind: schema.KindDevice, Tenant: tenant, Key: key, Document: fmt.Appendf(nil, `{"tenant_uuid":%q,"sensors":[],"version":%d}`, tenant, version),
		Hash: fmt.Sprint("h", version), Removed: removed, Before: w.last[tenant+key], LookedAt: time.Now(),
	}
	w.check(w.changes.Store(w.Context(), []schema.FleetChange{c}, func(_ int, sequence uint64) {
		w.last[tenant+key] = sequence
		if w.view != nil {
			w.view.Put(views.Thing(c.Stored(), sequence))
		}
	}))
	w.want["device."+key] = string(c.Document)
	if removed {
		delete(w.want, "device."+key)
	}
}

// shown is what the bucket shows.
func (w *things) shown() map[string]string {
	shown := map[string]string{}
	kv, err := w.js.KeyValue(w.Context(), "saveris-inventory")
	if err != nil {
		return nil
	}
	keys, err := kv.ListKeys(w.Context())
	if err != nil {
		return nil
	}
	for key := range keys.Keys() {
		if e, err := kv.Get(w.Context(), key); err == nil {
			shown[key] = string(e.Value())
		}
	}
	return shown
}

func (w *things) awaitShown(when string) {
	w.Helper()
	w.await("the bucket to show what is stored: "+when, func() bool { return maps.Equal(w.shown(), w.want) })
}

// TestTheInventoryShowsTheStream whoever has put what, and what was put by nobody.
func TestTheInventoryShowsTheStream(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	config := publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	view := views.NewInventory(s.bridge, config)
	view.Hurry()
	dead := s.things(nil) // killed before it has put anything
	for key := range 30 {
		dead.store("a", fmt.Sprint(key), 1, false)
	}
	dead.store("a", "7", 2, true)
	dead.store("a", "8", 2, true) // it has moved
	dead.store("b", "8", 3, false)
	ctx, end := context.WithCancel(t.Context())
	kept := make(chan error, 1)
	go func() { kept <- view.Keep(ctx, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) }()
	defer func() { end(); <-kept }()
	dead.awaitShown("after a start")

	dead.view = view
	dead.store("a", "1", 2, false)
	dead.store("a", "2", 2, true)
	dead.store("a", "99", 1, false)
	dead.awaitShown("after changes")

	kv, err := s.js.KeyValue(t.Context(), "saveris-inventory")
	s.check(err)
	for key, value := range map[string]string{"device.3": "forged", "device.nobody": "{}", "odd": "{}", "a.b.c": "{}"} {
		_, err = kv.PutString(t.Context(), key, value)
		s.check(err)
	}
	s.check(kv.Delete(t.Context(), "device.4"))
	dead.awaitShown("after others have written")

	s.check(s.js.DeleteKeyValue(t.Context(), "saveris-inventory"))
	dead.awaitShown("after it was removed")

	stream, err := s.js.Stream(t.Context(), "SAVERIS_DEVICES")
	s.check(err)
	s.check(stream.DeleteMsg(t.Context(), dead.last["a99"])) // the tail is lost
	delete(dead.want, "device.99")
	dead.awaitShown("after the loss of a tail")
}

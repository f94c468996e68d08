package fleet

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// pretend is the pretend vendor, with a clock that the test moves.
type pretend struct {
	*saveristest.Server
	now atomic.Int64
}

func startPretend(t *testing.T, settings ...string) *pretend {
	t.Helper()
	p := &pretend{}
	p.now.Store(noon.Unix())
	cfg := saveristest.Config{Now: func() time.Time { return time.Unix(p.now.Load(), 0) }}
	for _, setting := range append([]string{"query.latency=zero"}, settings...) {
		key, value, _ := strings.Cut(setting, "=")
		if err := cfg.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if p.Server, err = saveristest.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func (p *pretend) client(t *testing.T, mode saveris.SyncMode, format saveris.Format) *saveris.Client {
	t.Helper()
	c, err := saveris.New(saveris.Config{BaseURL: p.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond, Sync: mode, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// look compares what a client sees with what is known, stores the changes, and returns them.
func (inv *Inventory) look(t *testing.T, what string, w *Walker) (changes []Change) {
	t.Helper()
	err := w.Look(t.Context(), func(seen Look) error {
		oneVersion := seen.Kind == schema.KindLocation || seen.Kind == schema.KindMeasuringObject
		if seen.Err != nil && !(oneVersion && (errors.Is(seen.Err, saveris.ErrNoSync) || errors.Is(seen.Err, saveris.ErrRetired))) {
			t.Errorf("%s: %s by %s: %v", what, seen.Kind, seen.Endpoint, seen.Err)
		}
		for _, c := range inv.Compare(seen) {
			changes = append(changes, c)
			inv.Stored(c, 1)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return changes
}

// TestTheFleetIsTheSameHoweverTheVendorSpellsIt: by every route, in every version, and under every switch of what is not
// written down.
func TestTheFleetIsTheSameHoweverTheVendorSpellsIt(t *testing.T) {
	inv := NewInventory()
	world := []string{"world.loggers=3", "world.channels=4"}
	p := startPretend(t, world...)
	inv.look(t, "in one call", NewWalker(p.client(t, saveris.SyncAlways, saveris.JSON), inv))
	inv.look(t, "exports", NewWalker(p.client(t, saveris.SyncNever, saveris.JSON), inv))
	for _, kind := range schema.FleetKinds {
		if inv.Len(kind) == 0 {
			t.Errorf("the world has no %s", kind)
		}
	}
	for _, tt := range []struct {
		mode     saveris.SyncMode
		format   saveris.Format
		settings string
	}{
		{saveris.SyncAuto, saveris.JSON, ""}, {saveris.SyncNever, saveris.CSV, ""}, {saveris.SyncAuto, saveris.JSON, "sync.retired=newest"}, {saveris.SyncAuto, saveris.JSON, "sync.retired=older"},
		{saveris.SyncAuto, saveris.JSON, "sync.retired=all"}, {saveris.SyncAuto, saveris.JSON, "sync.retired=all path.unknown=404"}, {saveris.SyncAuto, saveris.JSON, "sync.retired=all retired.answer=410"},
		{saveris.SyncAuto, saveris.JSON, "sync.limit=1000"}, {saveris.SyncNever, saveris.JSON, "retired=newest"}, {saveris.SyncNever, saveris.CSV, "retired=newest"},
		{saveris.SyncNever, saveris.JSON, "props.bool=bare"}, {saveris.SyncNever, saveris.JSON, "props.bool=digit"}, {saveris.SyncNever, saveris.CSV, "csv.bool=1 csv.array=json"},
		{saveris.SyncNever, saveris.JSON, "status.connection=CT_WIFI"}, {saveris.SyncNever, saveris.JSON, "mo.id=mo_uuid"}, {saveris.SyncNever, saveris.JSON, "unit.text=CELSIUS"}, {saveris.SyncNever, saveris.JSON, "unit.text=mixed"},
		{saveris.SyncNever, saveris.JSON, "json.layout=array"}, {saveris.SyncNever, saveris.JSON, "json.layout=envelope"}, {saveris.SyncNever, saveris.JSON, "json.null=null"}, {saveris.SyncNever, saveris.JSON, "json.time=mixed"},
		{saveris.SyncNever, saveris.JSON, "time.fraction=mixed"}, {saveris.SyncNever, saveris.JSON, "uuid.case=mixed"}, {saveris.SyncNever, saveris.JSON, "json.channel_no=mixed"}, {saveris.SyncNever, saveris.JSON, "column.case=mixed"},
		{saveris.SyncNever, saveris.JSON, "file.count=n file.duplicates=on"}, {saveris.SyncNever, saveris.CSV, "csv.quoting=minimal csv.time=blank"}, {saveris.SyncNever, saveris.CSV, "csv.null=quoted csv.time=UTC"},
	} {
		what := fmt.Sprintf("%s %s %s", tt.mode, tt.format, tt.settings)
		w := NewWalker(startPretend(t, append(strings.Fields(tt.settings), world...)...).client(t, tt.mode, tt.format), inv)
		for range 2 {
			for _, c := range inv.look(t, what, w) {
				t.Errorf("%s: %s %s has changed: %q, removed %v", what, c.Kind, c.Key, c.Event().Changed, c.Removed)
			}
		}
	}
}

// exported is a thing without what the newest exports do not have.
func exported(thing any) any {
	switch s := thing.(type) {
	case saveristest.DeviceStatus:
		s.FirmwareVersion = ""
		return s
	case saveristest.SensorStatus:
		s.FirmwareVersion = ""
		return s
	}
	return thing
}

// TestEveryChangeOfTheWorldIsSeenOnce, and no other.
func TestEveryChangeOfTheWorldIsSeenOnce(t *testing.T) {
	p := startPretend(t, "world.sites=4", "world.change_every=6h", "world.battery_every=12h", "mo.config=flat")
	inv := NewInventory()
	w := NewWalker(p.client(t, saveris.SyncNever, saveris.JSON), inv)
	inv.look(t, "first", w)
	kinds := map[string]int{}
	for step := range 48 {
		from := time.Unix(p.now.Load(), 0)
		p.now.Add(15 * 60)
		first, want := map[string]any{}, map[string]bool{} // what is different in the end, by kind and uuid
		for _, c := range p.FleetChanges(from, time.Unix(p.now.Load(), 0)) {
			thing := c.Kind + " " + c.UUID
			if _, before := first[thing]; !before {
				first[thing] = exported(c.Before)
			}
			if delete(want, thing); c.After != nil && !reflect.DeepEqual(first[thing], exported(c.After)) {
				want[thing] = true
			}
			kinds[c.Kind]++
		}
		got := map[string]bool{}
		for _, c := range inv.look(t, fmt.Sprint(step), w) {
			if !c.Removed {
				got[string(c.Kind)+" "+c.doc.get(c.doc.shape.id[0])] = true
			}
		}
		for thing := range got {
			if !want[thing] {
				t.Errorf("step %d: %s has not changed", step, thing)
			}
		}
		for thing := range want {
			if !got[thing] {
				t.Errorf("step %d: the change of %s was not seen", step, thing)
			}
		}
	}
	fleet := p.Fleet(time.Unix(p.now.Load(), 0))
	inv.look(t, "last", w)
	inv.look(t, "last again", w)
	var serials, known []string
	for _, d := range fleet.Devices {
		serials = append(serials, d.SerialNo)
	}
	for _, doc := range inv.living(schema.KindDevice) {
		known = append(known, doc.get("device_serial_no"))
	}
	slices.Sort(serials)
	slices.Sort(known)
	if !slices.Equal(serials, known) || kinds["device"] == 0 || kinds["device_status"] == 0 {
		t.Errorf("known are %q, there are %q; %v", known, serials, kinds)
	}
}

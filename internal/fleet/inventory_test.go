package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

var lookedAt = time.Date(2026, 7, 1, 10, 20, 0, 0, time.UTC)

// seen is a look at devices in which the rows stood, as the current export has them: serial, uuid, tenant and name a row.
func seen(t *testing.T, rows ...[4]string) Look {
	t.Helper()
	var all []string
	for _, r := range rows {
		all = append(all, fmt.Sprintf(`{"device_serial_no":%q,"device_uuid":%q,"tenant_uuid":%q,"device_display_name":%q,"sensor_uuid":%q,"channel_no":1,"device_last_modified":"2026-07-01T10:00:00Z"}`, r[0], r[1], r[2], r[3], "s"+r[1]))
	}
	return seenJSON(t, schema.KindDevice, all...)
}

func seenJSON(t *testing.T, kind Kind, rows ...string) Look {
	t.Helper()
	w := NewWalker(rowsOf{sources[kind].feed: rows}, NewInventory())
	k := w.kind(t.Context(), kind)
	if k.Err != nil {
		t.Fatal(k.Err)
	}
	return k
}

// rowsOf is a source of fixed rows; a feed without any is refused.
type rowsOf map[saveris.Feed][]string

func (s rowsOf) Snapshot(_ context.Context, q saveris.SnapshotQuery, each func(*saveris.Row) error) (saveris.Answer, error) {
	rows, offered := s[q.Feed]
	if !offered {
		return saveris.Answer{}, fmt.Errorf("read %s: %w", q.Feed, saveris.ErrForbidden)
	}
	ans := saveris.Answer{AskedAt: lookedAt, Route: saveris.RouteExport, Endpoint: "/v3/" + string(q.Feed), Rows: len(rows)}
	return ans, saveris.Elements([]byte("["+strings.Join(rows, ",")+"]"), each)
}

// told lists changes: + new, ~ changed with its pointers, - removed; tenant, key and the sequence before.
func told(changes []Change) (all []string) {
	for _, c := range changes {
		e := c.Event()
		sign := "+"
		if e.Removed {
			sign = "-"
		} else if e.Changed != nil {
			sign = "~"
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s%s.%s@%d %s", sign, e.Tenant, e.Key, e.Before, strings.Join(e.Changed, " "))))
	}
	return all
}

func TestChangesOfTheFleet(t *testing.T) {
	a, b := [4]string{"1", "ua", "t1", "A"}, [4]string{"2", "ub", "t1", "B"}
	renamed, moved, renewed, twin := [4]string{"1", "ua", "t1", "A2"}, [4]string{"1", "ua", "t2", "A"}, [4]string{"1", "uc", "t1", "A"}, [4]string{"1", "uc", "t2", "C"}
	for name, steps := range map[string][]struct {
		rows [][4]string
		want []string
	}{
		"new, the same, changed, changed back": {
			{[][4]string{a, b}, []string{"+t1.1@0", "+t1.2@0"}},
			{[][4]string{b, a}, nil},
			{[][4]string{renamed, b}, []string{"~t1.1@1 /device_display_name"}},
			{[][4]string{a, b}, []string{"~t1.1@3 /device_display_name"}},
		},
		"gone after two looks, and back": {
			{[][4]string{a, b}, []string{"+t1.1@0", "+t1.2@0"}},
			{[][4]string{a}, nil},
			{[][4]string{a, b}, nil},
			{[][4]string{a}, nil},
			{[][4]string{a}, []string{"-t1.2@2"}},
			{[][4]string{a}, nil},
			{[][4]string{a, b}, []string{"+t1.2@3"}},
		},
		"all gone": {
			{[][4]string{a, b}, []string{"+t1.1@0", "+t1.2@0"}},
			{nil, nil},
			{nil, []string{"-t1.1@1", "-t1.2@2"}},
		},
		"to another tenant and back": {
			{[][4]string{a}, []string{"+t1.1@0"}},
			{[][4]string{moved}, []string{"-t1.1@1", "~t2.1@0 /tenant_uuid"}},
			{[][4]string{moved}, nil},
			{[][4]string{a}, []string{"-t2.1@3", "~t1.1@2 /tenant_uuid"}},
		},
		"another device with the same serial": {
			{[][4]string{a}, []string{"+t1.1@0"}},
			{[][4]string{renewed}, []string{"~t1.1@1 /device_uuid /sensors"}},
			{[][4]string{renewed}, nil},
		},
		"two with one serial": {
			{[][4]string{a}, []string{"+t1.1@0"}},
			{[][4]string{a, twin}, []string{"-t1.1@1", "+t1.1_ua@0", "+t2.1_uc@0"}},
			{[][4]string{twin, a}, nil},
			{[][4]string{a}, []string{"-t1.1_ua@3", "+t1.1@2"}},
			{[][4]string{a}, []string{"-t2.1_uc@4"}},
		},
		"without a serial, and an odd one": {
			{[][4]string{{"", "Ux", "t1", "X"}, {"a.b c", "uy", "", "Y"}}, []string{"+.a_b_c@0", "+t1.Ux@0"}},
		},
	} {
		inv, sequence := NewInventory(), uint64(0)
		for i, step := range steps {
			changes := inv.Compare(seen(t, step.rows...))
			if got := told(changes); !slices.Equal(got, step.want) {
				t.Errorf("%s, step %d: %q, want %q", name, i+1, got, step.want)
			}
			for _, c := range changes {
				sequence++
				inv.Stored(c, sequence)
			}
		}
	}
}

// TestAChangeThatWasNotStoredComesAgain, under the same id.
func TestAChangeThatWasNotStoredComesAgain(t *testing.T) {
	inv := NewInventory()
	store(inv, inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A"})))
	look := func() schema.FleetChange {
		changes := inv.Compare(seen(t, [4]string{"1", "ua", "t1", "B"}))
		if len(changes) != 1 {
			t.Fatalf("%q", told(changes))
		}
		return changes[0].Event()
	}
	first, again := look(), look()
	if first.ID() != again.ID() || first.Before != 1 {
		t.Errorf("%s, then %s", first.ID(), again.ID())
	}
	if err := inv.Load(again.AppendData(nil), 9); err != nil { // somebody else has stored it
		t.Fatal(err)
	}
	if changes := inv.Compare(seen(t, [4]string{"1", "ua", "t1", "B"})); len(changes) > 0 {
		t.Errorf("%q", told(changes))
	}
}

func TestTimesOfContactAreNoChange(t *testing.T) {
	row := func(name, at string) string {
		return fmt.Sprintf(`{"device_uuid":"ua","serial_no":"1","battery_level_percent":%q,"last_communication_time":%q,"next_communication_time":%q,"status_time":%q,"processed_at":%q,"last_measurement_time":%q}`, name, at, at, at, at, at)
	}
	inv := NewInventory()
	first := store(inv, inv.Compare(seenJSON(t, schema.KindDeviceStatus, row("80", "2026-07-01T10:00:00Z"))))
	if changes := inv.Compare(seenJSON(t, schema.KindDeviceStatus, row("80.0", "2026-07-01T11:00:00Z"))); len(changes) > 0 {
		t.Errorf("%q", told(changes))
	}
	changes := inv.Compare(seenJSON(t, schema.KindDeviceStatus, row("79", "2026-07-01T12:00:00Z")))
	if got := told(changes); !slices.Equal(got, []string{"~.1@1 /battery_level_percent"}) || changes[0].Event().Hash == first[0].Hash {
		t.Errorf("%q", got)
	}
	for kind, s := range shapes {
		for ; s != nil; s = s.inner {
			for _, c := range s.columns {
				if want := strings.HasSuffix(c.name, "_last_modified") || slices.Contains(strings.Fields("processed_at status_time last_communication_time next_communication_time last_measurement_time last_modified_at version_timestamp"), c.name); volatile(c.name) != want {
					t.Errorf("%s: %s", kind, c.name)
				}
			}
		}
	}
}

// TestAFallbackInMidFlightIsNoChange: back and forth between the oldest and the newest route.
func TestAFallbackInMidFlightIsNoChange(t *testing.T) {
	for _, kind := range schema.FleetKinds {
		inv, all := NewInventory(), fixturesOf(t, kind)
		for range 2 { // once around, each route has been seen
			for _, f := range all {
				store(inv, inv.Compare(f.look(t)))
			}
		}
		for _, f := range all {
			if changes := inv.Compare(f.look(t)); len(changes) > 0 {
				t.Errorf("%s: %q", f.name, told(changes))
			}
		}
	}
}

// TestWhatTheStreamHasLostIsStoredAsNew, with what is known of it beside the answer, and its end as well.
func TestWhatTheStreamHasLostIsStoredAsNew(t *testing.T) {
	inv := NewInventory()
	a, b, c := [4]string{"1", "ua", "t1", "A"}, [4]string{"2", "ub", "t1", "B"}, [4]string{"3", "uc", "t1", "C"}
	first := seen(t, a, b, c)
	for _, doc := range first.things {
		doc.set("device_x", "1") // a column that the next answer does not have
	}
	store(inv, inv.Compare(first))
	if n := inv.Lost(3); n != 2 {
		t.Errorf("%d things are lost", n)
	}
	changes := inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A2"}, c))
	if got := told(changes); !slices.Equal(got, []string{"+t1.1@0"}) || !strings.Contains(string(changes[0].Event().Document), `"other":{"device_x":1}`) {
		t.Errorf("%q, %s", got, changes[0].Event().Document)
	}
	if err := inv.Load((&schema.FleetChange{Kind: schema.KindDevice, Key: "1", Tenant: "t1", Document: changes[0].Event().Document}).AppendData(nil), 4); err != nil {
		t.Fatal(err)
	}
	if got := told(inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A2"}, c))); !slices.Equal(got, []string{"-t1.2@0"}) {
		t.Errorf("%q", got)
	}
}

// TestALoggerThatHasLeftItsSensorToAnotherIsGoneAtOnce: a sensor of two devices would have no names until the second look.
func TestALoggerThatHasLeftItsSensorToAnotherIsGoneAtOnce(t *testing.T) {
	row := func(device, sensor string) string {
		return fmt.Sprintf(`{"device_uuid":%q,"device_display_name":%q,"sensor_uuid":%q,"channel_no":1}`, device, device, sensor)
	}
	inv := NewInventory()
	store(inv, inv.Compare(seenJSON(t, schema.KindDevice, row("ua", "s1"), row("ua", "s2"), row("uc", "s3"))))
	for _, step := range []struct{ rows, want []string }{
		{[]string{row("ub", "s1"), row("uc", "s3")}, []string{"+.ub@0"}}, // s2 may be anywhere
		{[]string{row("ub", "s1"), row("ub", "s2"), row("uc", "s3")}, []string{"-.ua@1", "~.ub@1 /sensors"}},
		{[]string{row("ub", "s1"), row("ub", "s2"), row("ud", "s3")}, []string{"-.uc@2", "+.ud@0"}},
		{[]string{row("ub", "s1"), row("ub", "s2")}, nil},
	} {
		changes := inv.Compare(seenJSON(t, schema.KindDevice, step.rows...))
		if got := told(changes); !slices.Equal(got, step.want) {
			t.Errorf("%q, want %q", got, step.want)
		}
		store(inv, changes)
	}
	if place := inv.Directory().Channel([]byte("s3"), []byte("1")); place == nil || !strings.Contains(place.Names(), `"device":"ud"`) {
		t.Errorf("s3 is at %s", place.Names())
	}
}

func TestARowThatIsNotUnderstoodShowsAndRemovesNothing(t *testing.T) {
	inv := NewInventory()
	store(inv, inv.Compare(seen(t, [4]string{"1", "ua", "t1", "A"}, [4]string{"2", "ub", "t1", "B"})))
	w := NewWalker(rowsOf{saveris.DeviceProperties: {`{"device_uuid":"ua","device_serial_no":"1","tenant_uuid":"t1","device_display_name":"A2","sensor_uuid":"sua","channel_no":1}`, `{"device_display_name":"B","tenant_uuid":"t1"}`, `5`}}, inv)
	for range 3 {
		k := w.kind(t.Context(), schema.KindDevice)
		if !errors.Is(k.Err, saveris.ErrNotUnderstood) || !strings.Contains(k.Err.Error(), "2 of 3") || k.Things != 1 {
			t.Fatalf("%d things, %v", k.Things, k.Err)
		}
		if got := told(inv.Compare(k)); !slices.Equal(got, []string{"~t1.1@1 /device_display_name"}) {
			t.Errorf("%q", got)
		}
	}
}

func TestAKindThatIsRefusedStopsNoOther(t *testing.T) {
	inv, kinds, got := NewInventory(), 0, []string(nil)
	w := NewWalker(rowsOf{saveris.DeviceProperties: {`{"device_uuid":"ua"}`}, saveris.Tenants: {}}, inv)
	err := w.Look(t.Context(), func(k Look) error {
		refused := k.Kind != schema.KindDevice && k.Kind != schema.KindTenant
		if errors.Is(k.Err, saveris.ErrForbidden) != refused || !refused && k.Err != nil {
			t.Errorf("%s: %v", k.Kind, k.Err)
		}
		kinds++
		got = append(got, told(inv.Compare(k))...)
		return nil
	})
	if err != nil || kinds != len(schema.FleetKinds) || !slices.Equal(got, []string{"+.ua@0"}) {
		t.Errorf("%d kinds, %q (%v)", kinds, got, err)
	}
}

func TestTheDocumentOfAStoredChangeIsReadAgain(t *testing.T) {
	for _, kind := range schema.FleetKinds {
		doc := golden(t, kind)
		o, err := pools{}.parseObject(shapes[kind], doc)
		if err != nil || string(o.appendJSON(nil, false)) != string(doc) || !json.Valid(o.appendJSON(nil, true)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	inv := NewInventory()
	for _, bad := range []string{``, `{}`, `{"kind":"device","key":"1"}`, `{"kind":"device","key":"1","document":{"sensors":[1]}}`, `{"kind":"device","key":"1","document":{"sensors":[]}}{}`, `{"kind":"device","key":"1","document":{"sensors":[]}`, `{"kind":"ship","key":"1","document":{}}`, `{"kind":"device","key":"","document":{"sensors":[]}}`} {
		if err := inv.Load([]byte(bad), 1); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if n := inv.Len(schema.KindDevice); n != 0 {
		t.Errorf("%d devices", n)
	}
}

// TestTheOrderOfRowsDoesNotMatter, not even where they contradict each other.
func TestTheOrderOfRowsDoesNotMatter(t *testing.T) {
	rows := []string{
		`{"device_uuid":"ua","device_display_name":"old","device_last_modified":"2026-07-01T10:00:00Z","sensor_uuid":"s","channel_no":10}`,
		`{"device_uuid":"ua","device_display_name":"new","device_last_modified":"2026-07-02T10:00:00Z","sensor_uuid":"s","channel_no":2}`,
		`{"device_uuid":"ua","device_display_name":"low","device_last_modified":"2026-07-02T10:00:00Z","sensor_uuid":"r","channel_no":1}`,
		`{"device_uuid":"ua","device_display_name":"new","device_last_modified":"2026-07-02T10:00:00Z","sensor_uuid":"r","channel_no":3,"channel_attenuation":"x"}`,
	}
	want := ""
	for range 4 {
		rows = append(rows[1:], rows[0])
		doc := string(seenJSON(t, schema.KindDevice, rows...).things[0].appendJSON(nil, false))
		if want == "" {
			want = doc
		}
		if doc != want || !strings.Contains(doc, `"new"`) || strings.Index(doc, `"channel_no":2`) > strings.Index(doc, `"channel_no":10`) || !strings.Contains(doc, `"other":{"channel_attenuation":"x"}`) {
			t.Errorf("%s\nwant\n%s", doc, want)
		}
	}
}

// TestAnEmptyAnswerAfterAFullOneIsConfirmed, also right after a start: what is known comes from the stream.
func TestAnEmptyAnswerAfterAFullOneIsConfirmed(t *testing.T) {
	tenant := `{"tenant_uuid":"t1","organisation_name":"Restaurant"}`
	known := NewInventory()
	event := store(known, known.Compare(seenJSON(t, schema.KindTenant, tenant)))[0]
	v := &fixedVendor{gets: map[string]string{"/v3/tenants-sync": `{"tenants":[]}`}, files: map[string]string{"/v3/tenants": tenant}}
	client := v.start(t)
	for file, want := range map[string][]string{tenant: nil, "": {"-t1.t1@7"}} {
		v.mu.Lock()
		v.files["/v3/tenants"] = file
		v.mu.Unlock()
		inv := NewInventory()
		if err := inv.Load(event.AppendData(nil), 7); err != nil {
			t.Fatal(err)
		}
		var got []string
		for range looksUntilGone {
			k := NewWalker(client, inv).kind(t.Context(), schema.KindTenant)
			if k.Err != nil || k.Route != saveris.RouteExport {
				t.Errorf("by %s (%v)", k.Route, k.Err)
			}
			got = told(inv.Compare(k))
		}
		if !slices.Equal(got, want) {
			t.Errorf("the export has %q: %q, want %q", file, got, want)
		}
	}
}

// TestAColumnThatNobodyKnowsStandsWhereItsNameBelongs, by either route.
func TestAColumnThatNobodyKnowsStandsWhereItsNameBelongs(t *testing.T) {
	const flat = `{"device_uuid":"d","device_colour":"red","sensor_uuid":"s","sensor_weight":1.50,"channel_no":1,"channel_x":[1, 2],"colour":null,"signal":true}`
	const nested = `{"device_uuid":"d","device_colour":"red","sensors":[{"sensor_uuid":"s","sensor_weight":1.50,"channels":[{"channel_no":"1","channel_x":[1, 2],"signal":true}]}]}`
	a, b := seenJSON(t, schema.KindDevice, flat), seenJSON(t, schema.KindDevice, nested)
	doc := string(a.things[0].appendJSON(nil, false))
	if other := string(b.things[0].appendJSON(nil, false)); doc != other {
		t.Errorf("flat\n%s\nnested\n%s", doc, other)
	}
	for _, want := range []string{`"other":{"device_colour":"red"}`, `"other":{"sensor_weight":1.50}`, `"other":{"channel_x":[1,2],"signal":true}`} {
		if !strings.Contains(doc, want) {
			t.Errorf("%s is not in %s", want, doc)
		}
	}
	inv := NewInventory()
	store(inv, inv.Compare(a))
	if changes := inv.Compare(seenJSON(t, schema.KindDevice, `{"device_uuid":"d","sensor_uuid":"s","channel_no":1}`)); len(changes) > 0 {
		t.Errorf("columns that no row has any more: %q", told(changes))
	}
	if changes := inv.Compare(seenJSON(t, schema.KindDevice, strings.Replace(flat, `"red"`, `null`, 1))); !slices.Equal(told(changes), []string{"~.d@1 /other/device_colour"}) {
		t.Errorf("a value that is gone: %q", told(changes))
	}
	if doc := seenJSON(t, schema.KindEquipment, `{"equipment_uuid":"e","equipment_parts_x":1,"equipment_x":2,"x":3}`).things[0]; len(doc.other) != 3 {
		t.Errorf("an equipment without parts has %s", doc.appendJSON(nil, false))
	}
}

// TestAnAnswerMayMixFlatRowsWithOthers.
func TestAnAnswerMayMixFlatRowsWithOthers(t *testing.T) {
	const nested = `{"device_uuid":"d1","equipment_uuid":"e","sensors":[{"sensor_uuid":"s1","equipment_uuid":"e1","channels":[{"channel_no":"1","equipment_parts_uuid":"p"}]}]}`
	const flat = `{"device_uuid":"d2","equipment_uuid":"e","sensor_uuid":"s2","channel_no":1,"equipment_parts_uuid":"p"}`
	for _, rows := range [][]string{{nested, flat, nested}, {flat, nested, flat}} {
		for _, doc := range seenJSON(t, schema.KindDevice, rows...).things {
			if doc.get("equipment_uuid") != "e" || len(doc.inner) != 1 || len(doc.inner[0].inner) != 1 || doc.inner[0].inner[0].get("equipment_parts_uuid") != "p" {
				t.Errorf("%s", doc.appendJSON(nil, false))
			}
		}
	}
}

package status_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// TestStatusShowsTheFleet: how much there is, which batteries are low, what has become of things, and whose readings are nobody's any
// more. Names come first, also those of silent channels.
func TestStatusShowsTheFleet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	noon := today.Add(12 * time.Hour)
	changes, silences := publish.NewChanges(s.js, s.config), publish.NewSilences(s.js, s.config)
	if err := changes.Load(t.Context(), func(schema.StoredFleetChange, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	sequences := map[string]uint64{}
	store := func(minute int, kind schema.FleetKind, key, document string, removed bool, changed ...string) {
		t.Helper()
		c := schema.FleetChange{Kind: kind, Key: key, Document: []byte(document), Changed: changed, Removed: removed, LookedAt: noon.Add(time.Duration(minute) * time.Minute), Before: sequences[key+string(kind)]}
		if err := changes.Store(t.Context(), []schema.FleetChange{c}, func(_ int, sequence uint64) { sequences[key+string(kind)] = sequence }); err != nil {
			t.Fatal(err)
		}
	}
	device := func(serial, name, sensor string) string {
		return `{"device_serial_no":"` + serial + `","device_display_name":"` + name + `","customer_site":"s1","sensors":[{"sensor_serial_no":"` + sensor + `","sensor_uuid":"u` + sensor + `","channels":[{"channel_no":1},{"channel_no":2}]}]}`
	}
	battery := func(serial, level string) string {
		return `{"serial_no":"` + serial + `","battery_level_percent":` + level + `}`
	}
	store(0, schema.KindDevice, "1", device("1", "Fridge", "7"), false)
	store(0, schema.KindDevice, "2", device("2", "Freezer", "8"), false)
	store(0, schema.KindDevice, "3", device("3", "Old one", "9"), false)
	store(0, schema.KindDevice, "4", strings.Replace(device("4", "Spare", "6"), "{", `{"device_is_active":false,`, 1), false)
	store(0, schema.KindLocation, "s1", `{"location_uuid":"s1","name":"Harbour"}`, false)
	store(0, schema.KindDeviceStatus, "2", battery("2", "12"), false)
	store(0, schema.KindDeviceStatus, "1", battery("1", "21"), false)
	store(1, schema.KindDevice, "1", device("1", "Bar", "7"), false, "/device_display_name")
	store(2, schema.KindDevice, "3", device("3", "Old one", "9"), true)
	seed.Store(t, s.js, schema.Readings, seed.FirstHour(), seed.Reading("r1", "7", "1"), seed.Reading("r2", "9", "2"),
		seed.Event(schema.Readings, "uuid", "r0", "timestamp", seed.FirstHour().From.Add(-time.Minute).Format(time.RFC3339), "serial_no", "7", "customer_site", "before", "physical_extension", "Air Temperature"))
	silent := silenceOf("8", true)
	silent.Sensor, silent.Names = "U8", `{"site":"Harbour","equipment":"Fridge 1","part":"Inside"}`
	gone, off := silenceOf("9", true), silenceOf("6", true)
	gone.Sensor, off.Sensor = "u9", "u6"
	if err := silences.Store(t.Context(), []schema.Silence{silent, gone, off}, func(int, uint64) {}); err != nil {
		t.Fatal(err)
	}
	now, recent, err := status.Read(t.Context(), s.js, status.Config{Names: names, Feeds: []schema.Feed{schema.Readings}, Timings: quick})
	if err != nil {
		t.Fatal(err)
	}
	if f := now.Fleet; f == nil || f.Devices != 3 || f.Channels != 6 || f.LowCount != 1 || len(f.Changes) != 4 {
		t.Fatalf("%+v", now.Fleet)
	}
	for _, one := range recent.Sensors {
		if one.Gone != (one.Serial == "9" || one.Site == "before") || one.Silent {
			t.Errorf("%s: gone %v, silent %v", one.Serial, one.Gone, one.Silent)
		}
	}
	if recent.Gone != 2 || recent.Silent != 0 {
		t.Errorf("%d are gone, %d silent", recent.Gone, recent.Silent)
	}
	if len(now.Silent) != 1 || now.Silent[0].Serial != "8" {
		t.Errorf("silent are %+v, one is gone and one switched off", now.Silent)
	}
	text, day := status.NewReport(now, recent, status.Rules{Poll: time.Minute}).Text(), today.Format(time.DateOnly)
	for _, want := range []string{
		"\nfleet\n  3 devices, 6 channels\n  battery low, 12 %: Freezer, 2, Harbour\n  " + day + " 12:02:00  device removed: Old one, 3, Harbour\n  " + day + " 12:01:00  renamed, was Fridge: Bar, 1, Harbour\n",
		"\nsilent\n  Fridge 1, Inside, 8/1, Harbour  last reading " + day + " 11:00:00, due at",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestThePageAndStatusListTheSameChanges: whoever has looked on since the beginning, and whoever looks for the first time. A move is
// not hidden by a later name, and what lies far back is listed by neither.
func TestThePageAndStatusListTheSameChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	changes, noon := publish.NewChanges(s.js, s.config), today.Add(12*time.Hour)
	if err := changes.Load(t.Context(), func(schema.StoredFleetChange, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	page, sequences := s.board(), map[string]uint64{}
	store := func(minute int, all ...schema.FleetChange) {
		t.Helper()
		for i := range all {
			c := &all[i]
			c.LookedAt, c.Before = noon.Add(time.Duration(minute)*time.Minute), sequences[string(c.Kind)+c.Key]
		}
		if err := changes.Store(t.Context(), all, func(i int, sequence uint64) { sequences[string(all[i].Kind)+all[i].Key] = sequence }); err != nil {
			t.Fatal(err)
		}
	}
	device := func(key, name, site string, changed ...string) schema.FleetChange {
		return schema.FleetChange{Kind: schema.KindDevice, Key: key, Document: []byte(`{"device_serial_no":"` + key + `","device_display_name":"` + name + `","customer_site":"` + site + `","sensors":[]}`), Changed: changed}
	}
	list := func(f *status.Fleet) (lines []string) {
		if f != nil {
			for _, c := range f.Changes {
				lines = append(lines, fmt.Sprint(c.Count, " ", c.Text, " ", c.Key, " ", c.Name, " ", c.SiteName))
			}
		}
		return lines
	}
	agree := func(want ...string) {
		t.Helper()
		now, _, err := status.Read(t.Context(), s.js, status.Config{Names: names, Timings: quick})
		if err != nil {
			t.Fatal(err)
		}
		if got := list(now.Fleet); !slices.Equal(got, want) {
			t.Errorf("status has %q, want %q", got, want)
		}
		s.await(page, "the same", func() bool { return slices.Equal(list(page.Status().Fleet), want) })
	}
	site := schema.FleetChange{Kind: schema.KindLocation, Key: "a", Document: []byte(`{"location_uuid":"a","name":"Harbour"}`)}
	store(0, site, device("1", "Fridge", "a"), device("2", "Freezer", "a"), device("3", "Room", "a"))
	agree("3 device new   ", "1 location new a Harbour ")
	store(1, device("1", "Fridge", "b", "/customer_site"))
	store(2, device("1", "Bar", "b", "/device_display_name"))
	agree("1 renamed, was Fridge 1 Bar b", "1 moved, was Harbour 1 Fridge b", "3 device new   ", "1 location new a Harbour ")
	var others, sites []schema.FleetChange
	for i := range 300 {
		others = append(others, schema.FleetChange{Kind: schema.KindSensorStatus, Key: fmt.Sprint(i), Document: []byte(`{"serial_no":"7"}`)})
	}
	store(3, others...)
	agree("1 renamed, was Fridge 1 Bar b", "1 moved, was Harbour 1 Fridge b", "3 device new   ", "1 location new a Harbour ")
	for i := range 197 {
		sites = append(sites, schema.FleetChange{Kind: schema.KindLocation, Key: fmt.Sprint(i), Document: []byte(`{}`)})
	}
	store(4, sites...)
	agree("197 location new   ", "1 renamed, was Fridge 1 Bar b", "1 moved 1 Fridge b", "1 device new 3 Room Harbour")
}

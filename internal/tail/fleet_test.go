package tail

import (
	"context"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// change is an event of the fleet.
func change(kind schema.FleetKind, key, document string, changed ...string) *schema.FleetChange {
	return &schema.FleetChange{Kind: kind, Tenant: "t", Key: key, Document: []byte(document), Changed: changed, LookedAt: noon}
}

// lineOf is the line of an event that is stored.
func lineOf(t *testing.T, l *lines, fleet *Fleet, header map[string][]string, body []byte) string {
	t.Helper()
	e, err := ParseEvent(header, body, fleet)
	if err != nil {
		t.Fatal(err)
	}
	return l.line(e)
}

// TestChangesOfTheFleetArePrintedAsPeopleReadThem: the name first, what has changed in words, the key last.
func TestChangesOfTheFleetArePrintedAsPeopleReadThem(t *testing.T) {
	device := func(name, site string) string {
		return `{"customer_site":"` + site + `","device_serial_no":"2001","device_display_name":"` + name + `","device_measuring_cycle":900000,` +
			`"sensors":[{"sensor_serial_no":"2201","sensor_display_name":"Air","channels":[{"channel_no":1},{"channel_no":2}]}]}`
	}
	battery := func(level string) string {
		return `{"serial_no":"2001","battery_level_percent":` + level + `,"radio_level_percent":71}`
	}
	removed := change(schema.KindDevice, "2001", device("Bar", "s2"))
	removed.Removed = true
	fleet, printed := NewFleet(), &lines{}
	for i, c := range []struct {
		change *schema.FleetChange
		want   string
	}{
		{change(schema.KindLocation, "s1", `{"location_uuid":"s1","name":"Harbour"}`), "12:00:00        devices                    Harbour                         location new  s1"},
		{change(schema.KindDevice, "2001", device("Fridge 1", "s1")), "12:00:00        devices  Harbour           Fridge 1                        device new  2001"},
		{change(schema.KindDeviceStatus, "2001", battery("87")), "12:00:00        devices  Harbour           Fridge 1                        device status new  2001"},
		{change(schema.KindDeviceStatus, "2001", battery("21"), "/battery_level_percent", "/radio_level_percent"), "12:00:00        devices  Harbour           Fridge 1                        battery 21 %, radio 71 %  2001"},
		{change(schema.KindDeviceStatus, "2001", battery("20"), "/battery_level_percent"), "12:00:00        devices  Harbour           Fridge 1                        battery low, 20 %  2001"},
		{change(schema.KindDeviceStatus, "2001", battery("12"), "/battery_level_percent"), "12:00:00        devices  Harbour           Fridge 1                        battery 12 %  2001"},
		{change(schema.KindDeviceStatus, "2001", battery("100"), "/battery_level_percent"), "12:00:00        devices  Harbour           Fridge 1                        battery changed, 100 %  2001"},
		{change(schema.KindDevice, "2001", device("Bar", "s1"), "/device_display_name", "/sensors/0/sensor_display_name"), "12:00:00        devices  Harbour           Bar                             renamed, was Fridge 1  2001"},
		{change(schema.KindDevice, "2001", device("Bar", "s2"), "/customer_site"), "12:00:00        devices  s2                Bar                             moved, was Harbour  2001"},
		{change(schema.KindDevice, "2001", device("Bar", "s2"), "/device_measuring_cycle", "/sensors", "/equipment_uuid"), "12:00:00        devices  s2                Bar                             measuring cycle 900000, sensors  2001"},
		{change(schema.KindDevice, "2001", `{"device_display_name":"Bar","device_is_active":false,"sensors":[{"sensor_is_active":false,"sensor_is_connected":false}]}`, "/device_is_active", "/sensors/0/sensor_is_active", "/sensors/0/sensor_is_connected"),
			"12:00:00        devices                    Bar                             switched off, sensor switched off, sensor disconnected  2001"},
		{change(schema.KindEquipment, "e", `{"equipment_title":"\u001b[31m","is_active":false}`, "/is_active"), "12:00:00        devices                    \\u001b[31m                           switched off  e"},
		{removed, "12:00:00        devices  s2                Bar                             device removed  2001"},
		{change(schema.KindTenant, "t", `{"organisation_id":"R-0815","organisation_name":"Musterstadt"}`), "12:00:00        devices                    Musterstadt                     tenant new  t"},
		{change(schema.KindTenant, "u", `{"tenant_uuid":"u","organisation_id":"R-0815","organisation_name":"Other"}`), "12:00:00        devices                    Other                           tenant new  u"},
		{change(schema.KindDevice, "2002", device("Till", "R-0815")), "12:00:00        devices  Musterstadt       Till                            device new  2002"},
		{change(schema.KindMeasuringObject, "m", `{}`, "/customer_site"), "12:00:00        devices                    measuring object                moved  m"},
	} {
		header, body := c.change.Message([...]schema.Mode{schema.Binary, schema.Structured}[i%2], "https://vendor.example", noon)
		if got := lineOf(t, printed, fleet, header, body); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// TestSilenceIsPrintedAsPeopleReadIt: of channels, by their names where they have some, and of the bridge.
func TestSilenceIsPrintedAsPeopleReadIt(t *testing.T) {
	last := noon.Add(-time.Minute)
	named := schema.Silence{Tenant: "t", Site: "s", Serial: "2201", Channel: "1", Names: `{"site":"Harbour","equipment":"Fridge 1","part":"Inside"}`, LastAt: last, DueAt: noon, Cycle: 10 * time.Second}
	resumed, never, old, bridge := named, named, named, schema.Silence{Feed: schema.Readings, LastAt: last, DueAt: noon, Cycle: 20 * time.Second}
	resumed.Resumed, resumed.At, resumed.Missing = true, noon.Add(time.Second), 5
	never.LastAt, never.Names = time.Time{}, ""
	old.LastAt, old.Resumed, old.At = last.Add(-24*time.Hour), true, noon
	for _, c := range []struct {
		silence schema.Silence
		want    string
	}{
		{named, "12:00:00        health   Harbour           Fridge 1, Inside                SILENT  no reading since 11:59:00  2201/1"},
		{resumed, "12:00:01        health   Harbour           Fridge 1, Inside                heard again  5 readings missing since 11:59:00  2201/1"},
		{never, "12:00:00        health                     2201/1                          SILENT  no reading"},
		{old, "12:00:00        health   Harbour           Fridge 1, Inside                heard again, it was silent since 2026-11-23 11:59:00  2201/1"},
		{bridge, "12:00:00        health                     bridge, readings                SILENT  no poll since 11:59:00"},
	} {
		header, body := c.silence.Message(schema.Binary, "https://vendor.example", noon)
		if got := lineOf(t, &lines{}, NewFleet(), header, body); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// TestTailFollowsTheFleetAndSilenceByName: with names that it has not seen come, and with those of the site and the serial number.
func TestTailFollowsTheFleetAndSilenceByName(t *testing.T) {
	js, _ := newBroker(t)
	changes, silences := publish.NewChanges(js, seed.Broker), publish.NewSilences(js, seed.Broker)
	store := func(events ...schema.FleetChange) {
		t.Helper()
		if err := changes.Store(t.Context(), events, func(int, uint64) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := changes.Load(t.Context(), func(schema.StoredFleetChange, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := silences.Load(t.Context(), func(schema.StoredSilence) error { return nil }); err != nil {
		t.Fatal(err)
	}
	store(*change(schema.KindDevice, "2001", `{"device_serial_no":"2001","device_display_name":"Fridge 1"}`), *change(schema.KindDevice, "2002", `{"device_serial_no":"2002","device_display_name":"Bar"}`))
	fleet := start(t, js, Config{Filter: Filter{Feeds: []string{"devices"}, Called: []string{"FRIDGE"}}})
	health := start(t, js, Config{Filter: Filter{Feeds: []string{"health", "tasks"}, Sites: []string{"harbour"}, Serials: []string{"2201"}}})
	fleet.next()
	health.next()
	bridgetest.Await(t, "two readers", func(context.Context) bool {
		return consumers(t, js, schema.Devices) > 0 && consumers(t, js, schema.Health) > 0
	})
	store(*change(schema.KindDeviceStatus, "2002", `{"serial_no":"2002","battery_level_percent":7}`), *change(schema.KindDeviceStatus, "2001", `{"serial_no":"2001","battery_level_percent":9}`))
	if line := fleet.next(); !strings.HasSuffix(line, "Fridge 1                        battery low, 9 %  2001") {
		t.Errorf("%q", line)
	}
	fleet.end()
	silent := func(site, serial string) schema.Silence {
		return schema.Silence{Tenant: "t", Site: site, Serial: serial, Channel: "1", LastAt: noon, DueAt: noon.Add(time.Minute), Cycle: time.Second}
	}
	if err := silences.Store(t.Context(), []schema.Silence{silent("bar", "2201"), silent("harbour", "7"), silent("harbour", "2201")}, func(int, uint64) {}); err != nil {
		t.Fatal(err)
	}
	if line := health.next(); !strings.Contains(line, "2201/1") {
		t.Errorf("%q", line)
	}
	health.end()
}

// TestLinesOfTheFleetHaveTheNamesOfTheirTime: not those that came later, whatever else is left out.
func TestLinesOfTheFleetHaveTheNamesOfTheirTime(t *testing.T) {
	t.Parallel()
	js, _ := newBroker(t)
	changes := publish.NewChanges(js, seed.Broker)
	if err := changes.Load(t.Context(), func(schema.StoredFleetChange, uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	device := func(name, site string) string {
		return `{"device_serial_no":"2001","device_display_name":"Logger","customer_site":"` + site + `","sensors":[{"sensor_serial_no":"2201","sensor_display_name":"` + name + `"}]}`
	}
	sequences := map[schema.FleetKind]uint64{}
	store := func(c *schema.FleetChange) {
		t.Helper()
		c.Before = sequences[c.Kind]
		if err := changes.Store(t.Context(), []schema.FleetChange{*c}, func(_ int, sequence uint64) { sequences[c.Kind] = sequence }); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-time.Hour)
	store(change(schema.KindDevice, "2001", device("Fridge", "market")))
	store(change(schema.KindSensorStatus, "2201", `{"serial_no":"2201","radio_level_percent":71}`))
	store(change(schema.KindDevice, "2001", device("Cellar", "station"), "/customer_site"))
	store(change(schema.KindSensorStatus, "2201", `{"serial_no":"2201","radio_level_percent":72}`, "/radio_level_percent"))
	run := start(t, js, Config{Filter: Filter{Feeds: []string{"devices"}, Serials: []string{"2201"}}, Since: before})
	run.next()
	for _, want := range []string{"market            Fridge", "station           Cellar"} {
		if line := run.next(); !strings.Contains(line, want) {
			t.Errorf("%q has no %q", line, want)
		}
	}
	run.end()
}

// TestReadingsAreDueOfWhatIsSwitchedOn: device and sensor, as the documents of either route of the vendor say it.
func TestReadingsAreDueOfWhatIsSwitchedOn(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"sensors":[{"sensor_uuid":"U1","channels":[{"channel_no":1},{"channel_no":2}]},{"sensor_uuid":"u2","channels":[{"channel_no":1}]}]}`: "u1/1 u1/2 u2/1",
		`{"device_is_active":false,"sensors":[{"sensor_uuid":"u1","channels":[{"channel_no":1}]}]}`:                                            "",
		`{"device_is_active":true,"sensors":[{"sensor_uuid":"u1","channels":[{"channel_no":1}],"other":{"sensor_is_active":false}}]}`:          "",
		`{"sensors":[{"sensor_uuid":"u1","channels":[{"channel_no":1}],"other":{"sensor_is_active":true}}]}`:                                   "u1/1",
	} {
		c, err := NewFleet().Take([]byte(`{"kind":"device","key":"1","document":`+document+`}`), noon)
		if got := strings.Join(c.Due, " "); err != nil || got != want {
			t.Errorf("%s: %q, want %q, %v", document, got, want, err)
		}
	}
}

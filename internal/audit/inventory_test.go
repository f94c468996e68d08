package audit_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// look is how often the fleet is looked at.
const look = time.Hour

// watched is a court with the pretend vendor, at whose fleet a bridge has looked every hour of a span.
type watched struct {
	*court
	vendor *saveristest.Server
}

func (c *court) watch(world saveristest.World, span checkpoint.Span) *watched {
	c.Helper()
	var now atomic.Int64
	vendor, err := saveristest.Start(saveristest.Config{
		World: world, Switches: saveristest.Switches{RowsLate: "off", QueryLatency: "zero"}, Now: func() time.Time { return time.Unix(now.Load(), 0) },
	})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { vendor.Close() })
	client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond, Sync: saveris.SyncAlways})
	if err != nil {
		c.Fatal(err)
	}
	changes, known := publish.NewChanges(c.js, config), fleet.NewInventory()
	walker := fleet.NewWalker(client, known)
	for at := span.From; at.Before(span.Until); at = at.Add(look) {
		now.Store(at.Unix())
		err := walker.Look(c.Context(), func(seen fleet.Look) error {
			found := known.Compare(seen)
			events := make([]schema.FleetChange, len(found))
			for i := range found {
				events[i] = found[i].Event()
			}
			return changes.Store(c.Context(), events, func(i int, sequence uint64) { known.Stored(found[i], sequence) })
		})
		if err != nil {
			c.Fatal(err)
		}
	}
	return &watched{c, vendor}
}

// inventory is what the stream says of a span.
func (c *court) inventory(span checkpoint.Span) []audit.Channel {
	c.Helper()
	stream := checkpoint.NewStream(c.js, config.Names.Stream(schema.Devices), "saveris", string(schema.Devices))
	channels, err := audit.ReadInventory(c.Context(), stream, c.stream(schema.Readings), "saveris", span, look)
	if err != nil {
		c.Fatal(err)
	}
	return channels
}

// rows stores what the vendor shows of a span, but for what drop says, and returns how many rows of each channel and day there are,
// and how many were dropped.
func (w *watched) rows(span checkpoint.Span, drop func(m saveristest.Measurement) bool) (due, dropped map[string]int) {
	w.Helper()
	events := map[string][]schema.Event{}
	due, dropped = map[string]int{}, map[string]int{}
	for m := range w.vendor.Measurements(span.From, span.Until, span.Until) {
		e := w.eventOf(m)
		due[keyOf(m)+" "+e.Day()]++
		if drop(m) {
			dropped[keyOf(m)+" "+e.Day()]++
			continue
		}
		events[e.Day()] = append(events[e.Day()], e)
	}
	for _, name := range span.Days() {
		w.store(schema.Readings, events[name]...)
	}
	w.covered(schema.Alarms, span)
	return due, dropped
}

// limits are those of a moment at the vendor's, by serial number and channel.
func (w *watched) limits(at time.Time) map[string]saveristest.Limits {
	fleet := w.vendor.Fleet(at)
	byUUID, byChannel := map[string]saveristest.Limits{}, map[string]saveristest.Limits{}
	for _, e := range fleet.Equipments {
		for _, part := range e.Parts {
			for _, l := range part.Limits {
				byUUID[l.LimitValuesUUID] = l
			}
		}
	}
	for _, d := range fleet.Devices {
		for _, s := range d.Sensors {
			for _, c := range s.Channels {
				byChannel[fmt.Sprintf("%s/%d", s.SerialNo, c.ChannelNo)] = byUUID[c.LimitValuesUUID]
			}
		}
	}
	return byChannel
}

// TestTheFleetOfTheVendorSaysWhatIsDue: devices are renamed, moved, replaced and retired, one is silent all the time, and others have
// holes. What is due of each channel and day is what the vendor has, and what is outside is outside of his limits.
func TestTheFleetOfTheVendorSaysWhatIsDue(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	span := days(-1, 4)
	w := c.watch(saveristest.World{Start: span.From, Sites: 4, Loggers: 3, ChangeEvery: 144 * time.Hour, OutageEvery: -1}, span)
	end := w.vendor.Fleet(span.Until)
	changed, kinds := map[string]bool{}, map[string]int{}
	for _, change := range w.vendor.FleetChanges(span.From, span.Until) {
		after, there := change.After.(saveristest.Device)
		changed[after.SerialNo] = true
		if d, is := change.Before.(saveristest.Device); is {
			changed[d.SerialNo] = true
			switch {
			case !there:
				kinds["retired"]++
			case after.SerialNo != d.SerialNo:
				kinds["replaced"]++
			default:
				kinds["renamed or moved"]++
			}
		}
	}
	if len(kinds) < 2 || kinds["retired"] == 0 {
		t.Fatalf("%v: this proves little", kinds)
	}
	silent := ""
	for _, d := range end.Devices {
		if !changed[d.SerialNo] {
			silent = d.Sensors[0].SerialNo
		}
	}
	limits, warning, alarm := w.limits(span.Until), map[string]float64{}, map[string]float64{}
	due, dropped := w.rows(span, func(m saveristest.Measurement) bool {
		if hour := m.Timestamp.Hour(); m.SerialNo == silent || m.ChannelNo == 2 && hour >= 3 && hour < 5 {
			return true
		}
		value, err := strconv.ParseFloat(m.Measurement, 64)
		if err != nil {
			t.Fatal(err)
		}
		l, key := limits[keyOf(m)], keyOf(m)+" "+checkpoint.DayOf(m.Timestamp)
		if value < l.LowerWarning || value > l.UpperWarning {
			warning[key] += 15
		}
		if value < l.LowerViolation || value > l.UpperViolation {
			alarm[key] += 15
		}
		return false
	})
	outside := 0.0
	got := c.read(c.audit(days(0, 3), c.inventory(days(0, 3))))
	seen := map[string]bool{}
	for _, channel := range got.Channels {
		if channel.Names["device"] == nil {
			t.Errorf("%s has no name", channel.SerialNo)
		}
		for _, d := range channel.Days {
			key := fmt.Sprintf("%s/%d %s", channel.SerialNo, channel.ChannelNo, d.Day)
			seen[key] = true
			if d.CycleFrom != "inventory" || *d.CycleSeconds != 900 || *d.Due != due[key] || *d.Missing != dropped[key] {
				t.Errorf("%s: %+v, want %d due and %d missing", key, d, due[key], dropped[key])
			}
			if l := limits[fmt.Sprintf("%s/%d", channel.SerialNo, channel.ChannelNo)]; l.Bounded && d.Stored > 0 {
				if outside += alarm[key]; d.Warning == nil || *d.Warning != warning[key] || *d.Alarm != alarm[key] {
					t.Errorf("%s: %+v, want %v and %v minutes outside", key, d, warning[key], alarm[key])
				}
			}
		}
	}
	for key := range due {
		if !strings.HasSuffix(key, checkpoint.DayOf(span.From)) && !seen[key] {
			t.Errorf("%s is not listed", key)
		}
	}
	if outside == 0 {
		t.Error("nothing is outside of alarm limits: this proves little")
	}
	if silent == "" || !seen[silent+"/1 2026-11-25"] {
		t.Errorf("the silent sensor %q is not listed", silent)
	}
}

// change stores a change of the fleet that was seen at a time, in either content mode.
func (c *court) change(at time.Time, kind schema.FleetKind, tenant string, removed bool, document string) {
	c.Helper()
	changes, before := publish.NewChanges(c.js, config), uint64(0)
	changes.Mode = [...]schema.Mode{schema.Binary, schema.Structured}[at.Hour()%2]
	change := schema.FleetChange{Kind: kind, Tenant: tenant, Key: "k", Document: []byte(document), Hash: fmt.Sprint(at.Unix()), Removed: removed, LookedAt: at}
	err := changes.Load(c.Context(), func(e schema.StoredFleetChange, sequence uint64) error {
		if e.Kind == kind && strings.Contains(string(e.Document), `"`+tenant+`"`) {
			before = sequence
		}
		return nil
	})
	if err == nil {
		change.Before = before
		err = changes.Store(c.Context(), []schema.FleetChange{change}, func(int, uint64) {})
	}
	if err != nil {
		c.Fatal(err)
	}
}

// TestLimitsNamesAndTenantsThatChangeWithinTheRange: each reading is judged by the limits of its time; the report has the newest
// name and tenant.
func TestLimitsNamesAndTenantsThatChangeWithinTheRange(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	device := func(tenant, name string) string {
		return `{"tenant_uuid":"` + tenant + `","device_uuid":"d","device_display_name":"` + name + `","device_measuring_cycle":900000,"sensors":[{"sensor_uuid":"sensor-1","sensor_serial_no":"1",` +
			`"channels":[{"channel_no":1,"channel_physical_unit":"°C","channel_physical_property_name":"Temperature","channel_physical_extension":"Air Temperature","equipment_parts_uuid":"p"}]}]}`
	}
	equipment := func(warning, alarm string) string {
		return `{"tenant_uuid":"tenant-1","equipment_uuid":"e","equipment_parts":[{"equipment_parts_uuid":"p","alarm_configurations":[{"display_unit":"celsius","upper_warning":` + warning + `,"upper_violation":` + alarm + `}]}]}`
	}
	noon := midnight.Add(12 * time.Hour)
	for i, change := range []func(at time.Time){
		func(at time.Time) { c.change(at, schema.KindEquipment, "tenant-1", false, equipment("4", "6")) }, // midnight
		func(at time.Time) { c.change(at, schema.KindDevice, "tenant-1", false, device("tenant-1", "Fridge")) },
		func(at time.Time) { c.change(at, schema.KindDevice, "tenant-1", false, device("tenant-1", "Freezer")) },
		func(at time.Time) { c.change(at, schema.KindEquipment, "tenant-1", false, equipment("6", "7")) }, // three hours later
		func(at time.Time) { c.change(at, schema.KindEquipment, "tenant-1", false, equipment("4", "null")) },
		func(at time.Time) {
			c.change(at, schema.KindDevice, "tenant-1", true, device("tenant-1", "Freezer"))
			c.change(at, schema.KindDevice, "tenant-2", false, device("tenant-2", "Freezer"))
		},
		func(at time.Time) {
			c.change(noon.Add(24*time.Hour), schema.KindDevice, "tenant-2", false, device("tenant-2", "Later"))
		},
	} {
		change(midnight.Add(time.Duration(i/2*3) * time.Hour))
	}
	c.steady("1", 0, "5")
	c.covered(schema.Alarms, days(0, 1))
	got := c.read(c.audit(days(0, 1), c.inventory(days(0, 1))))
	d := got.of("1/1")["2026-11-23"]
	if len(got.Channels) != 1 || got.Channels[0].Names["device"] == nil || *got.Channels[0].Names["device"] != "Freezer" {
		t.Fatalf("%+v", got.Channels)
	}
	if d.Warning == nil || *d.Warning != 21*60 || *d.Alarm != 0 || *d.Due != 96 || *d.Missing != 0 || d.CycleFrom != "inventory" {
		t.Errorf("%+v", d)
	}
}

// TestBeforeTheFirstLookNothingIsKnown: cycles come from readings, and no limit is known, until the inventory knows better.
func TestBeforeTheFirstLookNothingIsKnown(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.steady("1", -1, "5")
	c.steady("1", 0, "5", 20, 80)
	c.steady("1", 1, "5")
	c.covered(schema.Alarms, days(0, 2))
	if _, err := c.js.Publish(t.Context(), "saveris-ingest.devices.device.tenant-1.k", []byte("somebody else's")); err != nil {
		t.Fatal(err)
	}
	c.change(midnight.Add(36*time.Hour), schema.KindDevice, "tenant-1", false,
		`{"tenant_uuid":"tenant-1","device_uuid":"d","device_display_name":"Fridge","device_measuring_cycle":450000,"sensors":[{"sensor_uuid":"sensor-1","sensor_serial_no":"1","channels":[{"channel_no":1}]},{"sensor_uuid":"sensor-2","channels":[{"channel_no":1}]}]}`)
	got := c.read(c.audit(days(0, 2), c.inventory(days(0, 2))))
	first, second := got.of("1/1")["2026-11-23"], got.of("1/1")["2026-11-24"]
	if first.CycleFrom != "readings" || *first.CycleSeconds != 900 || *first.Due != 96 || *first.Missing != 2 || first.Warning != nil {
		t.Errorf("before: %+v", first)
	}
	if second.CycleFrom != "inventory" || *second.CycleSeconds != 450 || second.Stored != 96 || *second.Due != 48+96 || *second.Missing != 48 {
		t.Errorf("behind: %+v", second)
	}
	for n, until := range []int{1, 2} { // before the first look, and behind it
		got := c.read(c.audit(days(0, 1+n), c.inventory(days(0, 1+n))))
		if name := got.Channels[0].Names["device"]; len(got.Channels) != 1+n || name == nil || *name != "Fridge" {
			t.Errorf("until day %d: %+v", until, got.Channels)
		}
	}
	if d := got.of("sensor-2/1"); len(d) != 1 || *d["2026-11-24"].Due != 96 || *d["2026-11-24"].Missing != 96 {
		t.Errorf("never heard: %+v", d)
	}
}

// TestALongerCycleCountsFromBeforeTheLookThatHasFoundIt: so does that a channel is off; a shorter cycle does not.
func TestALongerCycleCountsFromBeforeTheLookThatHasFoundIt(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	device := func(cycle string) string {
		return `{"tenant_uuid":"tenant-1","device_uuid":"d","device_measuring_cycle":` + cycle + `,"sensors":[{"sensor_uuid":"sensor-1","sensor_serial_no":"1","channels":[{"channel_no":1}]}]}`
	}
	at := func(minutes int) time.Time { return midnight.Add(time.Duration(minutes) * time.Minute) }
	var events []schema.Event
	distance := 15
	for minute := 0; minute < 20*60; minute += distance {
		events = append(events, c.reading("1", at(minute), "5"))
		switch minute {
		case 5 * 60:
			distance = 30
		case 12 * 60:
			distance = 15
		}
	}
	c.store(schema.Readings, events...)
	c.covered(schema.Alarms, days(0, 1))
	c.change(at(0), schema.KindDevice, "tenant-1", false, device("900000"))
	c.change(at(6*60), schema.KindDevice, "tenant-1", false, device("1800000")) // it is since 05:00
	c.change(at(12*60), schema.KindDevice, "tenant-1", false, device("900000")) // shorter again
	c.change(at(21*60), schema.KindDevice, "tenant-1", true, device("900000"))  // gone since 20:00
	d := c.read(c.audit(days(0, 1), c.inventory(days(0, 1)))).of("1/1")["2026-11-23"]
	if d.Missing == nil || *d.Missing != 0 || *d.Due != len(events) {
		t.Errorf("%d readings, %+v: %d due, %d missing", len(events), d, *d.Due, *d.Missing)
	}
}

// TestWhatWasGoneBeforeTheFirstLookIsDueUntilItsLastReading: in a tenant that was looked at. What comes later goes on.
func TestWhatWasGoneBeforeTheFirstLookIsDueUntilItsLastReading(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	var events []schema.Event
	for i := range 96 {
		at := midnight.Add(time.Duration(i) * 15 * time.Minute)
		if i < 40 && i != 20 {
			other := c.event(schema.Readings, "uuid", at.Format("20060102T150405"), "sensor_uuid", "o", "channel_no", "1", "serial_no", "other", "tenant_uuid", "tenant-2", "timestamp", at.Format(time.RFC3339), "measurement", "5")
			events = append(events, c.reading("gone", at, "5"), other)
		}
		if i < 40 || i > 60 && i < 70 {
			events = append(events, c.reading("heard", at, "5"))
		}
	}
	c.store(schema.Readings, events...)
	c.covered(schema.Readings, days(1, 1))
	c.covered(schema.Alarms, days(0, 2))
	c.change(midnight.Add(15*time.Hour), schema.KindDevice, "tenant-1", false,
		`{"tenant_uuid":"tenant-1","device_uuid":"d","device_measuring_cycle":900000,"sensors":[{"sensor_uuid":"sensor-1","sensor_serial_no":"1","channels":[{"channel_no":1}]}]}`)
	got := c.read(c.audit(days(0, 2), c.inventory(days(0, 2))))
	for serial, want := range map[string][]int{"gone": {40, 1}, "other": {96, 57, 96, 96}, "heard": {96, 47, 96, 96}} {
		is, byDay := []int{}, got.of(serial+"/1")
		for day := range 2 {
			if d, some := byDay[checkpoint.DayOf(midnight.AddDate(0, 0, day))]; some {
				is = append(is, *d.Due, *d.Missing)
			}
		}
		if !slices.Equal(is, want) {
			t.Errorf("%s: due and missing are %v, want %v", serial, is, want)
		}
	}
}

// TestReadingsWithoutAChannelAreOfTheOneOfTheirQuantity: measurements v1, which the bridge falls back to, have no number of one.
func TestReadingsWithoutAChannelAreOfTheOneOfTheirQuantity(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	var events []schema.Event
	for i := range 96 {
		at := midnight.Add(time.Duration(i) * 15 * time.Minute)
		stamp := at.Format(time.RFC3339)
		row := func(channel, property, unit, extension, value string) schema.Event {
			columns := []string{
				"uuid", property + channel + stamp, "sensor_uuid", "sensor-1", "sensor_serial_no", "1", "tenant_uuid", "tenant-1", "timestamp", stamp, "measurement_value", value,
				"physical_property_name", property, "physical_unit", unit, "physical_extension", extension,
			}
			if i < 48 { // measurements v2 have one
				columns = append(columns, "channel_no", channel)
			}
			return c.event(schema.Readings, columns...)
		}
		events = append(events, row("1", "Temperature", "°C", "Air Temperature", "5"))
		if i != 70 {
			events = append(events, row("2", "Humidity", "%", "Relative Humidity", "60"))
		}
	}
	c.store(schema.Readings, events...)
	c.covered(schema.Alarms, days(0, 1))
	c.change(midnight.Add(-25*time.Hour), schema.KindDevice, "tenant-1", false, `{"tenant_uuid":"tenant-1","device_uuid":"d","device_measuring_cycle":900000,"sensors":[{"sensor_uuid":"sensor-1","sensor_serial_no":"1","channels":[`+
		`{"channel_no":1,"channel_physical_unit":"°C","channel_physical_property_name":"Temperature","channel_physical_extension":"Air Temperature"},`+
		`{"channel_no":2,"channel_physical_unit":"%","channel_physical_property_name":"Humidity","channel_physical_extension":"Relative Humidity"}]}]}`)
	got := c.read(c.audit(days(0, 1), c.inventory(days(0, 1))))
	one, two := got.of("1/1")["2026-11-23"], got.of("1/2")["2026-11-23"]
	if len(got.Channels) != 2 || *one.Missing != 0 || one.Stored != 96 || *one.Max != 5 || *two.Missing != 1 || two.Stored != 95 || *two.Min != 60 {
		t.Errorf("%+v", got.Channels)
	}
}

// TestASensorWhoseSerialNumberTheFleetLacksIsKnownByItsUUID: any column of the vendor's may be missing.
func TestASensorWhoseSerialNumberTheFleetLacksIsKnownByItsUUID(t *testing.T) {
	t.Parallel()
	for _, first := range []int{-25, 12} { // hours: when the fleet was looked at first
		c := newCourt(t)
		c.steady("1", -1, "5")
		c.steady("1", 0, "5", 20)
		c.covered(schema.Alarms, days(0, 1))
		c.change(midnight.Add(time.Duration(first)*time.Hour), schema.KindDevice, "tenant-1", false,
			`{"tenant_uuid":"tenant-1","device_uuid":"d","device_measuring_cycle":900000,"sensors":[{"sensor_uuid":"sensor-1","channels":[{"channel_no":1}]}]}`)
		got := c.read(c.audit(days(0, 1), c.inventory(days(0, 1))))
		if d := got.of("1/1")["2026-11-23"]; len(got.Channels) != 1 || d.Missing == nil || *d.Missing != 1 || d.Stored != 95 || d.CycleFrom != "inventory" {
			t.Errorf("first look at %d: %+v", first, got.Channels)
		}
	}
}

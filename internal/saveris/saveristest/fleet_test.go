package saveristest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheFleetIsThatOfTheRows: every row of measurements and every alarm is of a device, a channel, a site and a tenant that
// exist at its time, under the same names.
func TestTheFleetIsThatOfTheRows(t *testing.T) {
	s := startWith(t, "world.tenants=2", "world.channels=5", "world.change_every=24h", "world.alarm_every=6h")
	channels := func(at time.Time) map[Measurement]bool {
		known := map[Measurement]bool{}
		for _, d := range s.Fleet(at).Devices {
			for _, c := range d.Sensors[0].Channels {
				known[Measurement{
					SensorUUID: d.Sensors[0].SensorUUID, SerialNo: d.Sensors[0].SerialNo, ModelCode: d.Sensors[0].ModelCode, DeviceUUID: d.DeviceUUID,
					DeviceSerialNo: d.SerialNo, TenantUUID: d.TenantUUID, CustomerSite: d.CustomerSite, ChannelNo: c.ChannelNo, ChannelID: c.ChannelID,
					PhysicalPropertyName: c.PropertyName, PhysicalExtension: c.Extension, PhysicalUnit: c.Unit,
				}] = d.IsActive
			}
		}
		return known
	}
	rows := 0
	for at := noon.Add(-5 * day); at.Before(noon); at = at.Add(3*time.Hour + 7*time.Minute) {
		for m := range s.Measurements(at, at.Add(15*time.Minute), noon.Add(30*day)) {
			known := channels(m.Timestamp)
			m.UUID, m.Measurement, m.TimestampLocal, m.Timestamp, m.ProcessedAt, m.VisibleAt = "", "", "", time.Time{}, time.Time{}, time.Time{}
			if rows++; !known[m] {
				t.Fatalf("no active channel for %+v", m)
			}
		}
	}
	if rows < 1000 {
		t.Errorf("%d rows", rows)
	}
	for a := range s.Alarms(noon.Add(-2*day), noon, noon.Add(30*day)) {
		f := s.Fleet(a.AlarmTime.Add(-time.Second))
		if !slices.ContainsFunc(f.Devices, func(d Device) bool {
			return a.TenantUUID == d.TenantUUID && (a.AlarmType == typeDevice && a.AlarmSourceUUID == d.DeviceUUID && a.SerialNo == d.SerialNo ||
				a.AlarmType != typeDevice && a.AlarmSourceUUID == d.Sensors[0].SensorUUID && a.SerialNo == d.Sensors[0].SerialNo)
		}) {
			t.Errorf("no device for %+v", a)
		}
	}
}

// TestTheFleetHoldsTogether: whatever one thing says of another exists, and no uuid and no serial number is twice.
func TestTheFleetHoldsTogether(t *testing.T) {
	s := startWith(t, "world.tenants=3", "world.sites=9", "world.channels=6", "world.change_every=48h")
	f := s.Fleet(noon)
	seen := map[string]bool{}
	once := func(kind, id string) {
		if t.Helper(); id == "" || seen[kind+id] {
			t.Errorf("%s %q twice, or empty", kind, id)
		}
		seen[kind+id] = true
	}
	exists := func(kind, id string) {
		if t.Helper(); !seen[kind+id] {
			t.Errorf("%s %q does not exist", kind, id)
		}
	}
	for _, x := range f.Tenants {
		if once("tenant", x.TenantUUID); x.ParentUUID != "" {
			exists("tenant", x.ParentUUID)
		}
	}
	for _, x := range f.Locations {
		exists("tenant", x.TenantUUID)
		if once("location", x.LocationUUID); x.ParentUUID != "" {
			exists("location", x.ParentUUID)
		}
	}
	for _, x := range f.Equipments {
		exists("tenant", x.TenantUUID)
		once("equipment", x.EquipmentUUID)
		for _, p := range x.Parts {
			once("part", p.EquipmentPartsUUID)
			for _, l := range p.Limits {
				once("limits", l.LimitValuesUUID)
			}
		}
	}
	limited := 0
	for _, x := range f.Devices {
		exists("tenant", x.TenantUUID)
		exists("location", x.CustomerSite)
		exists("equipment", x.EquipmentUUID)
		once("device", x.DeviceUUID)
		once("serial", x.SerialNo)
		once("sensor", x.Sensors[0].SensorUUID)
		once("serial", x.Sensors[0].SerialNo)
		for _, c := range x.Sensors[0].Channels {
			once("channel", time.UnixMilli(c.ChannelID).String())
			if c.LimitValuesUUID != "" {
				limited++
				exists("limits", c.LimitValuesUUID)
				exists("part", c.EquipmentPartsUUID)
			}
		}
	}
	for _, x := range f.MeasuringObjects {
		once("mo", x.MeasuringObjectUUID)
		exists("part", x.EquipmentPartsUUID)
		if x.Limits.LowerViolation >= x.Limits.LowerWarning || x.Limits.UpperWarning >= x.Limits.UpperViolation {
			t.Errorf("limits %+v", x.Limits)
		}
	}
	if len(f.Devices) != len(f.DeviceStatuses) || len(f.Devices) != len(f.SensorStatuses) || len(f.Devices) < 60 || limited < 300 || len(f.Equipments) != 81 {
		t.Errorf("%d devices, %d limited channels, %d equipments", len(f.Devices), limited, len(f.Equipments))
	}
}

// TestChangesLeadFromOneFleetToTheNext: whoever applies the list to an earlier fleet has the later one, at any moment.
func TestChangesLeadFromOneFleetToTheNext(t *testing.T) {
	s := startWith(t, "world.change_every=6h", "world.battery_every=24h", "world.alarm_every=8h", "world.outage_every=48h", "world.outage_max=6h", "world.comm_cycle=1h")
	things := func(at time.Time) map[string]any {
		all, sc := map[string]any{}, s.scene()
		for _, l := range sc.loggers {
			maps.Copy(all, sc.things(l, at.Unix()))
		}
		return all
	}
	from := noon.Add(-3 * day)
	have, changes, kinds := things(from), s.FleetChanges(from, noon), map[string]int{}
	for at := from; !at.After(noon); at = at.Add(61 * time.Second) {
		for len(changes) > 0 && !changes[0].At.After(at) {
			c := changes[0]
			changes = changes[1:]
			word := " changed"
			switch id := c.Kind + c.UUID; {
			case c.After == nil:
				word = " removed"
				delete(have, id)
			default:
				if c.Before == nil {
					word = " new"
				}
				have[id] = c.After
			}
			kinds[c.Kind+word]++
		}
		if want := things(at); len(differences(have, want)) > 0 {
			t.Fatalf("at %s the list has led to something else", at)
		}
	}
	for _, want := range []string{"device changed", "device removed", "device new", "device_status changed", "sensor_status changed", "equipment changed", "measuring_object changed"} {
		if kinds[want] == 0 {
			t.Errorf("no %s in three days: %v", want, kinds)
		}
	}
}

// TestBatteriesRunDown: levels fall to their alarm, and are full again when it ends.
func TestBatteriesRunDown(t *testing.T) {
	s := startWith(t, "world.battery_every=48h", "rows.late=off", "world.start=2026-11-01T00:00:00Z")
	levels := map[string]int{}
	for _, l := range s.loggers {
		levels[l.deviceUUID] = 101
	}
	low := func(device string, at time.Time) bool {
		return slices.ContainsFunc(s.OpenAlarms(at), func(a Alarm) bool {
			return a.AlarmConditionType == batteryEmpty.condition && a.AlarmSourceUUID == device
		})
	}
	changed, alarmed := 0, 0
	for at := noon.Add(-10 * day); at.Before(noon); at = at.Add(2 * time.Hour) {
		for _, x := range s.Fleet(at).DeviceStatuses {
			alarm := low(x.DeviceUUID, x.LastCommunication)
			if x.BatteryLevel > batteryFull || x.BatteryLevel < batterySpent || (x.BatteryLevel <= batteryLow) != alarm {
				t.Fatalf("%s: %d %%, alarm %v", at, x.BatteryLevel, alarm)
			}
			if x.BatteryLevel > levels[x.DeviceUUID] {
				changed++
			}
			if levels[x.DeviceUUID] = x.BatteryLevel; alarm {
				alarmed++
			}
		}
	}
	if changed < 5 || alarmed < 20 {
		t.Errorf("%d batteries were changed, %d looks at an alarm", changed, alarmed)
	}
}

// TestASilentDeviceIsSeenInItsStatus: the last contact stands still during an outage, and is not before what was measured.
func TestASilentDeviceIsSeenInItsStatus(t *testing.T) {
	s := startWith(t, "world.outage_every=48h", "world.outage_max=12h")
	jumps := 0
	last := map[string]time.Time{}
	for at := noon.Add(-8 * day); at.Before(noon); at = at.Add(10 * time.Minute) {
		for _, x := range s.Fleet(at).DeviceStatuses {
			if x.LastCommunication.Before(last[x.DeviceUUID]) || x.LastCommunication.After(at) || x.ProcessedAt.After(at) {
				t.Fatalf("at %s: %+v, before %s", at, x, last[x.DeviceUUID])
			}
			if before := last[x.DeviceUUID]; !before.IsZero() && x.LastCommunication.Sub(before) > time.Hour {
				jumps++
			}
			last[x.DeviceUUID] = x.LastCommunication
		}
	}
	if jumps == 0 {
		t.Error("no outage")
	}
	sc := s.scene()
	for _, l := range s.loggers {
		_, end := s.cfg.World.outage(l, noon.Unix())
		if at := end + sc.statusDelay(l); end > 0 && sc.contact(l, at) != end {
			t.Errorf("%s called at %d, its outage ended at %d", l.deviceSerial, sc.contact(l, at), end)
		}
	}
}

func TestTheSameSeedIsTheSameFleet(t *testing.T) {
	a, b := startWith(t, "world.change_every=24h"), startWith(t, "world.change_every=24h")
	b.advance(9 * day)
	if x, y := toJSON(a.Fleet(noon)), toJSON(b.Fleet(noon)); string(x) != string(y) {
		t.Error("two fleets")
	}
	if strings.Contains(string(toJSON(startWith(t).Fleet(noon))), "0001-01-01") {
		t.Error("a moment is missing")
	}
	if f := startWith(t, "world.empty=true").Fleet(noon); len(f.Tenants)+len(f.Devices)+len(f.Equipments)+len(f.Locations) > 0 {
		t.Errorf("an empty world has %+v", f)
	}
}

// TestTwoMinutesCanShowEverything: a demo asks for it with a short cycle and short times between changes.
func TestTwoMinutesCanShowEverything(t *testing.T) {
	s := startWith(t, "world.cycle=10s", "world.change_every=1m", "world.battery_every=1m", "world.alarm_every=1m", "world.task_every=40s",
		"world.outage_every=2m", "world.outage_max=1m", "world.start=2026-11-23T11:00:00Z")
	from := noon.Add(-2 * time.Minute)
	seen := map[string]bool{}
	for _, c := range s.FleetChanges(from, noon) {
		switch before := c.Before.(type) {
		case nil:
			seen["new "+c.Kind] = true
		case Device:
			after, still := c.After.(Device)
			seen["removed"] = seen["removed"] || !still
			seen["renamed"] = seen["renamed"] || still && after.DisplayName != before.DisplayName
			seen["moved"] = seen["moved"] || still && after.CustomerSite != before.CustomerSite
			seen["retired"] = seen["retired"] || still && before.IsActive && !after.IsActive
		case DeviceStatus:
			after, still := c.After.(DeviceStatus)
			seen["battery falls"] = seen["battery falls"] || still && after.BatteryLevel < before.BatteryLevel-10
			seen["battery changed"] = seen["battery changed"] || still && after.BatteryLevel > before.BatteryLevel+50
		}
	}
	for x := range s.Tasks(from, noon, noon) {
		seen["task "+x.TaskStatus] = true
	}
	for a := range s.Alarms(from, noon, noon) {
		seen[a.AlarmConditionType+" "+a.AlarmStatus] = true
	}
	for _, want := range []string{"new device", "removed", "renamed", "moved", "retired", "battery falls", "battery changed", "task FINISHED",
		"Upper limit Alarm", "Upper limit Ok", batteryEmpty.condition + " Alarm", conditionLost + " Alarm", conditionLost + " Ok"} {
		if !seen[want] {
			t.Errorf("not seen: %s; seen: %v", want, seen)
		}
	}
}

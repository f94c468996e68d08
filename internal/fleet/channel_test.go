package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// TestChannelsHaveTheCycleInForce: the sensor's before its device's, the one in force before the one that is set.
func TestChannelsHaveTheCycleInForce(t *testing.T) {
	const device = `{"tenant_uuid":"t1","customer_site":"site1","device_uuid":"d1","device_serial_no":"100","sensor_serial_no":"200","sensor_model_code":"M","channel_no":1,`
	for name, c := range map[string]struct {
		columns      string
		cycle, talks time.Duration
		inactive     bool
	}{
		"sensor, in force":                   {`"sensor_measuring_cycle_effective":60000,"sensor_measuring_cycle":2,"device_measuring_cycle_effective":3,"device_communication_log_time":900000`, time.Minute, 15 * time.Minute, false},
		"sensor":                             {`"sensor_measuring_cycle":60000,"device_measuring_cycle_effective":3`, time.Minute, 0, false},
		"device, in force":                   {`"sensor_measuring_cycle":0,"device_measuring_cycle_effective":"60000","device_measuring_cycle":3`, time.Minute, 0, false},
		"device":                             {`"device_measuring_cycle":60000`, time.Minute, 0, false},
		"channel, as older versions have it": {`"channel_measurement_log_time":60000`, time.Minute, 0, false},
		"switched off, as older versions have it": {`"sensor_is_active":false,"device_measuring_cycle":60000`, time.Minute, 0, true},
		"none":                  {`"device_communication_log_time":-1`, 0, 0, false},
		"less than a second":    {`"sensor_measuring_cycle_effective":900,"device_measuring_cycle":60000,"device_communication_log_time":900`, time.Minute, 0, false},
		"null, huge and a text": {`"sensor_measuring_cycle_effective":null,"sensor_measuring_cycle":1e15,"device_measuring_cycle_effective":"a minute","device_measuring_cycle":60000`, time.Minute, 0, false},
		"switched off":          {`"device_is_active":"false","device_measuring_cycle":60000`, time.Minute, 0, true},
		"active":                {`"device_is_active":true,"device_measuring_cycle":60000`, time.Minute, 0, false},
	} {
		inv := known(t, rowsOf{saveris.DeviceProperties: {device + `"sensor_uuid":"s1",` + c.columns + `}`}})
		want := Channel{
			Sensor: "s1", No: "1", Tenant: "t1", Site: "site1", Serial: "200", Model: "M", Names: "null",
			Cycle: c.cycle, Communication: c.talks, Inactive: c.inactive,
		}
		if got := inv.Directory().Channels(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// TestWhetherASensorIsActiveIsTakenFromTheNewestRoute: what an older version has said of it is forgotten once the current one says otherwise.
func TestWhetherASensorIsActiveIsTakenFromTheNewestRoute(t *testing.T) {
	row := func(active string) string {
		return `{"device_uuid":"d1","device_serial_no":"100","sensor_uuid":"s1","channel_no":1,` + active + `}`
	}
	inv := NewInventory()
	for i, step := range []struct {
		row      string
		old      bool // it comes by the older version
		inactive bool
	}{
		{row(`"sensor_is_active":"0"`), true, true},
		{row(`"device_is_active":"true"`), false, false},
		{row(`"device_is_active":"false"`), false, true},
		{row(`"device_is_active":"true"`), false, false},
		{row(`"sensor_is_active":"0"`), true, true},
		{row(`"device_is_active":"true"`), false, true}, // not another than it was known to be: the older version may know more
		{row(`"sensor_is_active":"1"`), true, false},
	} {
		seen := seenJSON(t, schema.KindDevice, step.row)
		if step.old {
			seen.cover = coverageOf(schema.KindDevice, "/v1/devices/properties")
		}
		store(inv, inv.Compare(seen))
		if all := inv.Directory().Channels(); len(all) != 1 || all[0].Inactive != step.inactive {
			t.Errorf("step %d: %+v, want inactive %v", i+1, all, step.inactive)
		}
	}
}

// TestAChannelIsKnownSinceTheFirstLookThatIsKnown: a change makes it no younger, and what was removed begins anew.
func TestAChannelIsKnownSinceTheFirstLookThatIsKnown(t *testing.T) {
	const change = `{"kind":"device","key":"100","document":{"device_uuid":"d1","device_serial_no":"100","sensors":[{"sensor_uuid":"s1","channels":[{"channel_no":1}]}]},"removed":`
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	inv := NewInventory()
	for i, step := range []struct {
		removed string
		want    time.Time
	}{{"false", noon}, {"false", noon}, {"true", time.Time{}}, {"false", noon.Add(3 * time.Hour)}} {
		if err := inv.LoadAt([]byte(change+step.removed+"}"), uint64(i+1), noon.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		all := inv.Directory().Channels()
		if step.removed == "true" {
			if len(all) != 0 {
				t.Errorf("step %d: %v is removed", i, all)
			}
			continue
		}
		if len(all) != 1 || !all[0].Known.Equal(step.want) {
			t.Errorf("step %d: %+v, want known since %v", i, all, step.want)
		}
	}
}

// TestAChannelThatComesToAKnownDeviceIsKnownSinceThen: whoever takes over later has not seen it come, and would wait for readings of before.
// It makes no difference how much is packed meanwhile.
func TestAChannelThatComesToAKnownDeviceIsKnownSinceThen(t *testing.T) {
	const one, two = `{"sensor_uuid":"s1","channels":[{"channel_no":1}]}`, `{"sensor_uuid":"s2","channels":[{"channel_no":1},{"channel_no":2}]}`
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for _, pack := range []string{"never", "between", "as they are loaded"} {
		inv := NewPlaces()
		if pack == "as they are loaded" {
			inv.Pack()
		}
		for i, step := range []struct{ sensors, want string }{
			{one, "s1/1 0"},
			{one + "," + two, "s1/1 0, s2/1 1, s2/2 1"},
			{one + "," + two, "s1/1 0, s2/1 1, s2/2 1"},
			{two, "s2/1 1, s2/2 1"},
			{one + "," + two, "s1/1 4, s2/1 1, s2/2 1"},
		} {
			data := fmt.Sprintf(`{"kind":"device","key":"100","document":{"device_uuid":"d1","device_display_name":"%d","sensors":[%s]},"removed":false}`, i, step.sensors)
			if err := inv.LoadAt([]byte(data), uint64(i+1), noon.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if pack == "as they are loaded" && i < 4 {
				continue
			}
			var got []string
			for _, c := range inv.Directory().Channels() {
				got = append(got, fmt.Sprintf("%s/%s %v", c.Sensor, c.No, c.Known.Sub(noon).Hours()))
			}
			if text := strings.Join(got, ", "); text != step.want {
				t.Errorf("packed %s, step %d: %s, want %s", pack, i, text, step.want)
			}
			if pack == "between" {
				inv.Pack()
			}
		}
	}
}

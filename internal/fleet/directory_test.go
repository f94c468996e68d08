package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// known is the inventory of fixed rows.
func known(t testing.TB, rows rowsOf) *Inventory {
	t.Helper()
	inv, places := NewInventory(), NewPlaces()
	err := NewWalker(rows, inv).Look(t.Context(), func(look Look) error {
		for _, change := range store(inv, inv.Compare(look)) {
			if err := places.Load(change.AppendData(nil), 1); err != nil && slices.Contains(PlaceKinds, change.Kind) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// kitchen is a fridge with an air sensor, whose second channel is its humidity, a door, and a second tenant with the same serial.
var kitchen = rowsOf{
	saveris.Tenants: {
		`{"tenant_uuid":"t1","organisation_name":"Restaurant \"M\"","organisation_id":"R-0815","main_timezone":"Europe/Berlin"}`,
		`{"tenant_uuid":"t2","organisation_name":"Other","main_timezone":"Nowhere/Land"}`,
	},
	saveris.Locations: {`{"tenant_uuid":"t1","location_uuid":"site1","name":"Cold storage room"}`},
	saveris.Equipments: {
		`{"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Fridge 1","area_title":"Kitchen","is_active":true,"equipment_parts_uuid":"p1","equipment_parts_title":"Compartment","limit_values_uuid":"l1","display_unit":"celsius","lower_violation":0,"lower_warning":2,"upper_warning":7,"upper_violation":8.5,"valid_from_time":0,"valid_until_time":86400000}`,
		`{"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Fridge 1","area_title":"Kitchen","is_active":true,"equipment_parts_uuid":"p1","equipment_parts_title":"Compartment","limit_values_uuid":"l2","display_unit":"celsius","upper_violation":12,"valid_from_time":79200000,"valid_until_time":21600000}`,
		`{"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Fridge 1","area_title":"Kitchen","is_active":true,"equipment_parts_uuid":"p1","equipment_parts_title":"Compartment","limit_values_uuid":"l3","display_unit":"relative humidity","upper_warning":70}`,
		`{"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Fridge 1","area_title":"Kitchen","is_active":true,"equipment_parts_uuid":"p1","equipment_parts_title":"Compartment","limit_values_uuid":"l4","display_unit":"stones","upper_warning":1}`,
		`{"tenant_uuid":"t2","equipment_uuid":"e2","equipment_title":"Freezer","is_active":true,"equipment_parts_uuid":"p2","equipment_parts_title":"Box","limit_values_uuid":"l5","display_unit":"celsius","upper_violation":-18,"valid_from_time":79200000,"valid_until_time":21600000}`,
		`{"tenant_uuid":"t1","equipment_uuid":"e3","equipment_title":"Old","is_active":false,"equipment_parts_uuid":"p3","limit_values_uuid":"l6","display_unit":"celsius","upper_violation":1}`,
	},
	saveris.DeviceProperties: {
		`{"tenant_uuid":"t1","customer_site":"site1","device_uuid":"d1","device_serial_no":"100","device_display_name":"Logger","equipment_uuid":"e1","sensor_uuid":"s1","sensor_serial_no":"200","sensor_display_name":"Air","channel_no":1,"channel_physical_unit":"°C","channel_physical_property_name":"Temperature","channel_physical_extension":"Air Temperature","equipment_parts_uuid":"p1"}`,
		`{"tenant_uuid":"t1","customer_site":"site1","device_uuid":"d1","device_serial_no":"100","device_display_name":"Logger","equipment_uuid":"e1","sensor_uuid":"s1","sensor_serial_no":"200","sensor_display_name":"Air","channel_no":2,"channel_physical_unit":"%rF","channel_physical_property_name":"Humidity","channel_physical_extension":"Relative Humidity","equipment_parts_uuid":"p1"}`,
		`{"tenant_uuid":"t1","customer_site":"R-0815","device_uuid":"d2","device_serial_no":"101","device_display_name":"Door logger","sensor_uuid":"s2","sensor_serial_no":"201","channel_no":1,"channel_physical_property_name":"Unknown","channel_physical_extension":"Door Contact"}`,
		`{"tenant_uuid":"t2","customer_site":"nowhere","device_uuid":"d3","device_serial_no":"100","sensor_uuid":"s3","sensor_serial_no":"200","channel_no":1,"channel_physical_unit":"°C","equipment_parts_uuid":"p2"}`,
		`{"tenant_uuid":"t1","device_uuid":"d4","device_serial_no":"104","sensor_uuid":"s4","sensor_serial_no":"204","channel_no":1,"channel_physical_unit":"°C","equipment_parts_uuid":"p3"}`,
		`{"device_uuid":"d5","device_serial_no":"105","sensor_uuid":"s5","channel_no":1}`,
	},
}

const (
	fridgeNames = `{"tenant":"Restaurant \"M\"","site":"Cold storage room","device":"Logger","sensor":"Air","equipment":"Fridge 1","part":"Compartment","area":"Kitchen"}`
	fridgeDay   = `{"lower_violation":0,"lower_warning":2,"upper_warning":7,"upper_violation":8.5}`
	fridgeDayF  = `{"lower_violation":32,"lower_warning":35.6,"upper_warning":44.6,"upper_violation":47.3}`
	fridgeNight = `{"lower_violation":null,"lower_warning":null,"upper_warning":null,"upper_violation":12}`
)

func TestNamesOfAReading(t *testing.T) {
	d := known(t, kitchen).Directory()
	for at, want := range map[string]string{
		"s1/1": fridgeNames, "s1/2": fridgeNames, "s1/3": "null", "s9/1": "null", "/": "null", "s5/1": "null",
		"s2/1": `{"tenant":"Restaurant \"M\"","site":"Restaurant \"M\"","device":"Door logger","sensor":null,"equipment":null,"part":null,"area":null}`,
		"s3/1": `{"tenant":"Other","site":null,"device":null,"sensor":null,"equipment":"Freezer","part":"Box","area":null}`,
	} {
		sensor, channel, _ := strings.Cut(at, "/")
		if got := d.Channel([]byte(sensor), []byte(channel)).Names(); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if got := NewInventory().Directory().Channel([]byte("s1"), []byte("1")); got != nil {
		t.Errorf("an empty fleet knows %s", got.Names())
	}
}

// TestAReadingWithoutAChannelHasTheNamesOfItsSensor: measurements v1, which the bridge falls back to, have no number of one.
func TestAReadingWithoutAChannelHasTheNamesOfItsSensor(t *testing.T) {
	d := known(t, kitchen).Directory()
	place := d.Channel([]byte("s1"), nil)
	if want := strings.Replace(fridgeNames, `"Compartment"`, "null", 1); place.Names() != want {
		t.Errorf("%s, want %s", place.Names(), want)
	}
	if limits := place.Limits(time.Now(), "Cel"); limits != "null" {
		t.Errorf("limits %s: whose?", limits)
	}
}

// TestASensorOfTwoDevicesIsCalledAsInTheActiveOne: the fleet has it twice while it goes from one logger to another.
func TestASensorOfTwoDevicesIsCalledAsInTheActiveOne(t *testing.T) {
	row := func(device, active string) string {
		return `{"tenant_uuid":"t1","device_uuid":"` + device + `","device_serial_no":"` + device + `","device_display_name":"` + device + `","device_is_active":"` + active + `","sensor_uuid":"s1","sensor_serial_no":"200","channel_no":1}`
	}
	for _, tt := range []struct{ a, b, want string }{{"false", "true", `"device":"b"`}, {"true", "false", `"device":"a"`}, {"true", "true", "null"}, {"false", "false", "null"}} {
		d := known(t, rowsOf{saveris.DeviceProperties: {row("a", tt.a), row("b", tt.b)}}).Directory()
		for _, got := range []string{d.Channel([]byte("s1"), []byte("1")).Names(), d.Alarm(Alarm{"sensor system alarm", "", "200", "", ""}).Names()} {
			if !strings.Contains(got, tt.want) || tt.want == "null" && got != "null" {
				t.Errorf("%+v: %s", tt, got)
			}
		}
	}
}

// TestANumberOfTheCustomersOwnIsHisAlone: two tenants may have the same, and a device of neither may mean either.
func TestANumberOfTheCustomersOwnIsHisAlone(t *testing.T) {
	row := func(tenant, device string) string {
		return `{"tenant_uuid":"` + tenant + `","customer_site":"0001","device_uuid":"` + device + `","device_display_name":"D","sensor_uuid":"` + device + `","channel_no":1}`
	}
	d := known(t, rowsOf{
		saveris.Tenants: {
			`{"tenant_uuid":"t1","organisation_name":"One","organisation_id":"0001"}`, `{"tenant_uuid":"t2","organisation_name":"Two","organisation_id":"0001"}`,
			`{"tenant_uuid":"t3","organisation_name":"Three","organisation_id":"0003"}`,
		},
		saveris.Locations: {}, saveris.Equipments: {}, saveris.DeviceProperties: {row("t1", "a"), row("t2", "b"), row("t3", "c")},
	}).Directory()
	for device, want := range map[string]string{"a": `"site":"One"`, "b": `"site":"Two"`, "c": `"site":null`} {
		if got := d.Channel([]byte(device), []byte("1")).Names(); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", device, got, want)
		}
	}
}

func TestLimitsInForce(t *testing.T) {
	d := known(t, kitchen).Directory()
	for _, tt := range []struct{ channel, at, unit, want string }{
		{"s1/1", "2026-07-01T10:00:00Z", "Cel", fridgeDay},
		{"s1/1", "2026-07-01T10:00:00Z", "[degF]", fridgeDayF},
		{"s1/1", "2026-07-01T19:59:59Z", "Cel", fridgeDay}, // Berlin is two hours ahead in summer
		{"s1/1", "2026-07-01T20:00:00Z", "Cel", fridgeNight},
		{"s1/1", "2026-07-02T03:59:59.999Z", "Cel", fridgeNight},
		{"s1/1", "2026-07-02T04:00:00Z", "Cel", fridgeDay},
		{"s1/1", "2026-12-01T20:30:00Z", "Cel", fridgeDay}, // and one in winter
		{"s1/1", "2026-12-01T21:00:00Z", "Cel", fridgeNight},
		{"s1/1", "2026-10-25T00:30:00Z", "Cel", fridgeNight}, // the hour that comes twice
		{"s1/1", "2026-07-01T10:00:00Z", "%", "null"},
		{"s1/1", "2026-07-01T10:00:00Z", "", "null"},
		{"s1/2", "2026-07-01T10:00:00Z", "%", `{"lower_violation":null,"lower_warning":null,"upper_warning":70,"upper_violation":null}`},
		{"s1/2", "2026-07-01T10:00:00Z", "Cel", "null"}, // the channel is none of temperature
		{"s2/1", "2026-07-01T10:00:00Z", "Cel", "null"},
		{"s3/1", "2026-07-01T22:30:00Z", "Cel", "null"}, // nobody knows when its day begins
		{"s4/1", "2026-07-01T10:00:00Z", "Cel", "null"}, // not in use
		{"s9/1", "2026-07-01T10:00:00Z", "Cel", "null"},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		sensor, channel, _ := strings.Cut(tt.channel, "/")
		if got := d.Channel([]byte(sensor), []byte(channel)).Limits(at, tt.unit); got != tt.want {
			t.Errorf("%s at %s in %q: %s, want %s", tt.channel, tt.at, tt.unit, got, tt.want)
		}
	}
}

func TestPlacesOfAlarms(t *testing.T) {
	d := known(t, kitchen).Directory()
	at := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	const device = `{"tenant":"Restaurant \"M\"","site":"Cold storage room","device":"Logger","sensor":null,"equipment":"Fridge 1","part":null,"area":"Kitchen"}`
	sensor := strings.Replace(device, `"sensor":null`, `"sensor":"Air"`, 1)
	door := d.Channel([]byte("s2"), []byte("1")).Names()
	for name, tt := range map[string]struct {
		alarm         Alarm
		names, limits string
	}{
		"its words":             {Alarm{"measurement alarm", "s1", "200", "Temperature", "Air Temperature"}, fridgeNames, fridgeDay},
		"the notice":            {Alarm{"measurement_alarm", "s1", "200", "TEMPERATURE", "Unknown"}, fridgeNames, fridgeDay},
		"no extension":          {Alarm{"measurement alarm", "s1", "", "Temperature", ""}, fridgeNames, fridgeDay},
		"by serial":             {Alarm{"measurement alarm", "", "201", "Door", "Door_Contact"}, door, "null"},
		"a serial of two":       {Alarm{"measurement alarm", "", "200", "Temperature", "Unknown"}, "null", "null"},
		"another quantity":      {Alarm{"measurement alarm", "s1", "200", "Pressure", "Unknown"}, sensor, "null"},
		"of the device":         {Alarm{"device system alarm", "d1", "100", "", ""}, device, "null"},
		"of the sensor":         {Alarm{"sensor system alarm", "s1", "200", "Temperature", "Unknown"}, sensor, "null"},
		"of a device by serial": {Alarm{"device system alarm", "", "101", "", ""}, door, "null"},
		"a source unheard of":   {Alarm{"measurement alarm", "s9", "201", "Door", "Door Contact"}, door, "null"},
		"nobody's":              {Alarm{"measurement alarm", "s9", "999", "Temperature", "Unknown"}, "null", "null"},
		"nothing":               {Alarm{}, "null", "null"},
	} {
		place := d.Alarm(tt.alarm)
		if place.Names() != tt.names || place.Limits(at, "Cel") != tt.limits {
			t.Errorf("%s: %s, %s\nwant %s, %s", name, place.Names(), place.Limits(at, "Cel"), tt.names, tt.limits)
		}
	}
}

func TestTheDirectoryAllocatesNothingARow(t *testing.T) {
	d := known(t, kitchen).Directory()
	sensor, channel, unit, at := []byte("s1"), []byte("1"), "Cel", time.Date(2026, 7, 1, 21, 0, 0, 0, time.UTC)
	alarm := Alarm{"measurement_alarm", "s1", "200", "TEMPERATURE", "Unknown"}
	n := 0
	if allocs := testing.AllocsPerRun(100, func() {
		p := d.Channel(sensor, channel)
		n += len(p.Names()) + len(p.Limits(at, unit)) + len(d.Alarm(alarm).Names())
	}); allocs != 0 || n == 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestAlarmsOfAllQuantities: an alarm may lack its channel's extension, or name it beside another property.
func TestAlarmsOfAllQuantities(t *testing.T) {
	room := rowsOf{saveris.Equipments: {`{"tenant_uuid":"t1","equipment_uuid":"e1","equipment_title":"Room","equipment_parts_uuid":"p1","equipment_parts_title":"Room","limit_values_uuid":"l1","display_unit":"relative humidity","upper_warning":60}`}}
	for i, c := range []struct{ property, extension, unit string }{
		{"Temperature", "Air Temperature", "°C"}, {"Humidity", "Relative Humidity", "%rF"}, {"Temperature", "Dewpoint Temperature", "°C"}, {"Density", "Absolute Humidity", "g/m³"},
		{"Pressure", "Absolute Pressure", "hPa"}, {"Pressure", "Differential Pressure", "hPa"}, {"Temperature", "Product Temperature", "°C"}, {"Unknown", "Door Contact", ""}, {"CO2", "Unknown", "ppm"},
	} {
		room[saveris.DeviceProperties] = append(room[saveris.DeviceProperties], fmt.Sprintf(`{"tenant_uuid":"t1","device_uuid":"d1","equipment_uuid":"e1","sensor_uuid":"s1","sensor_display_name":"Air","channel_no":%d,`+
			`"channel_physical_unit":%q,"channel_physical_property_name":%q,"channel_physical_extension":%q,"equipment_parts_uuid":"p1"}`, i+1, c.unit, c.property, c.extension))
	}
	d := known(t, room).Directory()
	for words, channel := range map[string]string{
		"Temperature/Unknown": "1", "Temperature/Air Temperature": "1", "Humidity/Unknown": "2", "humidity/": "2", "Relative Humidity/Unknown": "2", "Relative_Humidity/Relative_Humidity": "2", "Unknown/Relative Humidity": "2",
		"Temperature/Dewpoint Temperature": "3", "Density/Unknown": "4", "Absolute Humidity/Unknown": "4", "Pressure/Absolute Pressure": "5", "Pressure/Unknown": "", "Product Temperature/Product Temperature": "7",
		"Temperature/Product Temperature": "7", "Product Temperature/Unknown": "7", "Door/Door Contact": "8", "CO2/Unknown": "9", "Humidity/Wind": "", "Unknown/Unknown": "",
	} {
		property, extension, _ := strings.Cut(words, "/")
		want := d.Channel([]byte("s1"), []byte(channel))
		if want == nil {
			want = d.sensors["s1"].place
		}
		if got := d.Alarm(Alarm{"measurement alarm", "s1", "", property, extension}); got != want {
			t.Errorf("%s: not the place of channel %q", words, channel)
		}
	}
	if got := d.Alarm(Alarm{"measurement alarm", "s1", "", "Humidity", "Unknown"}).Limits(time.Now(), "%"); !strings.Contains(got, `"upper_warning":60`) {
		t.Errorf("humidity has limits %s", got)
	}
}

// TestALimitThatIsNotUnderstoodIsNone: wrong limits are worse than none.
func TestALimitThatIsNotUnderstoodIsNone(t *testing.T) {
	for _, odd := range []string{
		`"display_unit":"stones","upper_warning":7`, `"upper_warning":7`, `"display_unit":"celsius"`, `"display_unit":"celsius","upper_warning":"high"`,
		`"display_unit":"celsius","upper_warning":7,"valid_from_time":-1`, `"display_unit":"celsius","upper_warning":7,"valid_until_time":86400001`,
	} {
		part := seenJSON(t, schema.KindEquipment, `{"equipment_uuid":"e","equipment_parts_uuid":"p","limit_values_uuid":"l",`+odd+`}`).things[0].inner[0]
		if _, ok := newLimit(part.inner[0]); ok {
			t.Errorf("%s is taken", odd)
		}
	}
}

// TestNamesAreNoLongerThanAnEventBears, however long the vendor's are.
func TestNamesAreNoLongerThanAnEventBears(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 1<<20), strings.Repeat("€", 1<<18), strings.Repeat("a\\n", 1<<18)} {
		inv := known(t, rowsOf{
			saveris.DeviceProperties: {`{"device_uuid":"d","tenant_uuid":"t","device_display_name":"` + name + `","sensor_uuid":"s","sensor_display_name":"short","channel_no":1}`},
			saveris.Tenants:          {`{"tenant_uuid":"t","organisation_name":"` + name + `"}`},
		})
		text := inv.Directory().Channel([]byte("s"), []byte("1")).Names()
		var names struct{ Tenant, Device, Sensor string }
		if err := json.Unmarshal([]byte(text), &names); err != nil || len(text) > 10_000 || names.Sensor != "short" || len(names.Device) < longestName-3 || strings.ContainsRune(names.Tenant, '\ufffd') {
			t.Errorf("%d bytes of names: %.100s (%v)", len(text), text, err)
		}
	}
}

// TestLimitsAreJSONInEveryUnit, also where the vendor has the greatest number there is for none.
func TestLimitsAreJSONInEveryUnit(t *testing.T) {
	for _, unit := range []string{"celsius", "fahrenheit", "hPa", "ppm"} {
		for _, value := range []string{"1.7976931348623157E308", "-1.7976931348623157E308", "1e400", "1e303", "5e-324", "-0", "1e16", `"12"`} {
			part := seenJSON(t, schema.KindEquipment, `{"equipment_uuid":"e","equipment_parts_uuid":"p","limit_values_uuid":"l","display_unit":"`+unit+`","lower_warning":2,"upper_violation":`+value+`}`).things[0].inner[0]
			l, ok := newLimit(part.inner[0])
			if !ok {
				t.Errorf("%s %s is not taken", value, unit)
			}
			for _, text := range l.texts {
				if text.text != "" && !json.Valid([]byte(text.text)) {
					t.Errorf("%s %s in %s: %s", value, unit, text.unit, text.text)
				}
			}
		}
	}
}

func BenchmarkDirectoryRow(b *testing.B) {
	d := known(b, kitchen).Directory()
	sensor, channel, at := []byte("s1"), []byte("1"), time.Date(2026, 7, 1, 21, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		p := d.Channel(sensor, channel)
		if p.Names() == "null" || p.Limits(at, "Cel") == "null" {
			b.Fatal("nothing is known")
		}
	}
}

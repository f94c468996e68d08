package saveristest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is a world of one fridge.
func small(t *testing.T, settings ...string) *vendor {
	return startWith(t, append([]string{"world.sites=1", "world.loggers=1", "world.channels=3", "rows.late=off", "world.start=2026-01-15T08:30:00Z", "file.gzip=never", "file.count=1", "file.order=sorted"}, settings...)...)
}

// TestAnswersInOneCall: the nine GETs, byte for byte.
func TestAnswersInOneCall(t *testing.T) {
	for path, op := range endpoints {
		if op.takes != takesNothing {
			continue
		}
		v := small(t)
		a := v.call("GET", "/"+path, "")
		if a.status != 200 || a.header.Get("Deprecation") != "true" || a.header.Get("Sunset") == "" {
			t.Errorf("GET /%s: %d, headers %v", path, a.status, a.header)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, a.body, "", "  "); err != nil {
			t.Errorf("GET /%s: %v", path, err)
		}
		golden(t, path, b.String()+"\n")
		if e := v.do("GET", "/"+path, ""); e.status != 401 {
			t.Errorf("GET /%s without a login: %d", path, e.status)
		}
		if e := v.call("POST", "/"+path, "{}"); e.status != 403 {
			t.Errorf("POST /%s: %d", path, e.status)
		}
		if e := v.call("GET", "/"+path+"/"+nobody, ""); e.status != 403 || !strings.Contains(string(e.body), "Invalid key=value pair") {
			t.Errorf("GET /%s/…: %d %s", path, e.status, e.body)
		}
		if v.Count("sync."+op.feed) != 2 {
			t.Errorf("GET /%s is counted %d times", path, v.Count("sync."+op.feed))
		}
	}
}

// TestExportsOfTheFleet: every export, also of tasks, in both formats, byte for byte.
func TestExportsOfTheFleet(t *testing.T) {
	for path, op := range endpoints {
		if op.takes == takesNothing || op.feed == FeedAlarms || op.feed == FeedMeasurements {
			continue
		}
		v := small(t)
		text := ""
		for _, format := range []string{"JSON", "CSV"} {
			for _, link := range v.links("/"+path, asking(op, format)) {
				text += string(v.do("GET", link, "").body)
			}
		}
		golden(t, path, text)
		old := op.version != newest[op.feed]
		silent := path == "v3/devices/status" || path == "v3/sensors/status"
		a := v.call("POST", "/"+path, "{}")
		if said := a.header.Get("Deprecation") != ""; a.status != 200 || said != (old && !silent) {
			t.Errorf("POST /%s: %d, deprecated %v", path, a.status, said)
		}
		if a := v.call("POST", "/"+path, `{"odata":{"$top":"1"}}`); (a.status == 400) != op.takes.odata() {
			t.Errorf("POST /%s with OData: %d", path, a.status)
		}
	}
}

// asking is the body for an export. A range that does not count is none, and where there is none it is not even looked at.
func asking(op operation, format string) string {
	switch {
	case op.takes.ranged():
		return rangeBody(noon.Add(-8*time.Hour), noon, format)
	case op.takes == takesInertRange:
		return `{"date_time_from":"yesterday","options":{"result_file_format":"` + format + `"}}`
	}
	return `{"date_time_from":5,"options":{"result_file_format":"` + format + `"}}`
}

func golden(t *testing.T, path, text string) {
	t.Helper()
	file := "testdata/fleet/" + strings.ReplaceAll(path, "/", "_") + ".txt"
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != text {
		t.Errorf("%s (%v): got\n%s", file, err, text)
	}
}

// TestColumnsOfTheFleet: a row has a cell for each column, in every version.
func TestColumnsOfTheFleet(t *testing.T) {
	for path, op := range endpoints {
		if op.takes == takesNothing || op.feed == FeedMeasurements || op.feed == FeedAlarms {
			continue
		}
		v := small(t, "json.null=null", "rows.extra_column=on")
		rows := 0
		for _, link := range v.links("/"+path, asking(op, "JSON")) {
			for _, p := range split(t, v.do("GET", link, "").body, false) {
				var row map[string]any
				if err := json.Unmarshal([]byte(p.text), &row); err != nil {
					t.Fatal(err)
				}
				rows++
				want := append(slices.Clone(tableOf(&Switches{}, op.feed, op.version, nil).names), "signal_quality")
				for _, name := range want {
					if _, there := row[name]; !there || len(row) != len(want) {
						t.Errorf("%s: %d cells, want %d; %s: %v", path, len(row), len(want), name, there)
					}
				}
			}
		}
		if rows == 0 {
			t.Errorf("%s has no row", path)
		}
	}
}

// TestFleetSwitches: what a row of the fleet looks like, by switch.
func TestFleetSwitches(t *testing.T) {
	for _, c := range []struct {
		set, path, format string
		want              func(string) bool
	}{
		{"", "v3/devices/properties", "JSON", has(`"device_is_active":"true"`)},
		{"props.bool=bare", "v3/devices/properties", "JSON", has(`"device_is_active":true`)},
		{"props.bool=digit", "v2/devices/properties-async", "JSON", has(`"device_is_ethernetprobe":"0"`)},
		{"props.bool=digit", "v1/devices/properties-async", "JSON", has(`"is_ethernetprobe":false`)},
		{"", "v3/devices/properties", "JSON", has(`"device_supported_battery_types":["AA_LITHIUM", "AA_ALKALINE"]`)},
		{"", "v3/devices/properties", "CSV", has(`,"[AA_LITHIUM, AA_ALKALINE]",`)},
		{"csv.array=json", "v3/devices/properties", "CSV", has(`,"[""AA_LITHIUM"", ""AA_ALKALINE""]",`)},
		{"csv.bool=1", "v4/equipments", "CSV", has(`Z","1","`)},
		{"", "v4/equipments", "CSV", has(`Z","true","`)},
		{"csv.bool=1", "v4/equipments", "JSON", has(`"is_active":true`)},
		{"", "v4/devices/status", "JSON", has(`"connection_type":"WIFI"`)},
		{"status.connection=CT_WIFI", "v4/devices/status", "JSON", has(`"connection_type":"CT_WIFI"`)},
		{"", "v3/devices/status", "JSON", has(`"connection_type":"CT_WIFI"`)},
		{"", "v1/measuring-objects", "JSON", has(`"measuring_object_uuid":`)},
		{"mo.id=mo_uuid", "v1/measuring-objects", "JSON", has(`"mo_uuid":`)},
		{"", "v1/measuring-objects", "JSON", has(`{\"measurementAlarmConditionSet\":[{\"measurementAlarmConditions\":[{\"measurementAlarmConditionTypeId\":\"Lower limit\",\"alarmSeverityId\":\"Alarm\",\"physicalProperty\":{\"physicalValueId\":\"Temperature\"},\"limitValue\":-0.5,\"limitHysteresis\":0.0,\"delay\":0,\"physicalUnitId\":\"°C\"}`)},
		{"mo.enum=codes", "v1/measuring-objects", "JSON", has(`\"MACT_LOWER_LIMIT\",\"alarmSeverityId\":\"ASV_ALARM\"`)},
		{"mo.config=flat", "v1/measuring-objects", "JSON", has(`"{\"upper_warning\": 7, \"upper_violation\": 9.5, \"lower_warning\": 2, \"lower_violation\": -0.5}"`)},
		{"mo.config=null", "v1/measuring-objects", "JSON", hasNot(`measurement_alarm_configuration`)},
		{"site.value=text", "v3/devices/properties", "JSON", has(`"customer_site":"R-0101"`)},
		{"unit.text=CELSIUS", "v3/devices/properties", "JSON", has(`"channel_physical_unit":"CELSIUS"`)},
		{"column.case=camel", "v4/devices/status", "JSON", has(`"batteryLevelPercent":`)},
	} {
		v := small(t, strings.Fields(c.set)...)
		text := ""
		for _, link := range v.links("/"+c.path, `{"options":{"result_file_format":"`+c.format+`"}}`) {
			text += string(v.do("GET", link, "").body)
		}
		if !c.want(text) {
			t.Errorf("%s %s %s: %s", c.set, c.path, c.format, text[:min(len(text), 1500)])
		}
	}
}

// TestTheFleetThatIsGone: retired endpoints, answers in one call that are too large, and a licence that lacks.
func TestTheFleetThatIsGone(t *testing.T) {
	for _, c := range []struct {
		set, method, path string
		status            int
	}{
		{"sync.retired=newest", "GET", "v3/tenants-sync", 403},
		{"sync.retired=newest", "GET", "v2/tenants-sync", 200},
		{"sync.retired=older", "GET", "v3/tenants-sync", 200},
		{"sync.retired=older", "GET", "v1/equipments", 403},
		{"sync.retired=all retired.answer=410", "GET", "v1/devices/properties", 410},
		{"sync.retired=all path.unknown=404", "GET", "v2/sensors/status-sync", 404},
		{"retired=newest retired.answer=410", "POST", "v4/equipments", 410},
		{"retired=newest", "POST", "v3/equipments", 200},
		{"retired=older", "POST", "v4/equipments", 200},
		{"retired=all", "POST", "v1/locations", 403},
		{"sync.limit=300", "GET", "v1/devices/properties", 413},
		{"sync.limit=300", "GET", "v3/tenants-sync", 413},
		{"auth.lacks=devices", "GET", "v1/devices/properties", 403},
		{"auth.lacks=devices", "POST", "v3/tenants", 403},
		{"auth.lacks=devices", "POST", "v2/measurements", 200},
		{"auth.no_licence=403B auth.no_licence_feed=alarms", "POST", "v3/tenants", 200},
		{"auth.no_licence=403B", "POST", "v3/tenants", 403},
		{"sync=array", "GET", "v2/devices/status-sync", 200},
	} {
		v := small(t, strings.Fields(c.set)...)
		if a := v.call(c.method, "/"+c.path, map[string]string{"POST": "{}"}[c.method]); a.status != c.status {
			t.Errorf("%s: %s /%s: %d %s, want %d", c.set, c.method, c.path, a.status, a.body, c.status)
		}
	}
}

// TestAllRoutesTellOfOneFleet: devices that come and go, in files of every number, are those of the truth.
func TestAllRoutesTellOfOneFleet(t *testing.T) {
	v := startWith(t, "world.change_every=24h", "world.loggers=9", "world.sites=5", "file.duplicates=on")
	for range 8 {
		v.advance(7*time.Hour + 13*time.Second)
		f := v.Fleet(v.now())
		var channels, statuses []string
		for i, d := range f.Devices {
			for _, c := range d.Sensors[0].Channels {
				channels = append(channels, fmt.Sprint(d.DeviceUUID, d.CustomerSite, d.DisplayName, d.IsActive, d.SerialNo, d.Sensors[0].SerialNo, c.ChannelID, c.ChannelNo))
			}
			s := f.DeviceStatuses[i]
			statuses = append(statuses, fmt.Sprint(s.DeviceUUID, s.SerialNo, s.BatteryLevel, formatTime(s.LastCommunication), s.CustomerSite))
		}
		for _, format := range []string{"JSON", "CSV"} {
			rows, _ := v.fleetRows("/v3/devices/properties", format)
			var got []string
			for _, r := range rows {
				got = append(got, r["device_uuid"]+r["customer_site"]+r["device_display_name"]+" "+r["device_is_active"]+" "+r["device_serial_no"]+r["sensor_serial_no"]+r["channel_id"]+" "+r["channel_no"])
			}
			sameSet(t, "properties in "+format, got, channels)
			got = nil
			rows, _ = v.fleetRows("/v4/devices/status", format)
			for _, r := range rows {
				got = append(got, r["device_uuid"]+r["serial_no"]+" "+r["battery_level_percent"]+" "+r["last_communication_time"]+r["customer_site"])
			}
			sameSet(t, "status in "+format, got, statuses)
		}
		probes := v.call("GET", "/v1/devices/properties", "").json()["probes"].([]any)
		if len(probes) != len(f.Devices) {
			t.Errorf("%d probes, %d devices", len(probes), len(f.Devices))
		}
	}
}

func (v *vendor) fleetRows(path, format string) (rows []map[string]string, texts []string) {
	for _, link := range v.links(path, `{"options":{"result_file_format":"`+format+`"}}`) {
		for _, p := range split(v.t, unzip(v.t, v.do("GET", link, "").body), format == "CSV") {
			rows, texts = append(rows, p.row), append(texts, p.text)
		}
	}
	return rows, texts
}

// sameSet compares without regard to order; in got something may be twice.
func sameSet(t *testing.T, what string, got, want []string) {
	t.Helper()
	strip := func(list []string) []string {
		for i := range list {
			list[i] = strings.ReplaceAll(list[i], " ", "")
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	if got, want := strip(slices.Clone(got)), strip(slices.Clone(want)); !slices.Equal(got, want) {
		t.Errorf("%s: %d rows, want %d, or others: %.200v, want %.200v", what, len(got), len(want), got, want)
	}
}

// BenchmarkFleet renders what a look at 18,000 devices with 36,000 channels asks for.
func BenchmarkFleet(b *testing.B) {
	s, err := Start(Config{World: World{Tenants: 10, Sites: 150, Loggers: 12}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	set := s.settings.Load()
	for _, q := range []query{
		{feed: FeedProperties, version: 3}, {feed: FeedDeviceStatus, version: 4}, {feed: FeedSensorStatus, version: 4},
		{feed: FeedEquipments, version: 4}, {feed: FeedMeasuringObjects, version: 1},
	} {
		q.asOf = noon
		b.Run(q.feed, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.render(q, &set.sw, &set.faults, 0, 1, true)
			}
		})
	}
	b.Run("probes in one call", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := &nest{scene: s.scene(), at: noon.Unix(), limit: 100_000_000, encoder: newEncoder(query{feed: FeedProperties}, &set.sw, "lines", nil)}
			n.answer(operation{feed: FeedProperties, version: 1})
		}
	})
}

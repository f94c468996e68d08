package saveristest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// wantV2 is a row of v2 as the document names its columns; nulls are left out.
func wantV2(m Measurement) map[string]string {
	row := map[string]string{
		"uuid": m.UUID, "sensor_uuid": m.SensorUUID, "channel_no": string(rune('0' + m.ChannelNo)), "serial_no": m.SerialNo,
		"model_code": m.ModelCode, "tenant_uuid": m.TenantUUID, "customer_site": m.CustomerSite,
		"timestamp": m.Timestamp.Format(time.RFC3339), "timestamp_local": m.TimestampLocal, "measurement": m.Measurement,
		"physical_property_name": m.PhysicalPropertyName, "physical_unit": m.PhysicalUnit, "physical_extension": m.PhysicalExtension,
		"processed_at": m.ProcessedAt.Format(time.RFC3339),
	}
	maps.DeleteFunc(row, func(_, v string) bool { return v == "" })
	return row
}

func wantAlarm(a Alarm) map[string]string {
	row := map[string]string{
		"uuid": a.UUID, "alarm_reason": a.AlarmReason, "alarm_status": a.AlarmStatus,
		"last_status_change_time": a.LastStatusChangeTime.Format(time.RFC3339), "alarm_condition_type": a.AlarmConditionType,
		"alarm_severity": a.AlarmSeverity, "alarm_time": a.AlarmTime.Format(time.RFC3339), "alarm_time_local": a.AlarmTimeLocal,
		"alarm_value": a.AlarmValue, "physical_unit": a.PhysicalUnit, "physical_property_name": a.PhysicalPropertyName,
		"physical_extension": a.PhysicalExtension, "alarm_source_uuid": a.AlarmSourceUUID, "serial_no": a.SerialNo,
		"tenant_uuid": a.TenantUUID, "customer_site": a.CustomerSite, "alarm_type": a.AlarmType,
		"source_alarm_event_uuid": a.SourceAlarmEventUUID, "processed_at": a.ProcessedAt.Format(time.RFC3339),
	}
	maps.DeleteFunc(row, func(_, v string) bool { return v == "" })
	return row
}

// TestServedEqualsTruth: whatever the dialect of the files, all windows together
// hold the rows that Measurements and Alarms name, column by column, no more and
// no fewer, and Served says the same.
func TestServedEqualsTruth(t *testing.T) {
	t.Parallel()
	dialects := []string{
		"", "file.count=n", "file.count=1", "file.order=sorted", "file.duplicates=on", "file.gzip=never", "file.gzip=always",
		"file.gzip=mixed", "file.gzip=content-encoding", "file.last_newline=no", "json.layout=array", "json.layout=object", "json.null=null",
		"csv.quoting=minimal", "csv.quoting=none", "csv.null=quoted", "rows.retransmit=new", "rows.late=off",
		"fault.duplicate=0.2", "fault.duplicate_across=0.2", "fault.late=0.3", "unit.text=mixed", "site.value=null", "local.suffix=offset",
		"range.ends=half-open", "range.ends=open", "range.ends=open-from", "range.ends=open-until", "empty.result=blank", "empty.result=header-only", "world.retransmit_share=0.2", "alarm.source_event=all", "alarm.rows=in-place",
	}
	for _, d := range dialects {
		for _, format := range []string{"JSON", "CSV"} {
			if other := map[string]string{"JSON": "csv.", "CSV": "json."}[format]; strings.HasPrefix(d, other) {
				continue
			}
			t.Run(d+" "+format, func(t *testing.T) {
				t.Parallel()
				settings := []string{"world.alarm_every=2h"}
				if d != "" {
					settings = append(settings, d)
				}
				servedEqualsTruth(t, startWith(t, settings...), format)
			})
		}
	}
}

func servedEqualsTruth(t *testing.T, v *vendor, format string) {
	const window = 70 * time.Minute
	from := noon.Add(-3 * window)
	want := map[string]map[string]string{}
	for m := range v.Measurements(from, noon, noon) {
		want[m.UUID] = wantV2(m)
	}
	for a := range v.Alarms(from, noon, noon) {
		want[a.UUID] = wantAlarm(a)
	}
	got := map[string]map[string]string{}
	for at := from; at.Before(noon); at = at.Add(window) {
		body := rangeBody(at, at.Add(window-time.Second), format)
		for _, path := range []string{"/v2/measurements", "/v3/alarms"} {
			rows, raw := v.export(path, body)
			if len(raw) > 0 {
				t.Fatalf("%s: lines that are no rows: %q", path, raw)
			}
			for _, r := range rows {
				if have := got[r["uuid"]]; have != nil && !maps.Equal(have, r) {
					t.Errorf("two contents: %v and %v", have, r)
				}
				got[r["uuid"]] = r
			}
		}
	}
	if ends := v.settings.Load().sw.RangeEnds; ends != "closed" { // then a row on an end may be in no window
		maps.DeleteFunc(want, func(_ string, r map[string]string) bool { _, ok := got[r["uuid"]]; return !ok && edge(r, from, window) })
	}
	if !maps.EqualFunc(got, want, maps.Equal) {
		for uuid, w := range want {
			if !maps.Equal(got[uuid], w) {
				t.Fatalf("%d rows, want %d; for example\n %v, want\n %v", len(got), len(want), got[uuid], w)
			}
		}
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	served := v.Served()
	if n := len(served.Measurements) + len(served.Alarms); n != len(want) || len(served.Raw) > 0 {
		t.Errorf("served %d rows and %d feeds with raw lines, want %d and none", n, len(served.Raw), len(want))
	}
}

func edge(r map[string]string, from time.Time, window time.Duration) bool {
	at, err := time.Parse(time.RFC3339, r["timestamp"]+r["alarm_time"])
	return err == nil && ((at.Sub(from)+time.Second)%window == 0 || at.Sub(from)%window == 0)
}

// TestDuplicatesAndGarbage: with everything bad on, the rows are still all there,
// doubles are doubles, and the garbage is the same in every read.
func TestDuplicatesAndGarbage(t *testing.T) {
	for _, layout := range []string{"lines", "array"} {
		for _, format := range []string{"JSON", "CSV"} {
			t.Run(layout+" "+format, func(t *testing.T) {
				v := startWith(t, "fault.duplicate=0.1", "fault.duplicate_across=0.1", "fault.garbage=0.2", "file.count=n", "json.layout="+layout)
				v.AddRaw(FeedMeasurements, noon.Add(-2*time.Hour), `{"uuid":"odd","timestamp":"2026-11-23T10:00:00Z","measurement":"text"}`)
				v.AddRaw(FeedMeasurements, noon.Add(-2*time.Hour), `not a row`)
				body := rangeBody(noon.Add(-day), noon, format)
				rows, raw := v.export("/v2/measurements", body)
				uuids := map[string]int{}
				for _, r := range rows {
					uuids[r["uuid"]]++
				}
				for m := range v.Measurements(noon.Add(-day), noon.Add(1), noon) {
					if uuids[m.UUID] == 0 {
						t.Errorf("row %s is missing", m.UUID)
					}
				}
				if len(rows) < len(uuids)*11/10 {
					t.Errorf("%d rows of %d uuids", len(rows), len(uuids))
				}
				v.advance(time.Hour)
				_, again := v.export("/v2/measurements", body)
				for i := range raw {
					if !slices.Contains(again, raw[i]) {
						t.Errorf("garbage %q does not come again", raw[i])
					}
				}
				kinds := map[string]int{}
				for _, line := range raw {
					kinds[garbageKind(line)]++
				}
				if len(kinds) < 4 || kinds["text"] < 2 {
					t.Errorf("kinds of garbage: %v", kinds)
				}
				for _, line := range raw {
					if !slices.Contains(v.Served().Raw[FeedMeasurements], line) {
						t.Fatalf("served does not hold %q", line)
					}
				}
			})
		}
	}
}

func garbageKind(line string) string {
	switch {
	case strings.Contains(line, "upstream") || strings.Contains(line, "not a row"):
		return "text"
	case strings.Contains(line, "yesterday"):
		return "time"
	case strings.Contains(line, "processed_at") || strings.HasSuffix(line, "}") || strings.HasPrefix(line, ",") || strings.HasPrefix(line, `"",`):
		return "no id"
	}
	return "cut"
}

// TestLateRowsComeLater: a window that is read again has the rows that were late.
func TestLateRowsComeLater(t *testing.T) {
	v := startWith(t, "world.late_share=0.3")
	body := rangeBody(noon.Add(-time.Hour), noon, "JSON")
	first, _ := v.export("/v2/measurements", body)
	v.advance(12 * time.Hour)
	second, _ := v.export("/v2/measurements", body)
	if want := 12*4 + 2; len(second) < 12*4 || len(second) > want || len(first) >= len(second) {
		t.Errorf("%d rows at once, %d after half a day", len(first), len(second))
	}
}

// TestRevisionsAreServed: contents are what is visible at the moment of asking,
// and Served holds both.
func TestRevisionsAreServed(t *testing.T) {
	v := startWith(t, "world.empty=true")
	v.AddMeasurement(Measurement{UUID: "u", SensorUUID: "s", ChannelNo: 1, Timestamp: noon.Add(-time.Hour), Measurement: "1.5"})
	v.ReviseMeasurement("u", noon.Add(time.Minute), "2.5")
	body := rangeBody(noon.Add(-day), noon, "JSON")
	id := v.submit("/v2/measurements", body)
	v.advance(time.Minute)
	for _, id := range []string{id, v.submit("/v2/measurements", body)} {
		link := v.call("GET", "/v2/measurements/"+id, "").json()["data_urls"].([]any)
		for _, l := range link {
			v.do("GET", l.(string), "")
		}
	}
	var values []string
	for _, m := range v.Served().Measurements["u"] {
		values = append(values, m.Measurement)
	}
	if !slices.Equal(values, []string{"1.5", "2.5"}) {
		t.Errorf("served contents %v, want the one of each moment of asking", values)
	}
}

// TestRangeDefaults: from = now - 1 h, until = from + 1 h (document 5).
func TestRangeDefaults(t *testing.T) {
	v := startWith(t, "rows.late=off")
	at := noon.Add(-10 * time.Hour)
	for body, from := range map[string]time.Time{`{}`: noon.Add(-time.Hour), `{"date_time_from":"` + at.Format("2006-01-02T15:04:05.000Z") + `"}`: at} {
		rows, _ := v.export("/v2/measurements", body)
		want := len(slices.Collect(v.Measurements(from, from.Add(time.Hour+1), noon)))
		if len(rows) != want || want == 0 {
			t.Errorf("%s gives %d rows, want %d", body, len(rows), want)
		}
	}
}

// TestOldVersions: v1 measurements have other columns (document 9), v1 and v2
// alarms the same.
func TestOldVersions(t *testing.T) {
	v := startWith(t)
	rows, _ := v.export("/v1/measurements", rangeBody(noon.Add(-time.Hour), noon, "CSV"))
	for _, name := range strings.Fields("uuid sensor_uuid device_uuid channel_id device_serial_no sensor_serial_no customer_site_uuid measurement_value") {
		if len(rows) == 0 || rows[0][name] == "" {
			t.Errorf("v1 row without %s: %v", name, rows[:min(1, len(rows))])
		}
	}
	body := rangeBody(noon.Add(-7*day), noon, "JSON")
	var counts []int
	for _, path := range []string{"/v1/alarms", "/v2/alarms", "/v3/alarms"} {
		rows, _ := v.export(path, body)
		counts = append(counts, len(rows))
	}
	if counts[0] == 0 || counts[0] != counts[1] || counts[1] != counts[2] {
		t.Errorf("alarm rows by version: %v", counts)
	}
}

// TestSync: the synchronous calls hold what an export of the same range holds.
func TestSync(t *testing.T) {
	for _, layout := range []string{"array", "object"} {
		v := startWith(t, "sync="+layout, "world.alarm_every=2h")
		for _, feed := range []string{FeedMeasurements, FeedAlarms} {
			query := "?date_time_from=" + noon.Add(-6*time.Hour).Format(time.RFC3339) + "&date_time_until=" + noon.Format(time.RFC3339)
			a := v.call("GET", "/v1/"+feed+query, "")
			if layout == "object" {
				a.body = a.body[len(`{"`+feed+`": `) : len(a.body)-1]
			}
			rows, _ := parse(t, a, false)
			path := map[string]string{FeedMeasurements: "/v2/measurements", FeedAlarms: "/v3/alarms"}[feed]
			exported, _ := v.export(path, rangeBody(noon.Add(-6*time.Hour), noon, "JSON"))
			if len(rows) == 0 || len(rows) != len(exported) {
				t.Errorf("%s %s: %d rows in one call, %d by export", layout, feed, len(rows), len(exported))
			}
		}
		v.Update(func(sw *Switches, _ *Faults) { sw.SyncLimit = 1000 })
		if a := v.call("GET", "/v1/measurements?date_time_from="+noon.Add(-day).Format(time.RFC3339), ""); a.status != 413 {
			t.Errorf("too large: %d %s", a.status, a.body)
		}
	}
	v := startWith(t)
	if a := v.call("GET", "/v1/measurements", ""); a.status != 403 || !strings.Contains(string(a.body), "Invalid key=value pair (missing equal-sign)") {
		t.Errorf("without synchronous calls: %d %s", a.status, a.body)
	}
}

// TestSameRowInTwoFiles: under file.duplicates a row stands in two files of a result.
func TestSameRowInTwoFiles(t *testing.T) {
	v := startWith(t, "file.duplicates=on", "file.count=n", "rows.late=off")
	files := map[string]int{}
	for _, link := range v.links("/v2/measurements", rangeBody(noon.Add(-day), noon, "JSON")) {
		rows, _ := parse(t, v.do("GET", link, ""), false)
		inFile := map[string]bool{}
		for _, r := range rows {
			if inFile[r["uuid"]] {
				t.Errorf("%s twice in one file", r["uuid"])
			}
			inFile[r["uuid"]] = true
			files[r["uuid"]]++
		}
	}
	twice := 0
	for _, n := range files {
		if n == 2 {
			twice++
		}
	}
	if twice == 0 || twice > len(files)/10 {
		t.Errorf("%d of %d rows stand in two files", twice, len(files))
	}
}

// TestLinksNameTheHostThatWasAsked: who reaches the vendor under another name
// (a container, a proxy) can follow the links.
func TestLinksNameTheHostThatWasAsked(t *testing.T) {
	v := start(t, func(c *Config) { c.Listen = "0.0.0.0:0" })
	if !strings.HasPrefix(v.URL(), "http://127.0.0.1:") {
		t.Errorf("URL %s", v.URL())
	}
	if link := v.links("/v2/measurements", "{}")[0]; !strings.HasPrefix(link, v.URL()+"/") {
		t.Errorf("link %s of a client that asked %s", link, v.URL())
	}
}

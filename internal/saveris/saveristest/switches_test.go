package saveristest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEveryKeyCanBeSet: the list of keys is complete, every value of it is taken,
// others are refused with key, value and what is expected.
func TestEveryKeyCanBeSet(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Name] || k.Help == "" || k.Name == "" || (k.Default == "" && !strings.HasPrefix(k.Name, "fault.")) {
			t.Errorf("key %+v: twice, or help or default is missing", k)
		}
		seen[k.Name] = true
		var c Config
		for _, value := range k.Values {
			if err := c.Set(k.Name, value); err != nil {
				t.Error(err)
			}
			if err := c.complete(); err != nil {
				t.Error(err)
			}
		}
		err := c.Set(k.Name, "nonsense!")
		if err == nil || !strings.Contains(err.Error(), k.Name) || !strings.Contains(err.Error(), "nonsense!") || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%s=nonsense!: %v", k.Name, err)
		}
	}
	for _, set := range []string{"fault.429=0.05", "world.sites=3", "world.cycle=10s", "world.alarm_every=off", "world.start=2026-01-01T00:00:00Z",
		"query.latency=never", "query.latency=1s-2s", "token.life=24h", "world.empty=true", "throttle.rate=3"} {
		key, value, _ := strings.Cut(set, "=")
		if err := new(Config).Set(key, value); err != nil {
			t.Error(err)
		}
	}
	for _, set := range []string{"no.such=1", "fault.429=1.5", "world.sites=-1", "world.cycle=off", "query.latency=5s-1s"} {
		key, value, _ := strings.Cut(set, "=")
		if err := new(Config).Set(key, value); err == nil {
			t.Errorf("%s was taken", set)
		}
	}
}

func TestStartRefusesUnknownValues(t *testing.T) {
	for _, cfg := range []Config{
		{Switches: Switches{FileGzip: "sometimes"}}, {Faults: Faults{Reset: 2}}, {World: World{Cycle: time.Millisecond}}, {Listen: "nowhere:port"},
	} {
		if s, err := Start(cfg); err == nil {
			s.Close()
			t.Errorf("%+v was taken", cfg)
		}
	}
}

// TestSubmitIsValidated: what the gateway and the backend say about bodies.
func TestSubmitIsValidated(t *testing.T) {
	const from = `"date_time_from":"2026-11-23T10:00:00Z"`
	for _, c := range []struct {
		set, path, body string
		status          int
		want            string
	}{
		{"", "/v2/measurements", ``, 400, "BAD_REQUEST_BODY"},
		{"", "/v2/measurements", `{`, 400, "BAD_REQUEST_BODY"},
		{"", "/v2/measurements", `[]`, 400, `(allowed: ["object"])`},
		{"", "/v2/measurements", `{"date_time_from":5}`, 400, `(allowed: ["string"])`},
		{"", "/v2/measurements", `{"date_time_from":"yesterday"}`, 400, `{"status": "Error", "message": `},
		{"", "/v2/measurements", `{"options":{"result_file_format":"csv"}}`, 400, `"detail": "[instance value ("csv") not found in enum (possible values: ["CSV","ORC","PARQUET","AVRO","JSON","TEXTFILE"])]"`},
		{"error.raw_quotes=off", "/v2/measurements", `{"options":{"result_file_format":"csv"}}`, 400, `[instance value (\"csv\") not`},
		{"", "/v3/alarms", `{"odata":{"$top":"5"}}`, 400, `properties which are not allowed by the schema: ["$top"]`},
		{"", "/v1/alarms", `{"odata":{"$top":"5"},"whatever":1}`, 200, "Submitted"},
		{"", "/v2/measurements", `{"odata":{"$select":"uuid,measurement_value"}}`, 400, "unknown column measurement_value"},
		{"odata.bad_column=500B", "/v2/measurements", `{"odata":{"$filter":"nope eq 'x'"}}`, 500, "unknown column nope"},
		{"", "/v2/measurements", `{"odata":{"$filter":"contains(serial_no,'22') and (channel_no ge 1)","$orderby":"timestamp desc,uuid asc"}}`, 200, "Submitted"},
		{"", "/v3/alarms", `{"odata":{"$select":"customer_site,physical_value"}}`, 200, "Submitted"},
		{"odata.alarm_names=live", "/v3/alarms", `{"odata":{"$select":"physical_value"}}`, 400, "unknown column"},
		{"odata.alarm_names=document", "/v3/alarms", `{"odata":{"$select":"customer_site"}}`, 400, "unknown column"},
		{"", "/v2/measurements", `{` + from + `,"date_time_until":"2026-11-23T10:00:00+00:00"}`, 400, "date_time_from must be before date_time_until."},
		{"range.reversed=400A", "/v2/measurements", `{` + from + `,"date_time_until":"2026-11-23T09:00:00Z"}`, 400, "BAD_REQUEST_PARAMETERS"},
		{"range.too_long=500B", "/v2/measurements", `{` + from + `,"date_time_until":"2026-12-23T09:00:00Z"}`, 500, "7 days"},
		{"range.too_short=400B", "/v2/measurements", `{` + from + `,"date_time_until":"2026-11-23T10:04:00Z"}`, 400, "5 minutes"},
		{"status.case=documented In Progress", "/v2/measurements", `{}`, 200, `"status":"In Progress"`},
		{"status.case=padded", "/v2/measurements", `{}`, 200, `"status":" Submitted  "`},
		{"error.gzip=on", "/v2/measurements", ``, 400, "BAD_REQUEST_BODY"},
	} {
		v := startWith(t, strings.Fields(strings.ReplaceAll(c.set, "In Progress", ""))...)
		if strings.Contains(c.set, "In Progress") {
			v.Update(func(sw *Switches, _ *Faults) { sw.PostStatus = "In Progress" })
		}
		a := v.call("POST", c.path, c.body)
		if body := string(unzip(t, a.body)); a.status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s:\n %d %s, want\n %d %s", c.set, c.path, c.body, a.status, body, c.status, c.want)
		}
	}
}

// TestPoll: what a poll answers, by switch. Each case submits a range and polls.
func TestPoll(t *testing.T) {
	const long = `{"date_time_from":"2026-10-01T00:00:00Z","date_time_until":"2026-11-01T00:00:00Z"}`
	for _, c := range []struct {
		set, body string
		status    int
		want      string
	}{
		{"query.latency=2s-30s", `{}`, 200, `{"status": "In Progress"}`},
		{"query.latency=never poll.waiting_word=Submitted", `{}`, 200, `{"status": "Submitted"}`},
		{"query.latency=never poll.waiting_word=absent", `{}`, 200, `{}`},
		{"query.latency=minutes poll.waiting_word=unknown pending.data_urls=null", `{}`, 200, `{"status": "Preparing", "data_urls": null}`},
		{"query.latency=never pending.data_urls=[] status.case=lower", `{}`, 200, `{"status": "in progress", "data_urls": []}`},
		{"world.empty=true metadata_url=missing", `{}`, 200, `{"data_urls":[],"status":"Completed"}`},
		{"world.empty=true metadata_url=missing empty.result=missing", `{}`, 200, `{"status":"Completed"}`},
		{"world.empty=true metadata_url=missing empty.result=null", `{}`, 200, `{"data_urls":null,"status":"Completed"}`},
		{"world.empty=true empty.result=blank", `{}`, 200, `/result.csv?`},
		{"", `{}`, 200, `"metadata_url":"http`},
		{"x_file_content=present", `{}`, 200, `"x-file-content":{`},
		{"range.too_long=empty metadata_url=missing", long, 200, `{"data_urls":[],"status":"Completed"}`},
		{"range.too_long=Error", long, 200, `{"status": "Error"}`},
		{"fault.error_status=1", `{}`, 200, `{"status": "Error"}`},
		{"fault.error_status=1 query.failure=Failed query.failure_text=error", `{}`, 200, `{"status": "Failed", "error": "Query failed."}`},
		{"fault.error_status=1 query.failure=500B", `{}`, 500, `{"status": "Error", "message": "Query failed."}`},
		{"odata.bad_column=Error query.failure_text=message", `{"odata":{"$select":"x"}}`, 200, `"message": "Invalid request: unknown column x."`},
		{"query.failure_text=message", `{"options":{"result_file_format":"PARQUET"}}`, 200, `"Format PARQUET is not offered by the simulator."`},
		{"fault.forgotten=1", `{}`, 400, `{"status": "Error", "message": "Request not found."}`},
		{"fault.forgotten=1 request.unknown=404", `{}`, 404, `Request not found.`},
		{"fault.forgotten=1 request.unknown=500", `{}`, 500, `Request not found.`},
		{"fault.forgotten=1 request.unknown=403", `{}`, 403, `ACCESS_DENIED`},
		{"fault.forgotten=1 request.unknown=Error", `{}`, 200, `{"status": "Error"}`},
	} {
		v := startWith(t, strings.Fields(c.set)...)
		a := v.call("GET", "/v2/measurements/"+v.submit("/v2/measurements", c.body), "")
		if a.status != c.status || !strings.Contains(string(a.body), c.want) || (strings.HasPrefix(c.want, "{") && string(a.body) != c.want) {
			t.Errorf("%s %s:\n %d %s, want\n %d %s", c.set, c.body, a.status, a.body, c.status, c.want)
		}
	}
}

func TestPollByClockAndPath(t *testing.T) {
	v := startWith(t, "query.latency=10s", "request.life=1h")
	id := v.submit("/v2/measurements", "{}")
	word := func(path string) string {
		a := v.call("GET", path+"/"+id, "")
		s, _ := a.json()["status"].(string)
		return s
	}
	steps := []struct {
		after time.Duration
		want  string
	}{{9 * time.Second, "In Progress"}, {time.Second, "Completed"}, {30 * time.Minute, "Completed"}, {time.Hour, "Error"}}
	for _, s := range steps {
		v.advance(s.after)
		if got := word("/v2/measurements"); got != s.want {
			t.Errorf("after %s: %s, want %s", s.after, got, s.want)
		}
	}
	id = v.submit("/v2/measurements", "{}")
	v.advance(time.Minute)
	if got := word("/v1/measurements"); got != "Error" {
		t.Errorf("on another path: %s", got)
	}
	v.Update(func(sw *Switches, _ *Faults) { sw.RequestOther = "answered" })
	if got := word("/v1/measurements"); got != "Completed" {
		t.Errorf("on another path, answered: %s", got)
	}
	v.ForgetRequests()
	if got := word("/v2/measurements"); got != "Error" {
		t.Errorf("after ForgetRequests: %s", got)
	}
}

// TestLinks: life, signature, headers, the errors of S3 (document 13.4).
func TestLinks(t *testing.T) {
	for _, c := range []struct {
		name, set string
		spoil     func(v *vendor, link string) answer
		status    int
		want      string
	}{
		{"good", "", func(v *vendor, l string) answer { return v.do("GET", l, "") }, 200, "uuid"},
		{"authorization", "", func(v *vendor, l string) answer { return v.call("GET", l, "") }, 400, "<Code>InvalidArgument</Code>"},
		{"authorization allowed", "url.rejects_auth_header=no", func(v *vendor, l string) answer { return v.call("GET", l, "") }, 200, "uuid"},
		{"expired", "url.life=10s", func(v *vendor, l string) answer { v.advance(11 * time.Second); return v.do("GET", l, "") }, 403, "<Message>Request has expired</Message><X-Amz-Expires>10</X-Amz-Expires>"},
		{"expired token", "url.life=10s url.death=ExpiredToken", func(v *vendor, l string) answer { v.advance(11 * time.Second); return v.do("GET", l, "") }, 400, "<Code>ExpiredToken</Code>"},
		{"expired at once", "", func(v *vendor, l string) answer { v.ExpireLinks(); return v.do("GET", l, "") }, 403, "<Code>AccessDenied</Code>"},
		{"changed", "", func(v *vendor, l string) answer {
			return v.do("GET", strings.Replace(l, "X-Amz-Expires=86400", "X-Amz-Expires=864000", 1), "")
		}, 403, "SignatureDoesNotMatch"},
		{"gone", "fault.no_such_key=1", func(v *vendor, l string) answer { return v.do("GET", l, "") }, 404, "<Code>NoSuchKey</Code>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := startWith(t, strings.Fields(c.set)...)
			link := v.links("/v2/measurements", `{"options":{"result_file_format":"CSV"}}`)[0]
			a := c.spoil(v, link)
			if a.status != c.status || !strings.Contains(string(a.body), c.want) {
				t.Errorf("%d %s, want %d %s", a.status, a.body, c.status, c.want)
			}
		})
	}
}

func TestFreshLinks(t *testing.T) {
	for fresh, want := range map[string]int{"yes": 200, "no": 403} {
		v := startWith(t, "poll.fresh_urls="+fresh)
		id := v.submit("/v2/measurements", "{}")
		link := func() string {
			return v.call("GET", "/v2/measurements/"+id, "").json()["data_urls"].([]any)[0].(string)
		}
		link()
		v.ExpireLinks()
		if a := v.do("GET", link(), ""); a.status != want {
			t.Errorf("poll.fresh_urls=%s: %d, want %d", fresh, a.status, want)
		}
	}
}

// TestRowSwitches: what a row looks like, by switch.
func TestRowSwitches(t *testing.T) {
	for _, c := range []struct {
		set, path string
		body      string
		want      func(row string) bool
	}{
		{"rows.extra_column=on", "/v2/measurements", "JSON", has(`"signal_quality":"GOOD"`)},
		{"rows.missing_column=on", "/v2/measurements", "JSON", hasNot("model_code")},
		{"rows.missing_column=on", "/v3/alarms", "JSON", hasNot("alarm_time_local")},
		{"json.null=null", "/v3/alarms", "JSON", has(":null")},
		{"alarm.names=document", "/v3/alarms", "JSON", has(`"customer_site_uuid":`)},
		{"", "/v3/alarms", "JSON", has(`"customer_site":`)},
		{"", "/v3/alarms", "JSON", hasNot(`"customer_site_uuid":`)},
		{"alarm.value=number", "/v3/alarms", "JSON", hasNot(`"alarm_value":"`)},
		{"alarm.type_text=measurement_alarm", "/v3/alarms", "JSON", hasNot("measurement alarm")},
		{"alarm.source_uuid=null json.null=null", "/v3/alarms", "JSON", has(`"alarm_source_uuid":null`)},
		{"alarm.source_uuid=empty", "/v3/alarms", "JSON", has(`"alarm_source_uuid":""`)},
		{"alarm.source_event=never", "/v3/alarms", "JSON", hasNot("source_alarm_event_uuid")},
		{"site.value=text", "/v2/measurements", "JSON", has(`"customer_site":"R-01`)},
		{"unit.text=CELSIUS", "/v2/measurements", "JSON", hasNot("°C")},
		{"local.suffix=offset", "/v2/measurements", "JSON", has(`+01:00"`)},
		{"csv.time=blank", "/v2/measurements", "CSV", has(` 11:`)},
		{"csv.time=UTC", "/v2/measurements", "CSV", has(`.000 UTC"`)},
		{"csv.time=minutes", "/v2/measurements", "CSV", has(`T11:00Z"`)},
		{"json.time=UTC", "/v2/measurements", "JSON", has(`.000 UTC"`)},
		{"time.fraction=zeros", "/v2/measurements", "JSON", has(`:00.000Z"`)},
		{"time.fraction=nine", "/v3/alarms", "CSV", has(`.000000000Z"`)},
		{"uuid.case=padded", "/v2/measurements", "JSON", has(`"uuid":" `)},
		{"uuid.case=upper", "/v3/alarms", "JSON", regexp.MustCompile(`"tenant_uuid":"[0-9A-F-]*[A-F][0-9A-F-]*"`).MatchString},
		{"json.channel_no=float", "/v2/measurements", "JSON", has(`"channel_no":1.0,`)},
		{"json.channel_no=string", "/v2/measurements", "JSON", has(`"channel_no":"1",`)},
		{"json.channel_no=exponent", "/v2/measurements", "JSON", has(`"channel_no":1e0,`)},
		{"json.channel_no=float", "/v2/measurements", "CSV", has(`,"1",`)},
		{"column.case=upper", "/v2/measurements", "CSV", has(`"SENSOR_UUID",`)},
		{"column.case=camel", "/v3/alarms", "JSON", has(`"alarmSourceUuid":`)},
		{"column.case=padded", "/v3/alarms", "JSON", has(`" alarm_value ":`)},
		{"value.broken_probe=NaN", "/v2/measurements", "JSON", has(`"measurement":NaN,`)},
		{"value.broken_probe=NaN alarm.value=number world.alarm_every=10m", "/v3/alarms", "JSON", has(`"alarm_value":NaN,`)},
		{"value.broken_probe=Infinity", "/v2/measurements", "JSON", has(`"measurement":-Infinity,`)},
		{"value.broken_probe=string", "/v2/measurements", "JSON", has(`"measurement":"NaN",`)},
		{"value.broken_probe=NaN", "/v2/measurements", "CSV", has(`,"NaN",`)},
		{"csv.quoting=none", "/v2/measurements", "CSV", hasNot(`"`)},
		{"csv.quoting=minimal", "/v2/measurements", "CSV", has(`"Air Temperature"`)},
		{"csv.null=quoted csv.quoting=none", "/v2/measurements", "CSV", has(`,"",`)},
		{"", "/v2/measurements", `CSV"},"odata":{"$select":"measurement,uuid`, has("\"uuid\",\"measurement\"\n")},
		{"select.order=requested", "/v2/measurements", `CSV"},"odata":{"$select":"measurement,uuid`, has("\"measurement\",\"uuid\"\n")},
	} {
		v := startWith(t, append(strings.Fields(c.set), "file.gzip=never", "file.count=1", "world.alarm_every=1h", "rows.late=off")...)
		body := `{"date_time_from":"2026-11-23T08:00:00Z","date_time_until":"2026-11-23T12:00:00Z","options":{"result_file_format":"` + c.body + `"}}`
		file := string(v.do("GET", v.links(c.path, body)[0], "").body)
		if !c.want(file) {
			t.Errorf("%s %s %s: %s", c.set, c.path, c.body, file[:min(len(file), 900)])
		}
	}
}

func has(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}
func hasNot(part string) func(string) bool {
	return func(s string) bool { return !strings.Contains(s, part) }
}

// TestRangeColumn: under range.column=processed_at a window holds what arrived in
// it, whenever it was measured.
func TestRangeColumn(t *testing.T) {
	v := startWith(t, "range.column=processed_at", "world.late_share=0.2")
	rows, _ := v.export("/v2/measurements", rangeBody(noon.Add(-2*time.Hour), noon, "JSON"))
	want := map[string]bool{}
	for m := range v.Measurements(noon.Add(-5*day), noon, noon) {
		if !m.ProcessedAt.Before(noon.Add(-2 * time.Hour)) {
			want[m.UUID] = true
		}
	}
	early := 0
	for _, r := range rows {
		if !want[r["uuid"]] {
			t.Errorf("row %v did not arrive in the window", r)
		}
		delete(want, r["uuid"])
		if r["timestamp"] < "2026-11-23T10" {
			early++
		}
	}
	if len(want) > 0 || early == 0 {
		t.Errorf("%d rows missing, %d were measured before the window", len(want), early)
	}
}

// TestMixedSpellings: under mixed the same rows come in another spelling from one result to the next.
func TestMixedSpellings(t *testing.T) {
	for key, parts := range map[string][]string{
		"time.fraction": {`:00Z"`, `:00.000Z"`, `:00.000000000Z"`}, "uuid.case": {`"uuid":"b`, `"uuid":"B`, `"uuid":" b`},
		"json.channel_no": {`_no":1,`, `_no":1.0,`, `_no":"1",`, `_no":1e0,`}, "column.case": {`"sensor_uuid"`, `"SENSOR_UUID"`, `"sensorUuid"`, `" sensor_uuid "`},
		"json.time": {`:00Z"`, `:00.000"`, `.000 UTC"`, `T11:00Z"`},
	} {
		v, seen := startWith(t, key+"=mixed", "file.gzip=never", "file.count=1", "rows.late=off"), map[string]bool{}
		for range 60 {
			file := string(v.do("GET", v.links("/v2/measurements", rangeBody(noon.Add(-2*time.Hour), noon, "JSON"))[0], "").body)
			for _, part := range parts {
				seen[part] = seen[part] || strings.Contains(file, part)
			}
		}
		for _, part := range parts {
			if !seen[part] {
				t.Errorf("%s=mixed never wrote %s", key, part)
			}
		}
	}
}

func TestSortedFiles(t *testing.T) {
	for order, want := range map[string]bool{"sorted": true, "shuffled": false} {
		v := startWith(t, "file.order="+order, "file.count=1")
		rows, _ := v.export("/v2/measurements", rangeBody(noon.Add(-day), noon, "JSON"))
		sorted := slices.IsSortedFunc(rows, func(a, b map[string]string) int { return strings.Compare(a["timestamp"], b["timestamp"]) })
		if sorted != want {
			t.Errorf("file.order=%s: sorted %v", order, sorted)
		}
	}
}

func TestThrottle(t *testing.T) {
	v := startWith(t, "throttle.rate=3", "throttle.retry_after=2s")
	v.Update(func(sw *Switches, _ *Faults) { sw.Throttle = "Limit Exceeded" })
	var last answer
	for range 4 {
		last = v.do("POST", "/v1/token", `{"username":"demo","password":"demo"}`)
	}
	if last.status != 429 || string(last.body) != `{"message":"Limit Exceeded"}` || last.header.Get("Retry-After") != "2" {
		t.Errorf("fourth request: %d %s %v", last.status, last.body, last.header)
	}
	v.advance(time.Second)
	if v.submit("/v2/measurements", "{}"); v.Count("submit") != 1 {
		t.Errorf("%d submits counted", v.Count("submit"))
	}
}

func TestPost504(t *testing.T) {
	for mode, kept := range map[string]int{"lost": 1, "started": 2} {
		v := startWith(t, "post.504="+mode)
		if a := v.call("POST", "/v2/measurements", "{}"); a.status != 504 || !strings.Contains(string(a.body), "INTEGRATION_TIMEOUT") {
			t.Errorf("first POST: %d %s", a.status, a.body)
		}
		v.submit("/v2/measurements", "{}")
		if len(v.exports) != kept {
			t.Errorf("post.504=%s: %d queries started", mode, len(v.exports))
		}
	}
}

func TestDateFollowsTheVendorsClock(t *testing.T) {
	v := startWith(t)
	v.advance(-100 * day)
	a := v.do("OPTIONS", "/v2/measurements", "")
	if want := noon.Add(-100 * day).Format(http.TimeFormat); a.header.Get("Date") != want || a.status != 200 || string(a.body) != "{}" {
		t.Errorf("Date %s, want %s; %d %s", a.header.Get("Date"), want, a.status, a.body)
	}
}

package saveristest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
)

// samples are values of the switches that take any number or time.
var samples = map[string][]string{
	"token.life": {"1h0m0s", "1m0s"}, "request.life": {"1h0m0s", "24h0m0s"}, "url.life": {"24h0m0s", "1m0s"}, "query.latency": {"zero", "never"}, "file.max": {"3", "4"},
	"throttle.rate": {"3", "7"}, "throttle.retry_after": {"0s", "2s"}, "sync.limit": {"100", "6291456"},
}

// matters is what has to be set beside a switch, so that it has an effect.
var matters = map[string]string{
	"auth.expired": "fault.expired_token=1", "auth.no_licence_feed": "auth.no_licence=403A",
	"poll.waiting_word": "query.latency=never", "pending.data_urls": "query.latency=never", "request.unknown": "fault.forgotten=1",
	"query.failure": "fault.error_status=1", "query.failure_text": "fault.error_status=1", "empty.result": "world.empty=true",
	"range.column": "world.late_share=0.3", "rows.retransmit": "world.retransmit_share=0.3", "rows.changed_content": "world.revise_share=0.3",
	"file.max": "file.count=n", "file.order": "file.count=1", "file.duplicates": "file.count=n world.retransmit_share=0.0000001", "file.gzip": "file.count=n",
	"csv.null": "csv.quoting=none", "url.death": "fault.expired_link=1", "throttle.rate": "throttle=Limit Exceeded", "throttle.retry_after": "throttle=Limit Exceeded",
	"throttle": "throttle.rate=20", "retired.answer": "retired=newest", "redirect.to": "redirect=307", "sync.columns": "sync=array", "sync.limit": "sync=array",
	"select.order": "file.gzip=never", "tasks.column": "world.sites=40 world.late_share=0.5 world.task_every=30m",
}

// same are values that do the same as another.
var same = map[string]string{"range.ends=open-until": "half-open"}

// TestEveryValueOfASwitchShows: no switch is without effect, no two of its values have the same, and all of it goes over
// the wire. A new switch needs an observer, and maybe a request of ask.
func TestEveryValueOfASwitchShows(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, key := range Keys() {
		if strings.HasPrefix(key.Name, "world.") || strings.HasPrefix(key.Name, "fault.") {
			continue
		}
		values := append(key.Values, samples[key.Name]...)
		if len(values) < 2 {
			t.Errorf("%s: no values to try", key.Name)
		}
		for _, value := range values {
			if tried++; !variants.Take(tried, 3) {
				continue
			}
			t.Run(key.Name+"="+value, func(t *testing.T) {
				t.Parallel()
				want := value
				if other := same[key.Name+"="+value]; other != "" {
					want = other
				}
				if got := ask(t, key.Name, value).Shows(key.Name); got != want {
					t.Errorf("what goes over the wire shows %q, want %q", got, want)
				}
			})
		}
	}
}

// ask starts a vendor with a value and asks it all that can be asked, good and bad.
func ask(t *testing.T, key, value string) Traffic {
	v := start(t, func(c *Config) {
		c.Watch, c.World.Sites, c.World.AlarmEvery = true, 1, 2*time.Hour // few rows: there are hundreds of vendors
		settings := append(splitSettings(matters[key]), key+"="+value)
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			if err := c.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	})
	v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	began := v.now()
	v.clock.Add(int64(time.Hour)) // the start is past
	v.login()
	if fleetObservers[key] != nil {
		v.askFleet()
		return v.Traffic()
	}
	v.do("GET", "/v2/measurements/"+nobody, "", "x-custom-api-key", "demo-key")
	for range 9 { // some things are drawn anew for each result
		v.result("/v2/measurements", rangeBody(began.Add(-3*time.Hour), began, "JSON"))
		v.advance(time.Second)
	}
	v.result("/v2/measurements", rangeBody(began.Add(-3*time.Hour), began, "CSV"))
	v.result("/v3/alarms", rangeBody(began.Add(-40*24*time.Hour), began.Add(-39*24*time.Hour), "JSON"))
	v.result("/v3/alarms", rangeBody(began.Add(-30*24*time.Hour), began.Add(-28*24*time.Hour), "JSON"))
	v.result("/v3/alarms", rangeBody(began.Add(-30*24*time.Hour), began.Add(-28*24*time.Hour), "CSV"))
	v.result("/v1/measurements", rangeBody(began.Add(-time.Hour), began, "JSON"))
	v.result("/v2/alarms", rangeBody(began.Add(-time.Hour), began, "JSON"))
	if key == "range.too_long" {
		v.result("/v2/measurements", rangeBody(began.Add(-7*24*time.Hour-time.Second), began, "CSV"))
	}
	v.result("/v2/measurements", rangeBody(began.Add(-time.Minute), began.Add(time.Minute), "CSV"))
	v.result("/v2/measurements", rangeBody(began, began.Add(-time.Hour), "CSV"))
	for _, feed := range []string{FeedMeasurements, FeedAlarms} {
		v.call("GET", fmt.Sprintf("/v1/%s?date_time_from=%s&date_time_until=%s", feed, stampOf(began.Add(-time.Hour)), stampOf(began)), "")
	}
	for _, choice := range []string{"physical_property_name", "physical_value"} {
		v.result("/v3/alarms", selecting(choice))
	}
	v.result("/v2/measurements", selecting("no_such_column"))
	v.result("/v2/measurements", selecting("measurement,uuid"))
	v.call("POST", "/v2/measurements", `{"date_time_from":5}`)
	v.call("GET", "/v9/nothing", "")
	v.aged(rangeBody(began.Add(-time.Hour), began, "JSON"))
	v.result("/v2/measurements", rangeBody(began.Add(-3*time.Hour), began, "JSON"))
	return v.Traffic()
}

// askFleet asks what there is.
func (v *vendor) askFleet() {
	for _, format := range []string{"JSON", "CSV"} {
		v.result("/v3/tasks", rangeBody(noon.Add(-144*time.Minute), noon, format))
		for _, feed := range []string{"v3/devices/properties", "v4/devices/status", "v4/equipments", "v3/tenants", "v1/measuring-objects"} {
			v.result("/"+feed, `{"options":{"result_file_format":"`+format+`"}}`)
		}
	}
	for _, path := range []string{"/v1/tenants", "/v2/tenants-sync", "/v3/tenants-sync"} {
		v.call("GET", path, "")
	}
}

const nobody = "00000000-0000-4000-8000-000000000000"

func stampOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func selecting(columns string) string {
	return `{"options":{"result_file_format":"CSV"},"odata":{"$select":"` + columns + `"}}`
}

// splitSettings parts settings at blanks; a value that has a blank stands last.
func splitSettings(text string) []string {
	if strings.Contains(text, "Limit Exceeded") {
		return []string{text}
	}
	return strings.Fields(text)
}

func (v *vendor) login() { v.call("OPTIONS", "/v2/measurements", "") }

// result submits and goes as far as the vendor lets: it polls twice, at two paths too, and downloads with and without a login.
func (v *vendor) result(path, body string) {
	id, _ := v.call("POST", path, body).json()["request_uuid"].(string)
	if id == "" {
		return
	}
	v.call("GET", path+"/"+id, "")
	v.ExpireLinks()
	last := v.call("GET", path+"/"+id, "")
	v.call("GET", "/v1/measurements/"+id, "")
	for i, link := range (Exchange{Body: last.body}).links() {
		if v.do("GET", link, ""); i == 0 {
			v.call("GET", link, "")
		}
	}
}

// aged polls a result until it is two days old.
func (v *vendor) aged(body string) {
	id, _ := v.call("POST", "/v2/measurements", body).json()["request_uuid"].(string)
	for _, after := range []time.Duration{59 * time.Minute, time.Minute, 22*time.Hour + 59*time.Minute, time.Minute, 24 * time.Hour} {
		v.advance(after)
		v.call("GET", "/v2/measurements/"+id, "")
	}
}

// TestAShortFileDoesNotHideThatArraysFollowEachOther: a file of ten rows or fewer is one array under both layouts.
func TestAShortFileDoesNotHideThatArraysFollowEachOther(t *testing.T) {
	row := `{"value": "` + strings.Repeat("x", 400) + `"}`
	file := func(text string) Exchange {
		return Exchange{Kind: "download", Feed: FeedAlarms, Path: "/x.json", Status: http.StatusOK, Body: []byte(text)}
	}
	short, long := file("["+row+"]"), file("["+row+"]\n["+row+"]")
	if got := (Traffic{short, long}).Shows("json.layout"); got != "arrays" {
		t.Errorf("the traffic shows %q, want arrays", got)
	}
	if got := (Traffic{short}).Shows("json.layout"); got != "array" {
		t.Errorf("the traffic shows %q, want array", got)
	}
}

package saveris

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const oneTenant = `{"tenant_uuid":"t1","organisation_name":"Restaurant Musterstadt"}`

// fleetVendor answers the synchronous paths as given, and every export with one tenant; asked collects what it is asked for.
func fleetVendor(asked *[]string, answers map[string]func() *http.Response) wire {
	return vendor(func(req *http.Request) *http.Response {
		if req.URL.Path == tokenPath || req.URL.Host == "files.example.net" {
			if req.URL.Path != tokenPath {
				return reply(200, oneTenant+"\n")
			}
			return nil
		}
		path := strings.TrimSuffix(req.URL.Path, "/"+exportID)
		if path == req.URL.Path {
			*asked = append(*asked, req.Method+" "+path)
		}
		switch answer := answers[req.Method+" "+path]; {
		case answer != nil:
			return answer()
		case path != req.URL.Path:
			return reply(200, `{"status":"Completed","data_urls":["https://files.example.net/a?X-Amz-Signature=sealed"]}`)
		case req.Method == http.MethodGet:
			return reply(403, `{"message":"Missing Authentication Token"}`)
		}
		return nil
	})
}

func tenants(t *testing.T, c *Client, rowsExpected bool) (names []string, ans Answer, err error) {
	t.Helper()
	ans, err = c.Snapshot(t.Context(), SnapshotQuery{Feed: Tenants, RowsExpected: rowsExpected}, func(r *Row) error {
		if r.Err != nil {
			names = append(names, r.Err.Error())
			return nil
		}
		names = append(names, string(r.Fields[0].Text))
		return nil
	})
	return names, ans, err
}

func TestASnapshotTakesTheNewestRouteThatAnswers(t *testing.T) {
	t.Parallel()
	ok := func() *http.Response { return reply(200, `{"tenants":[`+oneTenant+`]}`) }
	status := func(code int, body string) func() *http.Response {
		return func() *http.Response { return reply(code, body) }
	}
	v3, v2, v1, export := "GET /v3/tenants-sync", "GET /v2/tenants-sync", "GET /v1/tenants", "POST /v3/tenants"
	for name, tt := range map[string]struct {
		answers       map[string]func() *http.Response
		first, second []string // what two looks ask for
	}{
		"newest":        {map[string]func() *http.Response{v3: ok}, []string{v3}, []string{v3}},
		"no such path":  {map[string]func() *http.Response{v2: ok}, []string{v3, v2}, []string{v2}},
		"404":           {map[string]func() *http.Response{v3: status(404, ""), v2: ok}, []string{v3, v2}, []string{v2}},
		"405":           {map[string]func() *http.Response{v3: status(405, ""), v2: ok}, []string{v3, v2}, []string{v2}},
		"410":           {map[string]func() *http.Response{v3: status(410, ""), v2: ok}, []string{v3, v2}, []string{v2}},
		"signature":     {map[string]func() *http.Response{v3: status(403, `{"message":"Authorization header requires 'Signature' parameter."}`), v1: ok}, []string{v3, v2, v1}, []string{v1}},
		"refused":       {map[string]func() *http.Response{v3: status(403, `{"message":"no licence"}`), v2: ok}, []string{v3, v2}, []string{v2}},
		"413":           {map[string]func() *http.Response{v3: status(413, ""), v2: status(413, ""), v1: status(413, "")}, []string{v3, v2, v1, export}, []string{export}},
		"none":          {nil, []string{v3, v2, v1, export}, []string{export}},
		"500":           {map[string]func() *http.Response{v3: status(500, ""), v2: ok}, []string{v3, v3, v3, v3, v2}, []string{v3, v3, v3, v3, v2}},
		"no list":       {map[string]func() *http.Response{v3: status(200, `{"message":"soon"}`)}, []string{v3, v2, v1, export}, []string{export}},
		"null":          {map[string]func() *http.Response{v3: status(200, `{"tenants":null}`)}, []string{v3, v2, v1, export}, []string{export}},
		"an error":      {map[string]func() *http.Response{v3: status(200, `{"tenants":[],"status":"Error"}`)}, []string{v3, v2, v1, export}, []string{export}},
		"no JSON":       {map[string]func() *http.Response{v3: status(200, `<html>`), v2: status(200, `{"tenants":[`)}, []string{v3, v2, v1, export}, []string{export}},
		"bare list":     {map[string]func() *http.Response{v3: status(200, `[`+oneTenant+`]`)}, []string{v3}, []string{v3}},
		"other members": {map[string]func() *http.Response{v3: status(200, `{"error":null,"Tenants":[`+oneTenant+`],"count":1}`)}, []string{v3}, []string{v3}},
	} {
		var asked []string
		c := quick(wired(t, fleetVendor(&asked, tt.answers), func(cfg *Config) { cfg.Sync = SyncAuto }))
		for i, want := range [][]string{tt.first, tt.second} {
			asked = nil
			got, ans, err := tenants(t, c, true)
			if err != nil || !slices.Equal(got, []string{"t1"}) || !slices.Equal(asked, want) {
				t.Errorf("%s, look %d: %q by %q, want %q (%v)", name, i+1, got, asked, want, err)
			}
			last := want[len(want)-1]
			if ans.Endpoint != last[strings.Index(last, "/"):] || (ans.Route == RouteExport) != (last == export) {
				t.Errorf("%s: by %s %s", name, ans.Route, ans.Endpoint)
			}
		}
	}
}

func TestAnEmptySnapshotIsConfirmedByAnExport(t *testing.T) {
	t.Parallel()
	var asked []string
	c := quick(wired(t, fleetVendor(&asked, map[string]func() *http.Response{"GET /v3/tenants-sync": func() *http.Response { return reply(200, `{"tenants":[]}`) }}), func(cfg *Config) { cfg.Sync = SyncAuto }))
	if got, ans, err := tenants(t, c, false); err != nil || len(got) > 0 || ans.Route != RouteSync {
		t.Errorf("where none are known: %q by %s (%v)", got, ans.Route, err)
	}
	if got, ans, err := tenants(t, c, true); err != nil || len(got) != 1 || ans.Route != RouteExport {
		t.Errorf("where there were some: %q by %s (%v)", got, ans.Route, err)
	}
}

// TestAnExportOlderThanWhatWasSeenIsNotAdopted: what there was before would look like a change back.
func TestAnExportOlderThanWhatWasSeenIsNotAdopted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		newer       time.Duration // than when the export was asked for
		submissions int
	}{"nothing was seen since": {-time.Minute, 1}, "seen meanwhile": {time.Minute, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []string
				began := time.Now()
				client := wired(t, fleetVendor(&asked, map[string]func() *http.Response{"GET /v3/tenants": func() *http.Response {
					if time.Since(began) < 20*time.Minute {
						return reply(200, `{"status":"In Progress"}`)
					}
					return reply(200, `{"status":"Completed","data_urls":["https://files.example.net/a?X-Amz-Signature=sealed"]}`)
				}}), func(cfg *Config) { cfg.Sync = SyncNever })
				if _, _, err := tenants(t, client, true); !errors.Is(err, ErrNotReady) {
					t.Fatalf("got %v", err)
				}
				ans, err := client.Snapshot(t.Context(), SnapshotQuery{Feed: Tenants, NewerThan: began.Add(c.newer)}, func(*Row) error { return nil })
				if err != nil || ans.AskedAt.Before(began.Add(c.newer)) || len(asked) != c.submissions {
					t.Errorf("asked at %v after %v, %q (%v)", ans.AskedAt, began, asked, err)
				}
			})
		})
	}
}

func TestSyncModeDecidesForSnapshots(t *testing.T) {
	t.Parallel()
	var asked []string
	answers := map[string]func() *http.Response{}
	never := quick(wired(t, fleetVendor(&asked, answers), func(cfg *Config) { cfg.Sync = SyncNever }))
	if _, _, err := tenants(t, never, true); err != nil || !slices.Equal(asked, []string{"POST /v3/tenants"}) {
		t.Errorf("never: %q (%v)", asked, err)
	}
	always := quick(wired(t, fleetVendor(&asked, answers), func(cfg *Config) { cfg.Sync = SyncAlways }))
	asked = nil
	if _, _, err := tenants(t, always, true); !errors.Is(err, ErrRetired) || slices.Contains(asked, "POST /v3/tenants") {
		t.Errorf("always, none there: %v, %q", err, asked)
	}
	answers["GET /v3/tenants-sync"] = func() *http.Response { return reply(403, `{"message":"no licence"}`) }
	if _, _, err := tenants(t, always, true); !errors.Is(err, ErrForbidden) {
		t.Errorf("always, refused: %v", err)
	}
	answers["GET /v3/tenants-sync"] = func() *http.Response { return reply(200, `{"rows":[]}`) }
	if _, _, err := tenants(t, always, true); !errors.Is(err, ErrNotUnderstood) && !errors.Is(err, ErrRetired) {
		t.Errorf("always, not understood: %v", err)
	}
	if _, err := always.Snapshot(t.Context(), SnapshotQuery{Feed: Locations}, nothing); !errors.Is(err, ErrNoSync) {
		t.Errorf("always, locations: %v", err)
	}
	if _, err := always.Snapshot(t.Context(), SnapshotQuery{Feed: Alarms}, nothing); err == nil {
		t.Error("alarms are no snapshot")
	}
}

// TestAnEndpointPastItsSunsetIsNotAskedAgain, and one that is of no use is asked again after an hour.
func TestAnEndpointPastItsSunsetIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		end := time.Now().Add(31 * time.Minute)
		c := quick(wired(t, fleetVendor(&asked, map[string]func() *http.Response{"GET /v3/tenants-sync": func() *http.Response {
			return reply(200, `{"tenants":[`+oneTenant+`]}`, "Sunset", end.UTC().Format(http.TimeFormat))
		}}), func(cfg *Config) { cfg.Sync = SyncAuto }))
		for _, want := range [][]string{
			{"GET /v3/tenants-sync"}, {"GET /v3/tenants-sync"}, {"GET /v3/tenants-sync"}, // 0, 15 and 30 minutes
			{"GET /v2/tenants-sync", "GET /v1/tenants", "POST /v3/tenants"}, {"POST /v3/tenants"}, {"POST /v3/tenants"}, {"POST /v3/tenants"},
			{"GET /v2/tenants-sync", "GET /v1/tenants", "POST /v3/tenants"},
		} {
			asked = nil
			if _, _, err := tenants(t, c, true); err != nil || !slices.Equal(asked, want) {
				t.Errorf("asked %q, want %q (%v)", asked, want, err)
			}
			time.Sleep(15*time.Minute + time.Second) // of the bubble: no clock runs
		}
	})
}

func TestASnapshotHasNoRangeAndMayBeRefused(t *testing.T) {
	t.Parallel()
	var asked, bodies []string
	c := quick(wired(t, func(req *http.Request) *http.Response {
		if req.Method == http.MethodPost && req.URL.Path != tokenPath {
			b, _ := io.ReadAll(req.Body)
			bodies = append(bodies, string(b))
		}
		return fleetVendor(&asked, map[string]func() *http.Response{"POST /v1/locations": func() *http.Response { return reply(403, `{"message":"no licence"}`) }})(req)
	}))
	if _, err := c.Snapshot(t.Context(), SnapshotQuery{Feed: Locations}, nothing); !errors.Is(err, ErrForbidden) {
		t.Errorf("locations: %v", err)
	}
	if _, _, err := tenants(t, c, false); err != nil || bodies[len(bodies)-1] != `{"options":{"result_file_format":"JSON"}}` {
		t.Errorf("sent %q (%v)", bodies, err)
	}
	if n := c.ExportsInFlight(); n != 0 {
		t.Errorf("%d exports are in flight", n)
	}
}

func TestAFileOfAnotherKindIsNoSnapshot(t *testing.T) {
	t.Parallel()
	for _, file := range []string{`{"message":"soon"}` + "\n", "a,b\n1,2\n", `{"measurement":1,"timestamp":"x"}`} {
		c := quick(wired(t, vendor(func(req *http.Request) *http.Response {
			switch {
			case req.URL.Host == "files.example.net":
				return reply(200, file)
			case req.URL.Path == "/v3/tenants/"+exportID:
				return reply(200, `{"status":"Completed","data_urls":["https://files.example.net/a?X-Amz-Signature=sealed"]}`)
			}
			return nil
		})))
		if _, _, err := tenants(t, c, false); !errors.Is(err, ErrNotUnderstood) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// TestAListThatIsNotAllIsNotUnderstood: what it lacks would count as gone.
func TestAListThatIsNotAllIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for answer, all := range map[string]bool{
		`[{"a":1}]`: true,
		`{"tenants":[{"a":1}],"count":1,"next":null}`:     true,
		`{"tenants":[],"total":0,"errors":[],"error":{}}`: true,
		`{"tenants":[{"a":1}],"page":1,"total_pages":1}`:  true,
		`{"status":"ok","Tenants":[{"a":1}],"next":""}`:   true,
		`{"tenants":[{"a":1}],"next_token":"abc"}`:        false,
		`{"tenants":[{"a":1}],"nextLink":"https://x"}`:    false,
		`{"tenants":[{"a":1}],"paging":{"hasMore":true}}`: false,
		`{"tenants":[{"a":1}],"next":{"offset":100}}`:     false,
		`{"tenants":[{"a":1}],"total":2}`:                 false,
		`{"tenants":[{"a":1}],"page":{"totalCount":"2"}}`: false,
		`{"tenants":[{"a":1}],"truncated":true}`:          false,
		`{"tenants":[{"a":1}],"error":{"code":500}}`:      false,
		`{"tenants":[{"a":1}],"errors":["timeout"]}`:      false,
		`{"tenants":[],"status":"failed"}`:                false,
		`{"tenants":[],"tenants":[{"a":1}]}`:              false,
		`{"tenants":{"a":1}}`:                             false,
		`{"items":[{"a":1}]}`:                             false,
	} {
		if _, err := listIn([]byte(answer), "tenants"); err == nil != all {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestElementsOfAList(t *testing.T) {
	t.Parallel()
	var got []string
	err := Elements([]byte(` [{"a":1,"b":[{"c":"x"}]}, 5, {"a":"y"}]`), func(r *Row) error {
		if r.Err != nil {
			got = append(got, "odd "+string(r.Raw))
			return nil
		}
		for _, f := range r.Fields {
			got = append(got, f.Name+"="+string(f.Text))
		}
		return nil
	})
	if want := []string{"a=1", `b=[{"c":"x"}]`, "odd 5", "a=y"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q (%v)", got, err)
	}
	for _, odd := range []string{``, `{}`, `null`, `[{]`} {
		if err := Elements([]byte(odd), nothing); err == nil {
			t.Errorf("%q is a list", odd)
		}
	}
}

// TestSnapshotsLeaveASlotForLiveWindows: of two slots they take one, whichever kinds are asked for.
func TestSnapshotsLeaveASlotForLiveWindows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var submitted atomic.Int32
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			switch {
			case req.Method == http.MethodPost && req.URL.Path != tokenPath:
				submitted.Add(1)
			case strings.HasSuffix(req.URL.Path, exportID):
				return reply(200, `{"status":"In Progress"}`)
			}
			return nil
		}))
		ctx, cancel := context.WithCancel(t.Context())
		var ends sync.WaitGroup
		for _, feed := range []Feed{Locations, MeasuringObjects} {
			ends.Go(func() {
				if _, err := c.Snapshot(ctx, SnapshotQuery{Feed: feed}, nothing); !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", feed, err)
				}
			})
		}
		time.Sleep(time.Minute) // of the bubble: no clock runs
		if n := submitted.Load(); n != 1 || len(c.Running()) != 0 {
			t.Errorf("%d are submitted, %v run as windows", n, c.Running())
		}
		cancel()
		ends.Wait()
	})
}

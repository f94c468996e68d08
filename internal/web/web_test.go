package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func serve(t *testing.T, source Source, options Options, moves pace) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler(source, options, moves))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server
}

func get(t *testing.T, server *httptest.Server, path string, header ...string) *http.Response {
	t.Helper()
	return do(t, server, http.MethodGet, path, header...)
}

func do(t *testing.T, server *httptest.Server, method, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func events(t *testing.T, server *httptest.Server, query string) *http.Response {
	t.Helper()
	return get(t, server, "/events"+query)
}

// frame reads the next event of a stream: its name, "" for a picture, and its data.
func frame(t *testing.T, r *bufio.Reader) (name string, data map[string]json.RawMessage) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		if rest, found := strings.CutPrefix(line, "event: "); found {
			name = rest
		}
		if rest, found := strings.CutPrefix(line, "data: "); found {
			if err := json.Unmarshal([]byte(rest), &data); err != nil {
				t.Fatal(err)
			}
		}
		if line == "" {
			return name, data
		}
	}
}

func quick(t *testing.T) *httptest.Server {
	return serve(t, newFake(calm(time.Now().UTC())), Options{Version: "v1", Poll: time.Minute}, usual)
}

func TestOnlyWhatThePageLivesOnIsAnswered(t *testing.T) {
	server := quick(t)
	for _, c := range []struct {
		method, path string
		status       int
		contentType  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/page/page.css", 200, "text/css; charset=utf-8"},
		{"GET", "/page/main.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/page/icon.svg", 200, "image/svg+xml"},
		{"GET", "/status.json", 200, "application/json"},
		{"HEAD", "/events", 200, "text/event-stream"},
		{"GET", "/other", 404, ""},
		{"GET", "/page/", 404, ""},
		{"GET", "/page/none.js", 404, ""},
		{"GET", "/page/..%2fweb.go", 404, ""},
		{"POST", "/", 405, ""},
		{"POST", "/events", 405, ""},
		{"DELETE", "/status.json", 405, ""},
	} {
		answer := do(t, server, c.method, c.path)
		if answer.StatusCode != c.status || c.contentType != "" && answer.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%s %s: %d, %q", c.method, c.path, answer.StatusCode, answer.Header.Get("Content-Type"))
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	server := quick(t)
	for _, path := range []string{"/", "/page/main.js", "/status.json", "/events", "/none"} {
		h := get(t, server, path).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin":  "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		for _, rule := range []string{"default-src 'none'", "script-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), rule) {
				t.Errorf("%s: no %s in the policy", path, rule)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: the policy allows what is unsafe", path)
		}
	}
}

func TestPageIsAskedForAgainAndNotSentAgain(t *testing.T) {
	server := quick(t)
	first := get(t, server, "/")
	if first.Header.Get("Cache-Control") != "no-cache" || first.Header.Get("ETag") == "" {
		t.Fatalf("headers: %v", first.Header)
	}
	if again := get(t, server, "/", "If-None-Match", first.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("the same page is answered with %d", again.StatusCode)
	}
}

func TestPageHasNoResourceFromElsewhere(t *testing.T) {
	entries, err := page.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := page.ReadFile("page/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(content), "http://www.w3.org/2000/svg", "")
		for _, word := range []string{"http://", "https://", "@import", "url(", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write", " style=\"", "onclick=\""} {
			if strings.Contains(text, word) {
				t.Errorf("%s contains %s", entry.Name(), word)
			}
		}
	}
}

func TestOtherSitesAreRefusedTheData(t *testing.T) {
	server := quick(t)
	for _, path := range []string{"/events", "/status.json"} {
		if got := get(t, server, path, "Sec-Fetch-Site", "cross-site").StatusCode; got != http.StatusForbidden {
			t.Errorf("%s for another site is answered with %d", path, got)
		}
		if got := get(t, server, path, "Sec-Fetch-Site", "same-origin").StatusCode; got != http.StatusOK {
			t.Errorf("%s for the page is answered with %d", path, got)
		}
	}
}

func TestScriptsGetTheWholePicture(t *testing.T) {
	var all struct {
		Bridge about         `json:"bridge"`
		Status status.Status `json:"status"`
		Recent status.Recent `json:"recent"`
	}
	if err := json.NewDecoder(get(t, quick(t), "/status.json?q=22011240").Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	if all.Bridge.Version != "v1" || all.Bridge.Poll != 60 || len(all.Status.Feeds) != 2 || len(all.Status.Feeds[0].Days) != 301 || len(all.Recent.Sensors) != 3 {
		t.Errorf("%+v, %d feeds, %d sensors", all.Bridge, len(all.Status.Feeds), len(all.Recent.Sensors))
	}
}

func TestFirstEventHasEverythingAndLaterOnesWhatIsNew(t *testing.T) {
	source := newFake(calm(time.Now().UTC()))
	server := serve(t, source, Options{}, pace{look: 20 * time.Millisecond, gap: time.Millisecond, beat: time.Hour, patience: time.Minute})
	answer := events(t, server, "")
	stream := bufio.NewReader(answer.Body)
	name, first := frame(t, stream)
	want := []string{"alarms", "at", "backfills", "bridge", "counts", "days", "feeds", "fleet", "known", "rejects", "sensors", "silent", "verdict", "years"}
	if got := keys(first); name != "" || !slices.Equal(got, want) {
		t.Fatalf("event %q has %v, want %v", name, got, want)
	}
	source.change(func(_ *status.Status, r *status.Recent) { r.Alarms = append(r.Alarms, status.Alarm{ID: "a1"}) })
	if _, second := frame(t, stream); !slices.Equal(keys(second), []string{"alarms", "at", "counts"}) {
		t.Errorf("after an alarm the page is sent %v", keys(second))
	}
}

func keys(parts map[string]json.RawMessage) (list []string) {
	for name := range parts {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func TestDaysAreThoseOfTheYearThatWasAskedFor(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	s, r := calm(now)
	s.Feeds[0].Days = append([]status.Day{{Day: "2019-12-31"}, {Day: "2020-01-01"}, {Day: "2020-12-31"}, {Day: "2021-01-01"}}, s.Feeds[0].Days...)
	server := serve(t, newFake(s, r), Options{}, usual)
	for query, want := range map[string]string{"?year=2020": "2020-01-01 2020-12-31", "": "2026-01-29 2026-11-25", "?year=nonsense": "2026-01-29 2026-11-25"} {
		_, first := frame(t, bufio.NewReader(events(t, server, query).Body))
		var days map[string][]status.Day
		if err := json.Unmarshal(first["days"], &days); err != nil {
			t.Fatal(err)
		}
		list := days["readings"]
		if got := list[0].Day + " " + list[len(list)-1].Day; got != want {
			t.Errorf("%q gives %s, want %s", query, got, want)
		}
		if got := string(first["years"]); got != `["2026","2021","2020","2019"]` {
			t.Errorf("years are %s", got)
		}
	}
}

// TestPageIsSentABoundedPart: five thousand sensors with long histories and names, and more of everything else.
func TestPageIsSentABoundedPart(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	long := strings.Repeat("ä", 100_000)
	sensor := calmSensor(now, 1)
	sensor.Site = long
	for len(sensor.Points) < 3000 {
		sensor.Points = append(sensor.Points, sensor.Points[0])
	}
	r.Sensors, r.Known = slices.Repeat([]status.Sensor{sensor}, 5000), 5000
	r.Alarms = slices.Repeat([]status.Alarm{{ID: "a", Reason: long}}, 5000)
	r.Rejects = slices.Repeat([]status.Reject{{Reason: long, Row: long}}, 500)
	s.Feeds[0].Gaps = slices.Repeat(s.Feeds[0].Gaps, 1)
	server := serve(t, newFake(s, r), Options{}, usual)
	_, first := frame(t, bufio.NewReader(events(t, server, "").Body))
	size := 0
	for _, part := range first {
		size += len(part)
	}
	if size > 2_000_000 {
		t.Errorf("the page is sent %d bytes", size)
	}
	if got := string(first["counts"]); got != `{"alarms":5000,"found":5000,"gone":0,"sensors":5000,"severe":0,"silent":0}` {
		t.Errorf("counts are %s", got)
	}
	if len(r.Sensors[0].Points) != 3000 || r.Sensors[0].Site != long {
		t.Error("what the source holds was changed")
	}
}

func TestOddNumberDoesNotCostThePage(t *testing.T) {
	for text, kept := range map[string]bool{"4.70": true, "-0.0": true, "1e400": true, "": false, "NaN": false, "01": false, "1 ": false, "+1": false, `"1"`: false, "1}": false, "null": false} {
		n := json.Number(text)
		if got := number(&n); (got != nil) != kept {
			t.Errorf("number %q is kept: %t", text, got != nil)
		}
	}
}

func TestFurtherPagesAreRefusedUntilOneIsClosed(t *testing.T) {
	server := serve(t, newFake(calm(time.Now().UTC())), Options{Streams: 2}, usual)
	first := events(t, server, "")
	events(t, server, "")
	refused := events(t, server, "")
	body, err := io.ReadAll(refused.Body)
	if err != nil {
		t.Fatal(err)
	}
	if refused.StatusCode != http.StatusServiceUnavailable || refused.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "2 pages are open") {
		t.Fatalf("the third is answered with %d: %s", refused.StatusCode, body)
	}
	if got := get(t, server, "/status.json").StatusCode; got != http.StatusOK {
		t.Errorf("status.json is answered with %d meanwhile", got)
	}
	first.Body.Close()
	bridgetest.Await(t, "a free place", func(context.Context) bool { return events(t, server, "").StatusCode == http.StatusOK })
}

// TestReaderWhoTakesNothingIsLetGo has a page that never reads, and a bridge that has much to say.
func TestReaderWhoTakesNothingIsLetGo(t *testing.T) {
	now := time.Now().UTC()
	s, r := calm(now)
	r.Sensors = slices.Repeat(r.Sensors, 6)
	source := newFake(s, r)
	server := serve(t, source, Options{Streams: 1}, pace{look: 20 * time.Millisecond, gap: time.Millisecond, beat: time.Hour, patience: 50 * time.Millisecond})
	events(t, server, "")
	count := 0
	bridgetest.Await(t, "a free place", func(context.Context) bool {
		count++
		source.change(func(_ *status.Status, r *status.Recent) {
			r.Sensors = slices.Clone(r.Sensors)
			r.Sensors[0].Site = fmt.Sprint("site ", count)
		})
		return events(t, server, "").StatusCode == http.StatusOK
	})
}

func TestScriptsGetTheVerdict(t *testing.T) {
	s, r := calm(time.Now().UTC())
	s.Feeds[0].ReadAt = ptr(time.Now().Add(-time.Hour))
	here := func() status.Process {
		return status.Process{Causes: map[schema.Feed]string{"readings": "connection refused"}, Looked: s.At}
	}
	var all struct {
		OK       *bool
		Problems []status.Problem
		Bridge   struct {
			Looked *time.Time `json:"looked_at"`
		}
	}
	if err := json.NewDecoder(get(t, serve(t, newFake(s, r), Options{Poll: time.Minute, Process: here}, usual), "/status.json").Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	if all.Bridge.Looked == nil || !all.Bridge.Looked.Equal(s.At) {
		t.Errorf("the fleet was looked at at %v, want %v", all.Bridge.Looked, s.At)
	}
	if all.OK == nil || *all.OK || len(all.Problems) != 1 || all.Problems[0].Level != status.Bad || !strings.HasSuffix(all.Problems[0].Text, ": connection refused") {
		t.Errorf("%+v", all)
	}
}

package metrics_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/status"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// reading makes an event of a row with its two times.
func reading(uuid string, measured, received time.Time) schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte(uuid)},
		{Name: "timestamp", Kind: saveris.String, Text: []byte(measured.Format(time.RFC3339))},
		{Name: "processed_at", Kind: saveris.String, Text: []byte(received.Format(time.RFC3339))},
		{Name: "measurement", Kind: saveris.Number, Text: []byte("4.7")},
	}}
	return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}

// stored is a status in which one feed is known and another is not.
func stored() status.Status {
	at := func(t time.Time) *time.Time { return &t }
	return status.Status{
		At: noon,
		Feeds: []status.Feed{
			{
				Feed: schema.Readings, Since: at(noon.Add(-5 * time.Hour)), CoveredUntil: at(noon.Add(-time.Minute)),
				ReadAt: at(noon.Add(-50 * time.Second)), Newest: at(noon.Add(-2 * time.Minute)),
				Rejected: 3,
				Gaps:     []checkpoint.Span{{From: noon.Add(-3 * time.Hour), Until: noon.Add(-2 * time.Hour)}, {From: noon.Add(-time.Hour), Until: noon.Add(-59 * time.Minute)}},
			},
			{Feed: schema.Alarms},
		},
		Backfills: []status.Backfill{
			{Backfill: schema.Backfill{ID: "a", Phase: schema.BackfillProgress, Covered: .25}, ToldAt: noon.Add(-time.Minute)},
			{Backfill: schema.Backfill{ID: "b", Phase: schema.BackfillFinished, Covered: 1}, ToldAt: noon},
		},
	}
}

// watched are metrics with all their sources.
func watched(t *testing.T) *metrics.Metrics {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Sunset", "Thu, 31 Dec 2026 23:59:59 GMT")
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(api.Close)
	vendor, err := saveris.New(saveris.Config{BaseURL: api.URL, Username: "u", Password: secret.New("p")})
	if err != nil {
		t.Fatal(err)
	}
	_ = vendor.Login(t.Context()) // which announces the end of the login's endpoint
	m := metrics.New(metrics.Build{Version: "1", Commit: "c", GoVersion: "go"})
	m.Watch(metrics.Sources{
		ClockAhead: func() float64 { return -2 },
		Feeds:      []schema.Feed{schema.Readings, schema.Alarms}, Interval: 5 * time.Minute, Vendor: vendor,
		Now:       func() time.Time { return noon.Add(10 * time.Second) },
		Leading:   func(feed schema.Feed) bool { return feed == schema.Readings },
		Stalled:   func(feed schema.Feed) bool { return feed == schema.Alarms },
		Connected: func() bool { return true },
		Status:    stored,
		Store:     func() (int64, bool, bool) { return 4096, false, true },
		Silent:    func() (int, bool) { return 7, true },
	})
	return m
}

// scrape returns the series of the bridge's own metrics, without the prefix, and their values.
func scrape(t *testing.T, m *metrics.Metrics) map[string]string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Code != 200 {
		t.Fatalf("%d, %v", answer.Code, err)
	}
	series := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if rest, ours := strings.CutPrefix(line, "saveris_bridge_"); ours {
			at := strings.LastIndex(rest, " ")
			series[rest[:at]] = strings.TrimSpace(rest[at:])
		}
	}
	return series
}

// expect compares some series; an empty value is one that must not be there.
func expect(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
}

func TestEveryMetricIsWellNamed(t *testing.T) {
	m := watched(t)
	m.Batch(schema.Readings)(publish.Batch{})
	m.Answered(200)
	m.Looked(map[schema.FleetKind]int{schema.KindDevice: 3}, map[schema.FleetKind]int{schema.KindDevice: 1}, true)
	m.Exported(saveris.Completed, time.Second)
	problems, err := testutil.GatherAndLint(m.Registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
	series := scrape(t, m)
	for _, metric := range m.List() {
		name := strings.TrimPrefix(metric.Name, "saveris_bridge_")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(series)), func(s string) bool {
			return s == name || strings.HasPrefix(s, name+"{") || strings.HasPrefix(s, name+"_bucket")
		}) {
			t.Errorf("%s is listed and not given", metric.Name)
		}
	}
}

func TestGaugesSayWhatIsStored(t *testing.T) {
	expect(t, scrape(t, watched(t)), map[string]string{
		`newest_event_age_seconds{feed="readings"}`:          "130",
		`newest_event_age_seconds{feed="alarms"}`:            "",
		`last_poll_age_seconds{feed="readings"}`:             "60",
		`last_poll_age_seconds{feed="alarms"}`:               "",
		`covered_until_timestamp_seconds{feed="readings"}`:   "1.79543514e+09",
		`covered_until_timestamp_seconds{feed="alarms"}`:     "",
		`gaps_seconds{feed="readings"}`:                      "3660",
		`gaps_seconds{feed="alarms"}`:                        "",
		`rejected_rows{feed="readings"}`:                     "3",
		`rejected_rows{feed="alarms"}`:                       "",
		`leading{feed="readings"}`:                           "1",
		`leading{feed="alarms"}`:                             "0",
		`feed_stalled{feed="readings"}`:                      "0",
		`feed_stalled{feed="alarms"}`:                        "1",
		`nats_connected`:                                     "1",
		`store_free_bytes`:                                   "4096",
		`store_writable`:                                     "0",
		`channels_silent`:                                    "7",
		`backfill_covered_ratio{id="a"}`:                     "0.25",
		`backfill_covered_ratio{id="b"}`:                     "",
		`backfill_last_update_age_seconds{id="a"}`:           "60",
		`poll_interval_seconds`:                              "300",
		`throttled_until_timestamp_seconds`:                  "0",
		`token_expiry_timestamp_seconds`:                     "0",
		`exports_in_flight`:                                  "0",
		`events_dropped_total{feed="readings"}`:              "0",
		`build_info{commit="c",go_version="go",version="1"}`: "1",
	})
}

func TestNothingIsClaimedBeforeItIsKnown(t *testing.T) {
	m := metrics.New(metrics.Build{Version: "1"})
	if got := scrape(t, m); len(got) != 1 || got[`build_info{commit="",go_version="",version="1"}`] != "1" {
		t.Errorf("%v", got)
	}
}

func TestHooksCount(t *testing.T) {
	m := watched(t)
	m.Stored(schema.Readings)(poller.StoredWindow{
		Window: poller.Window{Reason: poller.ReasonCatchUp}, Route: saveris.RouteExport, Rows: 10, Known: 3, Rejected: 2,
		Result: publish.Result{Stored: 7, Corrections: 1, Conflicts: 4},
	})
	step := m.Step(schema.Readings)
	step(poller.Step{Doing: poller.Plans})
	for _, failed := range []poller.Doing{poller.Plans, poller.Queues, poller.Fetches, poller.Commits} {
		step(poller.Step{Doing: poller.Retries, Failed: failed, Err: io.EOF})
	}
	m.Answered(0)
	m.Answered(429)
	m.LoginFailed()
	m.Exported(saveris.TooLarge, 3*time.Second)
	expect(t, scrape(t, m), map[string]string{
		`rows_read_total{feed="readings",reason="catch-up",route="export"}`: "10",
		`rows_read_total{feed="readings",reason="tail",route="sync"}`:       "0",
		`rows_known_total{feed="readings"}`:                                 "3",
		`rows_known_total{feed="alarms"}`:                                   "0",
		`corrections_total{feed="readings"}`:                                "1",
		`rows_rejected_total{feed="readings"}`:                              "2",
		`commit_conflicts_total{feed="readings"}`:                           "4",
		`windows_failed_total{feed="readings",stage="plan"}`:                "1",
		`windows_failed_total{feed="readings",stage="fetch"}`:               "2",
		`windows_failed_total{feed="readings",stage="commit"}`:              "1",
		`http_requests_total{code="error"}`:                                 "1",
		`http_requests_total{code="429"}`:                                   "1",
		`login_failures_total`:                                              "1",
		`exports_total{outcome="too_large"}`:                                "1",
		`exports_total{outcome="completed"}`:                                "0",
		`export_duration_seconds_sum{outcome="too_large"}`:                  "3",
	})
}

func TestTimesOfEventsAreObserved(t *testing.T) {
	m := watched(t)
	tell := m.Batch(schema.Readings)
	batch := publish.Batch{ // without a live age, what was measured before it was made is old
		Made: noon, Took: 90 * time.Second,
		Events: []schema.Event{
			reading("live", noon.Add(time.Second), noon.Add(31*time.Second)),
			reading("skewed", noon.Add(20*time.Second), noon.Add(10*time.Second)),
			reading("old", noon.Add(-3*time.Hour), noon.Add(-time.Hour)),
			withoutReceived(),
			schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&saveris.Row{Raw: []byte("x"), Err: io.EOF}, schema.Window{}, noon),
		},
	}
	tell(batch)
	batch.Events, batch.For = batch.Events[:1], string(poller.ReasonTail)
	tell(batch)
	expect(t, scrape(t, m), map[string]string{
		`events_stored_total{feed="readings",lane="live"}`:    "4",
		`events_stored_total{feed="readings",lane="history"}`: "1",
		`commit_events_sum{feed="readings"}`:                  "6",
		`commit_duration_seconds_count{feed="readings"}`:      "2",
		`lateness_seconds_count{feed="readings"}`:             "4",
		`lateness_seconds_sum{feed="readings"}`:               "7260", // 2 × 30 s and 2 h
		`storing_delay_seconds_count{feed="readings"}`:        "3",
		`storing_delay_seconds_sum{feed="readings"}`:          "198", // 2 × 59 s and 80 s
		`freshness_seconds_count{feed="readings"}`:            "1",
		`freshness_seconds_sum{feed="readings"}`:              "89",
	})
}

// withoutReceived is a live reading that does not say when the vendor received it.
func withoutReceived() schema.Event {
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte("untold")},
		{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-11-23T12:00:01Z")},
	}}
	return schema.NewMaker(schema.Readings, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}

func TestAnAnnouncedEndIsAGauge(t *testing.T) {
	expect(t, scrape(t, watched(t)), map[string]string{`endpoint_sunset_timestamp_seconds{endpoint="/v1/token"}`: "1.798761599e+09"})
}

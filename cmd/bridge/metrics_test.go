package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// series is what /metrics gives: values of the bridge's own metrics, without their prefix, by name and labels.
type series map[string]float64

func scrapeMetrics(ctx context.Context, url string) (series, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	found := series{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		text.WriteString(lines.Text() + "\n")
		name, ours := strings.CutPrefix(lines.Text(), "saveris_bridge_")
		at := strings.LastIndex(name, " ")
		if !ours || at < 0 {
			continue
		}
		if found[name[:at]], err = strconv.ParseFloat(name[at+1:], 64); err != nil {
			return nil, nil, err
		}
	}
	return found, text.Bytes(), nil
}

// sum adds up the series of a metric that have all the given labels, such as feed="readings".
func (s series) sum(name string, labels ...string) (sum float64) {
	for key, value := range s {
		if base, rest, _ := strings.Cut(key, "{"); base == name && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(rest, l) }) {
			sum += value
		}
	}
	return sum
}

// held is how many messages streams hold under subjects.
func (s *scene) held(ctx context.Context, stream, subjects string) float64 {
	in, err := s.js.Stream(ctx, stream)
	if err != nil {
		return -1
	}
	info, err := in.Info(ctx, jetstream.WithSubjectFilter(subjects))
	if err != nil {
		return -1
	}
	n := uint64(0)
	for _, count := range info.State.Subjects {
		n += count
	}
	return float64(n)
}

// intruder is another writer of readings for an account: it stores events of its own, so that commits meet.
type intruder struct {
	account string
	stored  float64
}

func (i *intruder) run(ctx context.Context, js jetstream.JetStream, until func() bool) error {
	config := publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	w := publish.NewWriter(js, config, publish.Options{
		Feed: schema.Readings, Name: "intruder", Accounts: publish.NewAccounts(js, config, i.account), LiveAge: 24 * time.Hour, Now: func() time.Time { return vendorAt },
		OnStored: func(b publish.Batch) { i.stored += float64(len(b.Events)) },
	})
	maker := schema.NewMaker(schema.Readings, "saveris", "http://intruder")
	for n := 0; !until(); n++ {
		at := vendorAt.Add(-time.Duration(n%2) * time.Hour) // what the bridge catches up with is of the day before
		row := saveris.Row{Fields: []saveris.Field{
			{Name: "uuid", Kind: saveris.String, Text: fmt.Appendf(nil, "intruder-%d", n)},
			{Name: "timestamp", Kind: saveris.String, Text: []byte(at.Format(time.RFC3339))},
		}}
		if _, err := w.Commit(ctx, checkpoint.DayOf(at), []schema.Event{maker.Event(&row, schema.Window{}, at)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// metricsScene is a bridge at work on a vendor with faults.
type metricsScene struct {
	*scene
	url  string // of the bridge
	cmd  *exec.Cmd
	last series // the last scrape
	text []byte
}

func newMetricsScene(t *testing.T) *metricsScene {
	s := newScene(t, saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 30 * time.Second})
	s.vendor.Update(func(_ *saveristest.Switches, f *saveristest.Faults) {
		f.Garbage, f.Duplicate = .005, .01
	})
	for _, fault := range []saveristest.Fault{
		{Kind: saveristest.FaultTooManyWait, On: "poll", Times: 3}, {Kind: saveristest.FaultUnavailable, On: "poll", Times: 2},
		{Kind: saveristest.FaultQueryError, On: "submit.measurements", After: 2}, {Kind: saveristest.FaultForgotten, On: "poll.alarms", After: 1},
		{Kind: saveristest.FaultThrottled, On: "token"}, {Kind: saveristest.FaultReset, On: "submit.alarms", After: 3},
	} {
		s.vendor.Inject(fault)
	}
	addr, page := s.broker(), bridgetest.Address(t)
	m := &metricsScene{scene: s, url: "http://" + page}
	m.cmd = s.startCommand(append(s.env, "NATS_URL=nats://"+addr, "BRIDGE_HTTP_ADDR="+page, "SAVERIS_SYNC=never"), "run")
	return m
}

// settled waits for a moment in which a scrape fits what vendor and stream say; more comes all the time.
func (m *metricsScene) settled(what string, so func(ctx context.Context) bool) {
	m.Helper()
	defer func() {
		if m.Failed() {
			m.Log(string(m.text))
		}
	}()
	m.await(what, func(ctx context.Context) (fits bool) {
		now, text, err := scrapeMetrics(ctx, m.url+"/metrics")
		if err != nil {
			return false
		}
		m.last, m.text = now, text
		return so(ctx)
	})
}

func TestMetricsTellWhatVendorAndStreamSay(t *testing.T) {
	t.Parallel()
	m := newMetricsScene(t)
	m.await("readiness", func(ctx context.Context) bool { return get(ctx, m.url+"/readyz") == http.StatusOK })
	other := intruder{account: accountOf(m.env)}
	conflicts := 0.0
	var intruding sync.WaitGroup
	intruding.Go(func() {
		if err := other.run(t.Context(), m.js, func() bool {
			now, _, err := scrapeMetrics(t.Context(), m.url+"/metrics")
			conflicts = now.sum("commit_conflicts_total", `feed="readings"`)
			return err != nil || conflicts > 0
		}); err != nil {
			t.Error(err)
		}
	})
	intruding.Wait()
	m.await("full coverage", m.covered)
	now := m.now() // so that the next polls read what is revised, whatever they reach back
	for row := range m.vendor.Measurements(now.Add(-2*time.Minute), now.Add(-time.Minute), now) {
		m.vendor.ReviseMeasurement(row.UUID, now, "99.5")
	}

	for _, feed := range []string{"readings", "alarms"} {
		stream, of, theirs := "SAVERIS_"+strings.ToUpper(feed), `feed="`+feed+`"`, 0.0
		if feed == "readings" {
			theirs = other.stored
		}
		m.settled(feed+" stored", func(ctx context.Context) bool {
			return m.last.sum("events_stored_total", of)+theirs == m.held(ctx, stream, "saveris."+feed+".>") && m.last.sum("events_stored_total", of) > 20
		})
		m.settled(feed+" rejected", func(ctx context.Context) bool {
			return m.last.sum("rows_rejected_total", of) == m.held(ctx, stream, "saveris.rejected."+feed)
		})
		m.settled(feed+" read", func(context.Context) bool {
			l := m.last
			return l.sum("rows_read_total", of) == l.sum("events_stored_total", of)+l.sum("rows_known_total", of)+l.sum("rows_rejected_total", of)
		})
		m.settled(feed+" timed", func(context.Context) bool {
			l := m.last
			stored, live, fresh := l.sum("events_stored_total", of), l.sum("events_stored_total", of, `lane="live"`), l.sum("freshness_seconds_count", of)
			return l.sum("lateness_seconds_count", of) == stored && l.sum("storing_delay_seconds_count", of) == live && l.sum("commit_events_sum", of) == stored+l.sum("rows_rejected_total", of) &&
				0 < fresh && fresh < live && l.sum("lateness_seconds_sum", of) > 0 && l.sum("freshness_seconds_sum", of) > 0
		})
	}
	m.settled("requests", func(context.Context) bool {
		asked := m.vendor.Count("token") + m.vendor.Count("submit") + m.vendor.Count("poll") + m.vendor.Count("download")
		return int(m.last.sum("http_requests_total")) == asked
	})
	m.settled("corrections and older windows", func(context.Context) bool {
		return m.last.sum("corrections_total", `feed="readings"`) > 0 && m.last.sum("rows_read_total", `reason="catch-up"`) > 0
	})
	m.settled("exports timed", func(context.Context) bool {
		n := m.last.sum("exports_total", "completed")
		return n == m.last.sum("export_duration_seconds_count", "completed") && n >= 5
	})
	m.settled("all faults met", func(context.Context) bool {
		for name, want := range map[string]float64{
			`http_requests_total{code="429"}`:                  3,
			`http_requests_total{code="503"}`:                  2,
			`http_requests_total{code="error"}`:                1,
			`exports_total{outcome="failed"}`:                  2, // a query, and the submission that was cut off
			`exports_total{outcome="expired"}`:                 1,
			`exports_total{outcome="too_large"}`:               0,
			`login_failures_total`:                             0,
			`events_dropped_total{feed="readings"}`:            0,
			`windows_failed_total{feed="alarms",stage="plan"}`: 0,
			`leading{feed="readings"}`:                         1,
			`feed_stalled{feed="readings"}`:                    0,
			`nats_connected`:                                   1,
			`poll_interval_seconds`:                            1,
			`throttled_until_timestamp_seconds`:                0,
		} {
			if got, found := m.last[name]; !found || got != want {
				return false
			}
		}
		return true
	})
	if left := time.Until(time.Unix(int64(m.last["token_expiry_timestamp_seconds"]), 0)); left < time.Minute {
		t.Errorf("the token ends in %v", left)
	}
	if m.last.sum("commit_conflicts_total", `feed="readings"`) < conflicts || conflicts == 0 {
		t.Errorf("%v conflicts", conflicts)
	}
	m.harmlessLabels()
	m.wellFormed()
	if code := stop(t, m.cmd); code != hint.Done {
		t.Errorf("SIGTERM: exit code %d, want 0", code)
	}
}

// harmlessLabels fails where a label could name a sensor, a site or a tenant.
func (m *metricsScene) harmlessLabels() {
	m.Helper()
	values := map[string]*regexp.Regexp{
		"feed": regexp.MustCompile(`^(readings|alarms)$`), "lane": regexp.MustCompile(`^(live|history)$`),
		"route": regexp.MustCompile(`^(sync|export)$`), "reason": regexp.MustCompile(`^(tail|catch-up|revisit|outage)$`),
		"stage": regexp.MustCompile(`^(plan|fetch|commit)$`), "outcome": regexp.MustCompile(`^(completed|failed|expired|too_large|abandoned)$`),
		"code": regexp.MustCompile(`^([1-5][0-9][0-9]|error)$`), "le": regexp.MustCompile(`^[0-9.e+]+$|^\+Inf$`),
		"version": regexp.MustCompile(`.`), "commit": regexp.MustCompile(`.`), "go_version": regexp.MustCompile(`^go`),
		"quantile": regexp.MustCompile(`^[0-9.]+$`),
	}
	for _, label := range regexp.MustCompile(`([a-z_]+)="([^"]*)"`).FindAllStringSubmatch(string(m.text), -1) {
		if label[1] == "version" && strings.HasPrefix(label[2], "go") {
			continue // of go_info
		}
		if allowed := values[label[1]]; allowed == nil || !allowed.MatchString(label[2]) {
			m.Errorf("a metric has the label %s", label[0])
		}
	}
	for name := range maps.Keys(m.last) {
		if strings.Count(name, `="`) > 4 {
			m.Errorf("%s has many labels", name)
		}
	}
}

// wellFormed asks Prometheus' own tool, where it is there.
func (m *metricsScene) wellFormed() {
	m.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		m.Log("without promtool")
		return
	}
	check := exec.CommandContext(m.Context(), tool, "check", "metrics")
	check.Stdin = bytes.NewReader(m.text)
	if out, err := check.CombinedOutput(); err != nil {
		m.Errorf("promtool: %v\n%s", err, out)
	}
}

package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Answered counts an answer of the vendor, 0 where there was none, for saveris.Config.
func (m *Metrics) Answered(status int) {
	code := "error"
	if status > 0 {
		code = strconv.Itoa(status)
	}
	m.requests.WithLabelValues(code).Inc()
}

// Exported counts an export that has ended, for saveris.Config.
func (m *Metrics) Exported(how saveris.Outcome, took time.Duration) {
	m.exports.WithLabelValues(string(how)).Inc()
	m.exportTime.WithLabelValues(string(how)).Observe(took.Seconds())
}

// LoginFailed counts a login that did not work, for saveris.Config.
func (m *Metrics) LoginFailed() { m.logins.WithLabelValues().Inc() }

// Stored counts the windows of a feed, for poller.Live.
func (m *Metrics) Stored(feed schema.Feed) func(poller.StoredWindow) {
	name := string(feed)
	return func(w poller.StoredWindow) {
		m.rows.WithLabelValues(name, string(w.Route), string(w.Reason)).Add(float64(w.Rows))
		m.known.WithLabelValues(name).Add(float64(w.Known))
		m.corrections.WithLabelValues(name).Add(float64(w.Corrections))
		m.rejected.WithLabelValues(name).Add(float64(w.Rejected))
		m.conflicts.WithLabelValues(name).Add(float64(w.Conflicts))
	}
}

// The outcomes of looks at the fleet.
const (
	lookComplete   = "complete"
	lookIncomplete = "incomplete"
	lookFailed     = "failed"
)

// Looked counts a look at the fleet: the things that are known now, the changes that were stored, and whether all of it could be read.
func (m *Metrics) Looked(things, changed map[schema.FleetKind]int, all bool) {
	outcome := lookComplete
	if !all {
		outcome = lookIncomplete
	}
	m.looks.WithLabelValues(outcome).Inc()
	for kind, n := range things {
		m.things.WithLabelValues(string(kind)).Set(float64(n))
	}
	for kind, n := range changed {
		m.changes.WithLabelValues(string(kind)).Add(float64(n))
	}
}

// LookFailed counts a look at the fleet that has seen nothing, or could not be stored.
func (m *Metrics) LookFailed() { m.looks.WithLabelValues(lookFailed).Inc() }

// zeroFleet makes the series of the fleet that are sure to come.
func (m *Metrics) zeroFleet() {
	for _, kind := range schema.FleetKinds {
		m.changes.WithLabelValues(string(kind))
	}
	for _, outcome := range []string{lookComplete, lookIncomplete, lookFailed} {
		m.looks.WithLabelValues(outcome)
	}
}

// stages says where a try failed.
var stages = map[poller.Doing]string{poller.Plans: "plan", poller.Queues: "fetch", poller.Fetches: "fetch", poller.AwaitsExport: "fetch", poller.Commits: "commit"}

// Step counts the tries of a feed that failed, for poller.Live.
func (m *Metrics) Step(feed schema.Feed) func(poller.Step) {
	return func(s poller.Step) {
		if s.Err != nil {
			m.failed.WithLabelValues(string(feed), stages[s.Failed]).Inc()
		}
	}
}

// Batch counts the events of a feed, for publish.Options.
func (m *Metrics) Batch(feed schema.Feed) func(publish.Batch) {
	name := string(feed)
	took, size := m.commitTime.WithLabelValues(name), m.commitSize.WithLabelValues(name)
	live, history := m.events.WithLabelValues(name, string(schema.Live)), m.events.WithLabelValues(name, string(schema.History))
	times := times{m.lateness.WithLabelValues(name), m.delay.WithLabelValues(name), m.freshness.WithLabelValues(name)}
	return func(b publish.Batch) {
		took.Observe(b.Took.Seconds())
		size.Observe(float64(len(b.Events)))
		news, old := 0, 0
		for i := range b.Events {
			event := &b.Events[i]
			switch {
			case event.Rejected:
				continue
			case b.Lane(event) == schema.Live:
				news++
				times.observeLive(&b, event)
			default:
				old++
				times.observe(event)
			}
		}
		live.Add(float64(news))
		history.Add(float64(old))
	}
}

// times are the histograms of one feed that every event stands in.
type times struct{ lateness, delay, freshness prometheus.Observer }

// observe takes over how late an event came, and tells when the vendor received it. Clocks that do not agree make a time
// negative, which counts as none.
func (t times) observe(event *schema.Event) (received time.Time) {
	if received = event.ProcessedAt(); !received.IsZero() {
		t.lateness.Observe(max(0, received.Sub(event.Time).Seconds()))
	}
	return received
}

// observeLive takes over all times of a live event.
func (t times) observeLive(b *publish.Batch, event *schema.Event) {
	stored := b.Made.Add(b.Took)
	if received := t.observe(event); !received.IsZero() {
		t.delay.Observe(max(0, stored.Sub(received).Seconds()))
	}
	if b.For == string(poller.ReasonTail) {
		t.freshness.Observe(max(0, stored.Sub(event.Time).Seconds()))
	}
}

// zero makes the series that are sure to come.
func (m *Metrics) zero(feeds []schema.Feed) {
	m.logins.WithLabelValues()
	for _, outcome := range saveris.Outcomes {
		m.exports.WithLabelValues(string(outcome))
	}
	for _, feed := range feeds {
		name := string(feed)
		for _, c := range []*prometheus.CounterVec{m.known, m.corrections, m.rejected, m.dropped, m.conflicts} {
			c.WithLabelValues(name)
		}
		for _, stage := range stages {
			m.failed.WithLabelValues(name, stage)
		}
		for _, route := range []saveris.Route{saveris.RouteSync, saveris.RouteExport} {
			for _, reason := range []poller.Reason{poller.ReasonTail, poller.ReasonCatchUp, poller.ReasonRevisit, poller.ReasonOutage} {
				m.rows.WithLabelValues(name, string(route), string(reason))
			}
		}
	}
}

package metrics

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are all metrics of one process. They may be used by many goroutines.
type Metrics struct {
	table
	build   Build
	sources atomic.Pointer[Sources]

	rows, events, known, corrections, rejected, dropped, conflicts, failed *prometheus.CounterVec
	exports, requests, logins                                              *prometheus.CounterVec
	changes, looks                                                         *prometheus.CounterVec
	things                                                                 *prometheus.GaugeVec
	exportTime, commitTime, commitSize, lateness, delay, freshness         *prometheus.HistogramVec
	gauges                                                                 gauges
}

// Build says what runs.
type Build struct{ Version, Commit, GoVersion string }

// New makes the metrics of a process, all of them at zero or absent.
func New(build Build) *Metrics {
	m := &Metrics{table: table{registry: prometheus.NewRegistry()}, build: build}
	m.define()
	m.registry.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves them in Prometheus' text format, as many as can be had.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Registry returns the metrics as a test reads them.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

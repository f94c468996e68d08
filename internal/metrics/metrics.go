package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are all metrics of one process. They may be used by many goroutines.
type Metrics struct{ registry *prometheus.Registry }

// New makes the metrics of a process.
func New() *Metrics { return &Metrics{registry: prometheus.NewRegistry()} }

// Handler serves them in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Registry gives the metrics as a test reads them.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

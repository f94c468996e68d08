package metrics

import "github.com/prometheus/client_golang/prometheus"

// prefix is what all names begin with.
const prefix = "saveris_bridge_"

// Metric describes a metric, as docs/operate.md lists it.
type Metric struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// table registers metrics and remembers what they are.
type table struct {
	registry *prometheus.Registry
	list     []Metric
}

// List returns the bridge's own metrics, those of Go and of the process left out.
func (t *table) List() []Metric { return t.list }

func (t *table) add(kind, name, help string, labels []string) string {
	name = prefix + name
	t.list = append(t.list, Metric{Name: name, Type: kind, Labels: labels, Help: help})
	return name
}

func (t *table) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: t.add("counter", name, help, labels), Help: help}, labels)
	t.registry.MustRegister(c)
	return c
}

func (t *table) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: t.add("histogram", name, help, labels), Help: help, Buckets: buckets}, labels)
	t.registry.MustRegister(h)
	return h
}

func (t *table) gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: t.add("gauge", name, help, labels), Help: help}, labels)
	t.registry.MustRegister(g)
	return g
}

// gauge describes a gauge that Collect gives.
func (t *table) gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(t.add("gauge", name, help, labels), help, labels, nil)
}

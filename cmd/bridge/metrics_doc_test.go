package main

import (
	"fmt"
	"strings"
	"testing"

	"saveris-bridge/internal/metrics"
)

func TestMetricsOfDocumentAndCodeAgree(t *testing.T) {
	t.Parallel()
	documented(t, operate, "metrics", metricsTable(metrics.New(build()).List()))
}

// metricsTable is the list of metrics in Markdown.
func metricsTable(list []metrics.Metric) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range list {
		labels := "–"
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Type, labels, strings.ReplaceAll(m.Help, "BRIDGE_POLL_INTERVAL", "`BRIDGE_POLL_INTERVAL`"))
	}
	return b.String()
}

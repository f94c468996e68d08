package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"saveris-bridge/internal/metrics"
)

func TestMetricsOfReadmeAndCodeAgree(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- metrics: made from the code by a test -->\n", "<!-- end of metrics -->"
	before, rest, found := strings.Cut(string(text), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("README.md has no table of metrics between %q and %q", begin, end)
	}
	want := metricsTable(newMetrics().List())
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("the metrics of README.md are not those of the code, write them with: go test ./cmd/bridge -run Agree -update\n%s", want)
	}
	if err := os.WriteFile(readme, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
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

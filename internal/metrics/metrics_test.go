package metrics_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"saveris-bridge/internal/metrics"
)

func TestEveryMetricIsWellNamed(t *testing.T) {
	problems, err := testutil.GatherAndLint(metrics.New().Registry())
	if err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

package metrics_test

import (
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// BenchmarkBatch counts full batches of live readings. One operation is one reading.
func BenchmarkBatch(b *testing.B) {
	const size = 998
	batch := publish.Batch{For: "tail", Made: noon, Took: 3 * time.Minute} // a batch without a live age is live up to when it was made
	for i := range size {
		batch.Events = append(batch.Events, reading(fmt.Sprintf("uuid-%d", i), noon.Add(time.Duration(i)*time.Second/10), noon.Add(time.Minute)))
	}
	tell := metrics.New(metrics.Build{}).Batch(schema.Readings)
	b.ReportAllocs()
	for n := 0; n < b.N; n += size {
		tell(batch)
	}
}

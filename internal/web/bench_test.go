package web

import (
	"testing"
	"time"
)

// BenchmarkPictureOfFiveThousandSensors is what a change costs for every page that is open, and how much it is sent at most.
func BenchmarkPictureOfFiveThousandSensors(b *testing.B) {
	now := time.Now().UTC()
	s, r := calm(now)
	for i := len(r.Sensors); i < 5000; i++ {
		r.Sensors = append(r.Sensors, calmSensor(now, i))
	}
	p := &picture{source: newFake(s, r)}
	size := 0
	for b.Loop() {
		parts, err := p.draw(choice{})
		if err != nil {
			b.Fatal(err)
		}
		size = 0
		for _, part := range parts {
			size += len(part)
		}
	}
	b.ReportMetric(float64(size), "bytes/page")
}

//go:build unix

package status_test

import (
	"context"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// BenchmarkBeginning begins where 300,000 live readings of 36,000 channels are stored, two hours of a chain of 1,500 sites,
// and reads as many of them as it may. The CPU time is that of the process, with the NATS server in it; BenchmarkTakeReading alone is what a reading costs the board.
func BenchmarkBeginning(b *testing.B) {
	const channels, rounds = 36_000, 9
	s := newStage(b)
	w := s.writer(schema.Readings)
	for round := range rounds {
		at := minute(15 * round)
		events := make([]schema.Event, 0, channels)
		for i := range channels {
			serial := fmt.Sprintf("2201%05d", i)
			events = append(events, reading(serial, at, fmt.Sprintf("%d.%02d", i%30, round)))
		}
		s.store(w, cover(15*round, 15*round+15), events[:min(channels, 300_000-round*channels)]...)
	}
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		cpu := cpuTime(b)
		board := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, History: 24 * time.Hour})
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = board.Run(ctx) }()
		if err := board.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpuTime(b) - cpu).Seconds(), "cpu-s/op")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/(1<<20), "MB")
		b.ReportMetric(float64(board.Recent("").Known), "channels")
		cancel()
		<-done
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

//go:build unix

package views_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// channels are those of a chain of 1,500 sites.
const channels = 36_000

// BenchmarkAQuarterHourOfAChain has every channel of a chain store a reading, and measures what it costs to show them: the CPU of
// this process, which is that of the server as well. Then it measures a start with eight quarters of an hour, with the bucket and without.
func BenchmarkAQuarterHourOfAChain(b *testing.B) {
	server, err := natsd.Start(natsd.Config{Dir: b.TempDir(), Listen: "127.0.0.1:0"})
	check(b, err)
	defer server.Close()
	nc, err := nats.Connect(server.ClientURL())
	check(b, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	check(b, err)
	check(b, publish.Open(b.Context(), js, config))
	w := publish.NewWriter(js, config, publish.Options{Feed: schema.Readings, Name: "test", LiveAge: 24 * time.Hour, Ages: checkpoint.Ages{time.Hour}, Now: time.Now})
	f := &folded{stage: &stage{T: nil}, feed: schema.Readings}
	begin := time.Now().UTC().Truncate(24 * time.Hour) // one day's page
	store := func(quarter int) {
		events := make([]schema.Event, channels)
		for i := range events {
			at := begin.Add(time.Duration(quarter) * 15 * time.Minute).Format(time.RFC3339)
			events[i] = f.event("uuid", fmt.Sprintf("c1d2e3f4-a5b6-4c7d-8e9f-%06d%06d", quarter, i), "timestamp", at, "sensor_uuid", fmt.Sprintf("5f4e3d2c-a5b6-4c7d-8e9f-%012d", i),
				"serial_no", fmt.Sprint(22000000+i), "channel_no", "1", "tenant_uuid", "6d1f9c4e-a5b6-4c7d-8e9f-0a1b2c3d4e5f",
				"customer_site", fmt.Sprintf("b2c3d4e5-a5b6-4c7d-8e9f-%012d", i/24), "physical_extension", "Air Temperature", "physical_property_name", "Temperature", "physical_unit", "CELSIUS", "measurement", "4.7")
		}
		_, err := w.Commit(b.Context(), checkpoint.DayOf(begin), events, nil)
		check(b, err)
	}
	measured := func(what string, do func()) {
		wall, cpu := time.Now(), usage()
		do()
		b.ReportMetric(time.Since(wall).Seconds(), what+"-s")
		b.ReportMetric((usage() - cpu).Seconds(), what+"-cpu-s")
	}
	view := views.NewLatest(js, config, time.Now)
	store(0)
	check(b, view.Step(b.Context()))
	for quarter := 1; quarter < 8; quarter++ {
		store(quarter)
		measured("shown", func() { check(b, view.Step(b.Context())) })
	}
	measured("idle", func() { check(b, view.Step(b.Context())) })
	measured("start", func() { check(b, views.NewLatest(js, config, time.Now).Step(b.Context())) })
	for day := 1; day <= 300; day++ { // silent channels, each since another time
		var events []schema.Event
		at := begin.AddDate(0, 0, -day)
		for i := range 3 {
			events = append(events, f.event("uuid", fmt.Sprintf("c1d2e3f4-a5b6-4c7d-8e9f-silent%03d%03d", day, i), "timestamp", at.Add(time.Duration(8*i)*time.Hour).Format(time.RFC3339),
				"serial_no", fmt.Sprintf("%d9%03d", i, day), "channel_no", "1", "tenant_uuid", "6d1f9c4e-a5b6-4c7d-8e9f-0a1b2c3d4e5f", "customer_site", "gone", "measurement", "4.7"))
		}
		_, err := w.Commit(b.Context(), checkpoint.DayOf(at), events, nil)
		check(b, err)
	}
	measured("start-silent", func() { check(b, views.NewLatest(js, config, time.Now).Step(b.Context())) })
	check(b, js.DeleteKeyValue(b.Context(), "saveris-latest"))
	measured("anew", func() { check(b, views.NewLatest(js, config, time.Now).Step(b.Context())) })
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// usage is the CPU time of the process.
func usage() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // of this process: it never fails
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

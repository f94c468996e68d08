package poller_test

import (
	"context"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// TestAnotherVersionOfAnEndpointDoublesAndCorrectsNothing reads everything under the newest version and all of it again
// under an older one, which has other columns.
func TestAnotherVersionOfAnEndpointDoublesAndCorrectsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute, AlarmEvery: 10 * time.Minute}})
	b.start = dayEnd.Add(-90 * time.Minute)
	client := b.client(func(c *saveris.Config) { c.Sync = saveris.SyncNever })
	for _, retired := range []string{"off", "newest"} {
		b.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.Retired = retired })
		readings, alarms := b.live(b.js, schema.Readings, client), b.live(b.js, schema.Alarms, client)
		readings.Overlap, alarms.Overlap = time.Hour, time.Hour
		b.run(func() {
			b.awaitCovered(schema.Readings, dayEnd)
			b.awaitCovered(schema.Alarms, dayEnd)
		}, readings, alarms)
		b.forward(time.Hour) // what has been covered is due to be read again
	}
	if path, newest := client.Endpoint(saveris.Measurements); path == newest || b.vendor.Count("download.measurements") < 2 {
		t.Errorf("measurements were read by %s", path)
	}
	b.audit(schema.Readings, dayEnd)
	b.audit(schema.Alarms, dayEnd)
	if n := b.corrections(); n != 0 {
		t.Errorf("%d corrections", n)
	}
}

// TestAFeedThatIsRefusedOrRetiredStopsNoOther: and each that is not given is asked for once, at the start.
func TestAFeedThatIsRefusedOrRetiredStopsNoOther(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*saveristest.Switches){
		"licence": func(sw *saveristest.Switches) { sw.AuthNoLicence, sw.AuthNoLicenceFeed = "403A", "alarms" },
		"retired": func(sw *saveristest.Switches) { sw.Retired = "alarms" },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, saveristest.Config{World: saveristest.World{Cycle: time.Minute}})
			b.start = dayEnd.Add(-90 * time.Minute)
			b.vendor.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { set(sw) })
			client := b.client(func(c *saveris.Config) { c.Sync = saveris.SyncNever })
			shut := make(chan error, 10)
			alarms := b.live(b.js, schema.Alarms, client)
			alarms.OnRefusal = func(err error) { shut <- err }
			done, ended := make(chan struct{}), make(chan error, 1)
			ctx, stop := context.WithCancel(b.Context())
			go func() { defer close(done); ended <- alarms.Run(ctx) }()
			b.run(func() { b.awaitCovered(schema.Readings, dayEnd) }, b.live(b.js, schema.Readings, client))
			if err := <-shut; err == nil || len(shut) > 0 {
				t.Errorf("told %v and %d more", err, len(shut))
			}
			stop()
			<-done
			b.audit(schema.Readings, dayEnd)
			if asked, gone := b.vendor.Count("submit.alarms"), b.vendor.Count("retired.alarms"); asked > 4 || gone > 6 {
				t.Errorf("%d submissions and %d requests for what is retired: want each line to have asked once", asked, gone)
			}
		})
	}
}

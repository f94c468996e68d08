//go:build processes

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// everyFault is the pretend vendor of TestEveryRowOnceInRealProcesses: late and duplicate rows, garbage, and every fault
// that a request can meet.
var everyFault = map[string]string{
	"world.cycle": "10s", "world.sites": "3", "world.loggers": "3", "world.channels": "2", "world.late_share": "0.05",
	"world.late_max": "30s", "world.alarm_every": "5m", "world.outage_every": "off", "rows.changed_content": "on", "query.latency": "0s-2s",
	"file.duplicates": "on", "fault.duplicate": "0.02", "fault.duplicate_across": "0.02", "fault.garbage": "0.002",
	"fault.429": "0.02", "fault.429_wait": "0.02", "fault.token_throttled": "0.1", "fault.500": "0.02", "fault.502": "0.02",
	"fault.503": "0.02", "fault.504": "0.02", "fault.504_started": "0.02", "fault.reset": "0.02", "fault.hang": "0.002",
	"fault.slow": "0.01", "fault.truncate": "0.02", "fault.cut": "0.02", "fault.expired_link": "0.02", "fault.no_such_key": "0.02",
	"fault.expired_token": "0.005", "fault.error_status": "0.02", "fault.forgotten": "0.02",
}

// lastAge is when an interval is read again for the last time. Rows that come later than that are not promised.
const lastAge = 40 * time.Second

// TestEveryRowOnceInRealProcesses runs bridge simulate, nats-server and bridge run as processes of their own, for as long
// as PROCESSES_FOR says (30s if unset) and until what was measured by then has been read for the last time. Then it audits
// both streams.
func TestEveryRowOnceInRealProcesses(t *testing.T) {
	length := 30 * time.Second
	if text := os.Getenv("PROCESSES_FOR"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now().UTC().Truncate(time.Second).Add(-20 * time.Minute)
	s := &scene{T: t, start: start}
	vendorURL, natsAddr := "http://"+bridgetest.Address(t), bridgetest.Address(t)

	simulate := []string{"simulate", "--listen", strings.TrimPrefix(vendorURL, "http://"), "--world.start", start.Format(time.RFC3339)}
	for key, value := range everyFault {
		simulate = append(simulate, "--"+key, value)
	}
	vendor := s.startCommand(nil, simulate...)
	defer stop(t, vendor)
	startNATS(t, natsAddr)
	s.connect("nats://" + natsAddr)

	bridge := s.startCommand([]string{
		"SAVERIS_URL=" + vendorURL, "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "NATS_URL=nats://" + natsAddr, "BRIDGE_HTTP_ADDR=",
		"BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=" + start.Format(time.RFC3339), "BRIDGE_REVISIT=20s," + lastAge.String(),
		"BRIDGE_CONTENT_MODE=structured",
	}, "run")
	ended := make(chan error, 1)
	go func() { ended <- bridge.Wait() }()
	select {
	case err := <-ended:
		t.Fatalf("the bridge ended by itself: %v", err)
	case <-time.After(length):
	}
	until := time.Now().Add(-lastAge)
	for _, feed := range []string{"readings", "alarms"} {
		s.await("the last re-read of "+feed, func(ctx context.Context) bool { return s.settled(ctx, feed, until) })
	}
	due := bridgetest.Due{From: start, Until: until, AsOf: time.Now(), Late: lastAge - 5*time.Second}
	if err := bridge.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the bridge was interrupted and ended with %v", err)
	}
	twin := startTwin(t, start)
	if readings := judge(t, s, twin, due); readings.Rejected == 0 {
		t.Error("no row was rejected: there was too little garbage to prove anything")
	}
	showBucket(t, natsAddr)
}

// settled reports whether a feed has been read for the last time up to a moment.
func (s *scene) settled(ctx context.Context, feed string, until time.Time) bool {
	book := checkpoint.NewBook(checkpoint.NewStream(s.js, "SAVERIS_"+strings.ToUpper(feed), "saveris", feed))
	records, err := book.Records(ctx, checkpoint.Span{From: s.start, Until: until}.Days())
	if err != nil {
		return false
	}
	var covered []checkpoint.Interval
	for _, r := range records {
		for _, iv := range r.Covered {
			if !iv.ReadAt.Before(iv.Until.Add(lastAge)) || iv.ReadAt.After(until.Add(lastAge)) {
				covered = append(covered, iv)
			}
		}
	}
	return len(checkpoint.Gaps(covered, s.start, until)) == 0
}

// startNATS builds and starts a NATS server of the version in go.mod.
func startNATS(t *testing.T, addr string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "nats-server")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config := filepath.Join(t.TempDir(), "nats.conf")
	text := "listen: " + addr + "\njetstream { store_dir: \"" + t.TempDir() + "\", sync_interval: always }\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(binary, "-c", config)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
}

// startTwin starts the same world without the faults of requests in this process and reads all of it, so that it knows the
// garbage as well as the rows.
func startTwin(t *testing.T, start time.Time) *saveristest.Server {
	t.Helper()
	config := saveristest.Config{Record: true}
	for key, value := range everyFault {
		if strings.HasPrefix(key, "fault.") && key != "fault.garbage" {
			continue
		}
		if err := config.Set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	config.World.Start = start
	config.Switches.QueryLatency = "zero"
	now := start
	config.Now = func() time.Time { return now }
	twin, err := saveristest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { twin.Close() })
	client, err := saveris.New(saveris.Config{BaseURL: twin.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for ended := time.Now(); now.Before(ended); now = now.Add(10 * time.Second) { // rows change their content later
		for _, feed := range []saveris.Feed{saveris.Measurements, saveris.Alarms} {
			query := saveris.Query{Feed: feed, From: start, Until: now.Add(10 * time.Second)}
			if _, err := client.Rows(t.Context(), query, func(*saveris.Row) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	return twin
}

// judge audits both streams.
func judge(t *testing.T, s *scene, twin *saveristest.Server, due bridgetest.Due) (readings *bridgetest.AuditReport) {
	t.Helper()
	readings, err := bridgetest.AuditReadings(t.Context(), s.js, streamOfReadings, twin, due)
	if err != nil {
		t.Fatal(err)
	}
	alarms, err := bridgetest.AuditAlarms(t.Context(), s.js, "SAVERIS_ALARMS", twin, due)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("readings %s\nalarms %s", readings, alarms)
	if !readings.Clean() || !alarms.Clean() {
		t.Error("the audit found fault")
	}
	if readings.Stored < 2000 || alarms.Stored == 0 {
		t.Error("too little was stored to prove anything")
	}
	return readings
}

// showBucket reads today's record as people do.
func showBucket(t *testing.T, addr string) {
	t.Helper()
	s := &scene{T: t}
	s.connect("nats://" + addr)
	kv, err := s.js.KeyValue(t.Context(), "saveris-checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	today := checkpoint.DayOf(time.Now())
	var shown checkpoint.Record
	s.await("the bucket to show the newest record", func(ctx context.Context) bool {
		entry, err := kv.Get(ctx, "readings."+today)
		return err == nil && json.Unmarshal(entry.Value(), &shown) == nil && shown.Rows > 0
	})
	t.Logf("bucket: %d rows, %d intervals", shown.Rows, len(shown.Covered))
}

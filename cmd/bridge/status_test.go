package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// readerRights are those that docs/operate.md names for accounts that only look.
func readerRights(t *testing.T) *server.Permissions {
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: rights(t, "publish, to look only")},
		Subscribe: &server.SubjectPermission{Allow: rights(t, "subscribe")},
	}
}

// lookedAt is a broker with an account that may only look, and the environment of who has it.
func lookedAt(t *testing.T) (js jetstream.JetStream, env config.Lookup) {
	t.Helper()
	s := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{
		{Username: "all", Password: "a"}, {Username: "reader", Password: "r", Permissions: readerRights(t)},
	}})
	c := load(t, with("NATS_URL", s.ClientURL(), "NATS_USER", "all", "NATS_PASSWORD", "a"))
	nc, err := natsconn.ConnectNamed(t.Context(), c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if js, err = natsconn.JetStream(nc, c.NATS); err == nil {
		err = publish.Open(t.Context(), js, brokerConfig(c))
	}
	if err != nil {
		t.Fatal(err)
	}
	return js, with("NATS_URL", s.ClientURL(), "NATS_USER", "reader", "NATS_PASSWORD", "r")
}

func TestStatusNeedsOnlyToLook(t *testing.T) {
	js, env := lookedAt(t)
	var out, log strings.Builder
	std := streams{env: env, out: &out, err: &log}
	if code := execute(t.Context(), []string{"status"}, std); code != exitNATS || !strings.Contains(log.String(), "nothing has been stored") {
		t.Errorf("nothing is stored: exit code %d, %s", code, &log)
	}
	from := time.Now().UTC().Truncate(24 * time.Hour)
	put(t, js, schema.Readings, &checkpoint.Interval{From: from, Until: time.Now().UTC(), ReadAt: time.Now().UTC(), Route: "sync"},
		event(schema.Readings, "uuid", "u", "timestamp", from.Format(time.RFC3339)))
	if code := execute(t.Context(), []string{"status"}, std); code != exitDone {
		t.Fatalf("exit code %d, %s", code, &log)
	}
	flat := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"readings covered until " + from.Format(time.DateOnly), "last record by host/1 newest event " + from.Format(time.DateOnly) + " 00:00:00, ",
		"gaps none rows 1 on 1 day late rows none rejected rows 0", "alarms nothing is stored yet",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("it lacks %q:\n%s", want, &out)
		}
	}
	if first, _, _ := strings.Cut(out.String(), "\n"); !strings.HasSuffix(first, " alarms have not been read yet") {
		t.Errorf("it begins with %q", first)
	}
}

func TestStatusSpeaksOfABridgeThatRunsWithItsOwnServer(t *testing.T) {
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	listen := freeAddress("127.0.0.1:0")
	env := append(s.env, "BRIDGE_DATA_DIR="+t.TempDir(), "BRIDGE_NATS_LISTEN="+listen)
	s.connect("nats://" + listen)
	run := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	var now statusAndAlarms
	s.await("a status of both feeds and the leader", func(context.Context) bool {
		got := bridge(t, env, "status", "--json")
		if got.code != exitDone {
			return false
		}
		if err := json.Unmarshal([]byte(got.out), &now); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
		return now.Feeds[0].Rows > 0 && now.Feeds[0].Leader != "" && now.Feeds[1].CoveredUntil != nil
	})
	if f := now.Feeds[0]; len(f.Gaps) > 0 || f.CoveredUntil.Before(vendorAt) || !f.Since.Equal(s.start) || f.Lateness == nil || len(f.Days) != 2 || f.Account != accountOf(env) {
		t.Errorf("%+v", f)
	}
	if now.Alarms == nil || now.openAlarms.Since == nil || !now.openAlarms.Since.Equal(s.start) {
		t.Errorf("open alarms %+v", now.openAlarms)
	}
	if code := stop(t, run); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if got := bridge(t, env, "status"); got.code != exitDone || !strings.Contains(got.out, ": no bridge is running") || !strings.Contains(got.out, "readings have been stalled since ") || !strings.Contains(got.out, "\nopen alarms\n") {
		t.Errorf("after the end: exit code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestStatusSaysThatNoBridgeIsRunning(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	env := append(s.env, "NATS_URL=nats://"+s.broker())
	run := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	var now statusAndAlarms
	look := func() bool {
		got := bridge(t, env, "status", "--json")
		if got.code != exitDone {
			return false
		}
		if err := json.Unmarshal([]byte(got.out), &now); err != nil {
			t.Fatalf("%v: %s", err, got.out)
		}
		return true
	}
	s.await("who polls", func(context.Context) bool { return look() && now.Feeds[0].Leader != "" })
	if now.NoBridge || now.Heard == nil {
		t.Errorf("while a bridge runs: %v, heard of at %v", now.NoBridge, now.Heard)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	killed := time.Now()
	s.await("a word of its end", func(context.Context) bool { return look() && now.NoBridge })
	if gone := now.At.Sub(*now.Heard); gone < 20*time.Second || now.Heard.After(killed.Add(time.Second)) {
		t.Errorf("it was heard of at %v, which is %v ago, and killed at %v", now.Heard, gone, killed)
	}
	if got := bridge(t, env, "status"); got.code != exitDone || !strings.Contains(got.out, ": no bridge is running, the last one was seen at ") {
		t.Errorf("exit code %d, %s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, env, "status", "--exit-code"); got.code != exitFailed || !strings.HasPrefix(got.err, "error: no bridge is running") || !strings.Contains(got.out, "\nreadings\n") {
		t.Errorf("with --exit-code: exit code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestStatusIsReadAtAGlance(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	back := func(d time.Duration) *time.Time { t := at.Add(-d); return &t }
	eta, trouble := 90.0, "no \x1b[31mluck"
	now := status.Status{At: at, Feeds: []status.Feed{{
		Feed: schema.Readings, Since: back(48 * time.Hour), CoveredUntil: back(20 * time.Minute), ReadAt: back(20 * time.Minute), Newest: back(21 * time.Minute),
		Leader: "host/\x1b[1m7", Rows: 7000, Late: 30, Rejected: 2,
		Lateness: &status.Lateness{Events: 1000, Arrival: status.Quantiles{Median: 30, P95: 3700}, Storing: status.Quantiles{Median: -2, P95: 95}},
		Days:     []status.Day{{Day: "2026-11-23", Rows: 4000, Late: 20}, {Day: "2026-11-24", Rows: 3000, Late: 10}},
		Partly:   []status.Day{{Day: "2026-11-22", Covered: 0.5}, {Day: "2026-11-23", Covered: 0.9999}},
	}}, Backfills: []status.Backfill{
		{Backfill: schema.Backfill{ID: "run", Phase: schema.BackfillProgress, From: at, Until: at, Covered: 0.4, ETA: &eta}, ToldAt: *back(5 * time.Second)},
		{Backfill: schema.Backfill{ID: "bad", Phase: schema.BackfillFailed, From: at, Until: at, Error: &trouble}, ToldAt: *back(72 * time.Hour)},
	}}
	for i := range 7 {
		from := at.Add(time.Duration(i-30) * time.Hour)
		now.Feeds[0].Gaps = append(now.Feeds[0].Gaps, checkpoint.Span{From: from, Until: from.Add(30 * time.Minute)})
	}
	const want = `2026-11-24 12:00:00: readings have been stalled since 11:40; readings are not complete: 7 gaps, 3.5 h in all

readings
  covered until  2026-11-24 11:40:00, 20m ago
  last poll      20m ago, polled by host/\u001b[1m7
  newest event   2026-11-24 11:39:00, 21m ago
  gaps           7 gaps, 3h30m in all
                 2026-11-23 06:00:00 until 2026-11-23 06:30:00 (30m)
                 2026-11-23 07:00:00 until 2026-11-23 07:30:00 (30m)
                 2026-11-23 08:00:00 until 2026-11-23 08:30:00 (30m)
                 2026-11-23 09:00:00 until 2026-11-23 09:30:00 (30m)
                 2026-11-23 10:00:00 until 2026-11-23 10:30:00 (30m)
                 and 2 more
  partly read    2026-11-23: 99.9%, 2026-11-22: 50%
  rows           7000 on 2 days
  late rows      30 (2026-11-24: 10, 2026-11-23: 20)
  rejected rows  2
  lateness       measured to cloud: median 30s, 95% within 1h1m (the newest 1000)
                 cloud to stream: median -2s, 95% within 1m35s

backfills
  run  progress  40% covered, 2026-11-24 12:00:00 until 2026-11-24 12:00:00, told 5s ago, about 1m30s to go
  bad  failed  0% covered, 2026-11-24 12:00:00 until 2026-11-24 12:00:00, told 3d ago: no \u001b[31mluck
`
	if got := statusText(now, status.Rules{Poll: 5 * time.Minute}, 0); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	now.Feeds[0].Gaps, now.Feeds[0].ReadAt = nil, back(time.Minute)
	if got := verdictOf(now, status.Rules{Poll: 5 * time.Minute}); got != "all is well" {
		t.Errorf("%q", got)
	}
	if got := judged(now, status.Rules{Poll: 5 * time.Minute}); !got.OK || got.Problems == nil {
		t.Errorf("%+v", got)
	}
	now.Backfills[0].ToldAt = *back(time.Hour)
	if got := verdictOf(now, status.Rules{Poll: 5 * time.Minute}); got != "backfill run has not reported for ten minutes" {
		t.Errorf("%q", got)
	}
	if got := judged(now, status.Rules{Poll: 5 * time.Minute}); got.OK || len(got.Problems) != 1 || got.Problems[0].Level != status.Look {
		t.Errorf("%+v", got)
	}
}

func TestAClockThatIsAheadIsNotNever(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	until := at.Add(2 * time.Hour)
	now := status.Status{At: at, Feeds: []status.Feed{{Feed: schema.Readings, CoveredUntil: &until, Days: []status.Day{{Day: "2026-11-24"}}}}}
	got := statusText(now, status.Rules{Poll: time.Minute}, 0)
	if strings.Contains(got, "never") || !strings.Contains(got, "last poll      not known: what has been read lies ahead of the clock here") {
		t.Errorf("%s", got)
	}
}

func TestAllIsNotWellAboveASevereAlarm(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	now := status.Status{At: at, Feeds: []status.Feed{{Feed: schema.Alarms, ReadAt: &at}}}
	for severe, want := range map[int]string{0: "all is well", 1: "the bridge is well; 1 severe alarm is open", 2: "the bridge is well; 2 severe alarms are open"} {
		if first, _, _ := strings.Cut(statusText(now, status.Rules{Poll: time.Minute}, severe), "\n"); first != "2026-11-24 12:00:00: "+want {
			t.Errorf("%d severe alarms: %s", severe, first)
		}
	}
	now.Feeds[0].ReadAt = nil
	if first, _, _ := strings.Cut(statusText(now, status.Rules{Poll: time.Minute}, 1), "\n"); !strings.HasSuffix(first, ": alarms have not been read yet; 1 severe alarm is open") {
		t.Errorf("%s", first)
	}
	if n := status.Severe([]status.Alarm{{Severity: "warning"}, {Severity: "alarm"}, {Severity: "unknown"}, {Severity: "alarm"}}); n != 2 {
		t.Errorf("%d of two are severe", n)
	}
}

func TestOpenAlarmsAreReadAtAGlance(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	since := at.AddDate(0, 0, -300)
	open := openAlarms{Since: &since, Alarms: []status.Alarm{
		{At: at.Add(-time.Minute), Severity: "warning", Text: "Hot\x1b[1m: measured 9.3 °C", Condition: "Hot", Serial: "22011234", Quantity: "air_temperature"},
		{At: at.Add(-time.Hour), Severity: "alarm", Text: "Upper limit exceeded: measured 61 %", Condition: "Upper limit", Site: "b2c3d4e5-f6a7", Serial: "22011234", Quantity: "relative_humidity"},
		{At: at.Add(-2 * time.Hour), Severity: "warning", Text: "Upper limit exceeded: measured 59 %", Condition: "Upper limit", Site: "b2c3d4e5-f6a7", Serial: "22011234", Quantity: "relative_humidity"},
		{At: at.AddDate(0, 0, -71), Severity: "warning", Text: "Calibration is too old", Condition: "Calibration is too old", Serial: "22019153"},
	}}
	const want = `
open alarms
  alarm    Upper limit exceeded: measured 61 %, 22011234 relative_humidity, site b2c3d4e5, since 2026-11-24 11:00:00, 1h ago; warning since 2026-11-24 10:00:00, 2h ago
  warning  Hot\u001b[1m: measured 9.3 °C, 22011234 air_temperature, since 2026-11-24 11:59:00, 1m ago
  warning  Calibration is too old, 22019153, since 2026-09-14 12:00:00, 71d ago
  those raised before 2026-01-28 12:00:00 are not known; bridge backfill --feeds alarms with an earlier --from reads them
`
	if got := alarmsText(open, at); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	open.Alarms = slices.Repeat(open.Alarms, 5)
	if got := alarmsText(open, at); !strings.Contains(got, "\n  and 5 more\n") {
		t.Errorf("%s", got)
	}
	if got := alarmsText(openAlarms{Since: &since}, at); !strings.HasPrefix(got, "\nopen alarms\n  none\n  those raised before ") {
		t.Errorf("%s", got)
	}
	if got := alarmsText(openAlarms{}, at); got != "" {
		t.Errorf("nothing has been read: %s", got)
	}
}

func TestLengthsOfTimeAreTold(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m1s", time.Hour + 5*time.Second: "1h",
		25*time.Hour + 59*time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := took(d); got != want {
			t.Errorf("%v is told as %q, want %q", d, got, want)
		}
	}
	now := time.Now()
	for d, want := range map[time.Duration]string{-time.Hour: "in 1h", -time.Second: "just now", 0: "just now", 3 * time.Minute: "3m ago"} {
		at := now.Add(-d)
		if got := ago(&at, now); got != want {
			t.Errorf("%v is told as %q, want %q", d, got, want)
		}
	}
	if slices.Contains([]string{seconds(1e300), seconds(-1e300)}, "0s") {
		t.Error("what is beyond all measure is told as nothing")
	}
}

func TestABridgeMayRunWhereTheStoreIsTaken(t *testing.T) {
	s := config.Settings{Pipeline: config.Pipeline{NATS: config.NATS{DataDir: t.TempDir()}}}
	server, err := natsd.Start(natsd.Config{Dir: s.DataDir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if rules := statusRules(s); rules.Taken != natsd.Locks {
		t.Errorf("while a server runs on it: %+v", rules)
	}
	server.Close()
	if rules := statusRules(s); rules.Taken {
		t.Errorf("after its end: %+v", rules)
	}
}

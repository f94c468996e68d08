package main

import (
	"context"
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
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
		err = publish.Open(t.Context(), js, pipeline.Broker(c.Streams))
	}
	if err != nil {
		t.Fatal(err)
	}
	return js, with("NATS_URL", s.ClientURL(), "NATS_USER", "reader", "NATS_PASSWORD", "r")
}

func TestStatusNeedsOnlyToLook(t *testing.T) {
	t.Parallel()
	js, env := lookedAt(t)
	var out, log strings.Builder
	std := streams{env: env, out: &out, err: &log}
	if code := execute(t.Context(), []string{"status"}, std); code != hint.NATS || !strings.Contains(log.String(), "nothing has been stored") {
		t.Errorf("nothing is stored: exit code %d, %s", code, &log)
	}
	from := time.Now().UTC().Truncate(24 * time.Hour)
	put(t, js, schema.Readings, &checkpoint.Interval{From: from, Until: time.Now().UTC(), ReadAt: time.Now().UTC(), Route: "sync"},
		event(schema.Readings, "uuid", "u", "timestamp", from.Format(time.RFC3339)))
	if code := execute(t.Context(), []string{"status"}, std); code != hint.Done {
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
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	listen := bridgetest.Address(t)
	env := append(s.env, "BRIDGE_DATA_DIR="+t.TempDir(), "BRIDGE_NATS_LISTEN="+listen)
	s.connect("nats://" + listen)
	run := s.startCommand(env, "run")
	s.await("full coverage", s.covered)
	var now status.Report
	s.await("a status of both feeds and the leader", func(context.Context) bool {
		got := bridge(t, env, "status", "--json")
		if got.code != hint.Done {
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
	if now.Alarms == nil || now.AlarmsSince == nil || !now.AlarmsSince.Equal(s.start) {
		t.Errorf("open alarms %+v", now.Alarms)
	}
	if code := stop(t, run); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	if got := bridge(t, env, "status"); got.code != hint.Done || !strings.Contains(got.out, ": no bridge is running") || !strings.Contains(got.out, "readings have been stalled since ") || !strings.Contains(got.out, "\nopen alarms\n") {
		t.Errorf("after the end: exit code %d, %s%s", got.code, got.out, got.err)
	}
	if got := bridge(t, env, "status", "--exit-code"); got.code != hint.Failed || !strings.HasPrefix(got.err, "error: no bridge is running") || !strings.Contains(got.out, "\nreadings\n") {
		t.Errorf("with --exit-code: exit code %d, %s%s", got.code, got.out, got.err)
	}
}

func TestABridgeMayRunWhereTheStoreIsTaken(t *testing.T) {
	t.Parallel()
	s := config.Settings{Pipeline: config.Pipeline{NATS: config.NATS{DataDir: t.TempDir()}}}
	server, err := natsd.Start(natsd.Config{Dir: s.DataDir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if rules := statusRules(s); rules.Taken != natsd.Locks {
		t.Errorf("while a server runs on it: %+v", rules)
	}
	server.Close()
	guard := time.Now().Add(bridgetest.Patience)
	for statusRules(s).Taken && time.Now().Before(guard) { // a process that another test starts holds the lock until it is another program
		runtime.Gosched()
	}
	if rules := statusRules(s); rules.Taken {
		t.Errorf("after its end: %+v", rules)
	}
}

// TestStatusAndReplayNameTheFeedsThatTheirSettingsLeaveOut, where they are stored; that is no problem.
func TestStatusAndReplayNameTheFeedsThatTheirSettingsLeaveOut(t *testing.T) {
	t.Parallel()
	js, env := lookedAt(t)
	from := time.Now().UTC().Truncate(24 * time.Hour)
	for _, feed := range []schema.Feed{schema.Readings, schema.Tasks} {
		put(t, js, feed, &checkpoint.Interval{From: from, Until: time.Now().UTC(), ReadAt: time.Now().UTC(), Route: "sync"})
	}
	const tasks, readings = "note: tasks are stored too; BRIDGE_FEEDS of this command leaves them out\n", "note: readings are stored too; BRIDGE_FEEDS of this command leaves them out\n"
	run := func(feeds string, args ...string) (out, err string) {
		t.Helper()
		var o, e strings.Builder
		lookup := func(name string) (string, bool) {
			switch {
			case name == "BRIDGE_FEEDS":
				return feeds, true
			case args[0] == "replay" && name == "NATS_USER":
				return "all", true
			case args[0] == "replay" && name == "NATS_PASSWORD":
				return "a", true
			}
			return env(name)
		}
		if code := execute(t.Context(), args, streams{env: lookup, out: &o, err: &e}); code != hint.Done {
			t.Errorf("%s: exit code %d, %s", args, code, &e)
		}
		return o.String(), e.String()
	}
	for feeds, want := range map[string]string{"readings,devices": tasks, "devices": readings + tasks, "tasks": readings, "readings,tasks": ""} {
		if out, _ := run(feeds, "status"); strings.Count(out, "note: ") != strings.Count(want, "note: ") || !strings.Contains(out, want) {
			t.Errorf("%s:\n%s", feeds, out)
		}
		var now status.Report
		out, _ := run(feeds, "status", "--json")
		if err := json.Unmarshal([]byte(out), &now); err != nil || len(now.LeftOut) != strings.Count(want, "note: ") {
			t.Errorf("%s: %v, left out are %v", feeds, err, now.LeftOut)
		}
	}
	replay := []string{"replay", "--from", "1h", "--to", "again"}
	if _, said := run("readings", replay...); said != tasks {
		t.Errorf("replay says %q", said)
	}
	if _, said := run("readings", append(replay, "--feeds", "readings")...); said != "" {
		t.Errorf("replay --feeds says %q", said)
	}
}

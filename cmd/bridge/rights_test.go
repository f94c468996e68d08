package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// rights reads a row of the table of rights in docs/operate.md.
func rights(t *testing.T, what string) []string {
	t.Helper()
	text, err := os.ReadFile(operate)
	if err != nil {
		t.Fatal(err)
	}
	_, row, found := strings.Cut(string(text), "\n| "+what+" | ")
	row, _, _ = strings.Cut(row, "\n")
	if !found {
		t.Fatalf("docs/operate.md has no rights to %s", what)
	}
	var list []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row, -1) {
		list = append(list, m[1])
	}
	return list
}

// rightsBut starts a server on which the bridge has the rights of docs/operate.md but one, and an account that may do all.
func rightsBut(t *testing.T, missing string) (url string) {
	t.Helper()
	not := func(list []string) []string {
		return slices.DeleteFunc(list, func(subject string) bool { return subject == missing })
	}
	user := &server.User{Username: "bridge", Password: "b", Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: not(rights(t, "publish"))},
		Subscribe: &server.SubjectPermission{Allow: not(rights(t, "subscribe"))},
	}}
	for _, permission := range []*server.SubjectPermission{user.Permissions.Publish, user.Permissions.Subscribe} {
		if len(permission.Allow) == 0 { // an empty list would allow all
			permission.Deny = []string{">"}
		}
	}
	return natsServer(t, &server.Options{JetStream: true, Users: []*server.User{user, {Username: "all", Password: "a"}}}).ClientURL()
}

// TestCheckNamesEveryMissingRight takes away one right after the other, on a server where nothing is yet and on one where
// all streams and buckets are.
func TestCheckNamesEveryMissingRight(t *testing.T) {
	t.Parallel()
	mayMiss := []string{"$KV.saveris-checkpoints.>", "$KV.saveris-inventory.>", "$KV.saveris-latest.>", "$KV.saveris-open-alarms.>", "$KV.saveris-exports.>", "$KV.saveris-leases.>", "$KV.saveris-backfills.>", "$JS.API.STREAM.NAMES"}
	for _, missing := range append(rights(t, "publish"), rights(t, "subscribe")...) {
		t.Run(missing, func(t *testing.T) {
			t.Parallel()
			url := rightsBut(t, missing)
			all := load(t, with("NATS_URL", url, "NATS_USER", "all", "NATS_PASSWORD", "a"))
			nc, err := natsconn.ConnectNamed(t.Context(), all.NATS, quiet)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			js, err := natsconn.JetStream(nc, all.NATS)
			if err != nil {
				t.Fatal(err)
			}
			for _, there := range []bool{false, true} {
				if there {
					openAll(t, js, all)
				}
				before := inventory(t, js)
				out, err := checkNATS(t, with("NATS_URL", url, "NATS_USER", "bridge", "NATS_PASSWORD", "b"))
				code := hint.Done
				if err != nil {
					code, _ = verdict(err)
				}
				if after := inventory(t, js); after != before {
					t.Errorf("the check changed the server:\n%s\nto\n%s", before, after)
				}
				var named []string
				stem := strings.TrimSuffix(missing, ">")
				for line := range strings.Lines(out) {
					if _, advice, _ := strings.Cut(line, "  hint: "); strings.Contains(advice, stem) {
						named = append(named, strings.TrimSpace(line))
					}
				}
				want, wantCode := true, hint.NATS
				switch {
				case missing == "$JS.API.STREAM.CREATE.>" && there:
					want, wantCode = false, hint.Done // nothing has to be created
				case slices.Contains(mayMiss, missing):
					wantCode = hint.Done
				}
				t.Logf("streams %v: exit code %d, %s", there, code, strings.Join(named, "\n"))
				if code != wantCode || (len(named) > 0) != want {
					t.Errorf("streams %v: exit code %d, want %d; the right is named: %v\n%s", there, code, wantCode, want, out)
				}
			}
		})
	}
}

// openAll makes all streams and buckets of a bridge.
func openAll(t *testing.T, js jetstream.JetStream, c config.Settings) {
	t.Helper()
	err := publish.Open(t.Context(), js, pipeline.Broker(c.Streams))
	show(t, js, schema.Readings)
	broker := pipeline.Broker(c.Streams)
	if err == nil {
		_, err = publish.MakeBucket(t.Context(), js, broker.InventoryBucket())
	}
	for _, folds := range []jetstream.KeyValueConfig{broker.LatestBucket(), broker.OpenAlarmsBucket()} {
		if err == nil {
			_, err = publish.MakeBatchBucket(t.Context(), js, folds)
		}
	}
	if err == nil {
		_, err = publish.OpenRequests(t.Context(), js, broker)
	}
	if err == nil {
		err = publish.NewLeases(js, broker, schema.Readings, "me", nil).Try(t.Context())
	}
	if err == nil {
		_, err = backfill.OpenStates(t.Context(), js, broker, c.SaverisURL)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// inventory reports what is on a server: its streams with their ends, consumers and settings.
func inventory(t *testing.T, js jetstream.JetStream) string {
	t.Helper()
	var b strings.Builder
	list := js.ListStreams(t.Context())
	for info := range list.Info() {
		config, err := json.Marshal(info.Config)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %d %d %s\n", info.Config.Name, info.State.LastSeq, info.State.Consumers, config)
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	return b.String()
}

func TestTheRightsInTheReadmeSuffice(t *testing.T) {
	t.Parallel()
	user := &server.User{Username: "bridge", Password: "b", Permissions: &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: rights(t, "publish")},
		Subscribe: &server.SubjectPermission{Allow: rights(t, "subscribe")},
	}}
	s := natsServer(t, &server.Options{JetStream: true, Users: []*server.User{user}})
	env := with("NATS_URL", s.ClientURL(), "NATS_USER", "bridge", "NATS_PASSWORD", "b")
	if out, err := checkNATS(t, env); err != nil {
		t.Errorf("before the streams exist: %v\n%s", err, out)
	}
	c := load(t, env)
	nc, err := natsconn.ConnectNamed(t.Context(), c.NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := natsconn.JetStream(nc, c.NATS)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, pipeline.Broker(c.Streams)); err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	cover := &checkpoint.Interval{From: from, Until: from.Add(time.Hour), ReadAt: from.Add(2 * time.Hour), Route: "sync"}
	row := saveris.Row{Fields: []saveris.Field{
		{Name: "uuid", Kind: saveris.String, Text: []byte("c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f")},
		{Name: "timestamp", Kind: saveris.String, Text: []byte("2026-07-01T10:15:00Z")},
	}}
	events := []schema.Event{schema.NewMaker(schema.Readings, c.Prefix, c.SaverisURL).Event(&row, schema.Window{}, from)}
	for want := range 2 { // the second writer finds the event in the page
		w := publish.NewWriter(js, pipeline.Broker(c.Streams), publish.Options{Feed: schema.Readings, Now: time.Now, LiveAge: time.Hour})
		result, err := w.Commit(t.Context(), "2026-07-01", events, cover)
		if err != nil || result.Stored != 1-want {
			t.Fatalf("commit %d: %+v, %v", want, result, err)
		}
	}
	requests, err := publish.OpenRequests(t.Context(), js, pipeline.Broker(c.Streams))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, want string
		do         func() error
	}{
		{"keep", "request", func() error { return requests.Keep(t.Context(), "key", "request") }},
		{"drop", "", func() error { return requests.Drop(t.Context(), "key") }},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got, err := requests.Find(t.Context(), "key"); err != nil || got != step.want {
			t.Fatalf("find after %s: %q, %v", step.name, got, err)
		}
	}
	if err := publish.NewLeases(js, pipeline.Broker(c.Streams), schema.Readings, "me", nil).Try(t.Context()); err != nil {
		t.Errorf("leases: %v", err)
	}
	backfills, err := backfill.OpenStates(t.Context(), js, pipeline.Broker(c.Streams), "https://vendor.example")
	if err == nil {
		err = backfills.Publish(t.Context(), schema.Backfill{ID: "id", Phase: schema.BackfillStarted})
	}
	if err == nil {
		_, _, err = backfills.Last(t.Context(), "id")
	}
	if err != nil {
		t.Errorf("backfills: %v", err)
	}
	if _, err := requests.Keys(t.Context()); err != nil {
		t.Errorf("keys: %v", err)
	}
	out, err := checkNATS(t, env)
	if err != nil {
		t.Errorf("with streams: %v\n%s", err, out)
	}
	wantLines(t, out, "ok bucket saveris-exports remembers", "ok rights")
}

// TestTheBridgeWorksWithTheRightsInTheReadme runs the commands as processes of an account with exactly these rights. A
// refusal by the server would be in their logs.
func TestTheBridgeWorksWithTheRightsInTheReadme(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	url := rightsBut(t, "")
	s.connect(strings.Replace(url, "//", "//all:a@", 1))
	env := append(slices.Clone(s.env), "NATS_URL="+url, "NATS_USER=bridge", "NATS_PASSWORD=b")
	from, until := s.start.Add(-3*time.Hour).Format(time.RFC3339), s.start.Format(time.RFC3339)
	var log noise
	run := command(t, env, "run")
	run.Stderr = &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	s.await("full coverage", s.covered)
	for _, args := range [][]string{
		{"check"}, {"backfill", "--from", from, "--until", until, "--workers", "2"}, {"verify", "--from", from, "--until", until}, {"status"},
	} {
		got := bridge(t, env, args...)
		log := strings.ToLower(got.err)
		if out := strings.ToLower(got.out) + log; got.code != hint.Done || strings.Contains(out, "permission") || strings.Contains(log, "warn") && args[0] != "check" {
			t.Errorf("%s: exit code %d:\n%s%s", args[0], got.code, got.out, got.err)
		}
	}
	if code := stop(t, run); code != hint.Done || strings.Contains(strings.ToLower(log.String()), "permission") {
		t.Errorf("run: exit code %d:\n%s", code, log.String())
	}
}

func TestMissingRightsAreToldOnceAndEndAStartAtOnce(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	for _, missing := range []string{"$JS.API.INFO", "$JS.API.STREAM.CREATE.>"} {
		url := rightsBut(t, missing)
		got := bridge(t, runEnv(v, "NATS_URL="+url, "NATS_USER=bridge", "NATS_PASSWORD=b"), "run")
		cause, advice := lastLines(t, got.err)
		if got.code != hint.NATS || !strings.Contains(cause, strings.TrimSuffix(missing, ">")) || !strings.Contains(advice, "bridge check names each right") ||
			strings.Count(got.err, "nats error") > 1 {
			t.Errorf("%s: exit code %d\n%s", missing, got.code, got.err)
		}
	}
}

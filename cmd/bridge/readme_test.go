package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats-server/v2/server"
)

// rights reads a row of the README's table of rights.
func rights(t *testing.T, what string) []string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	_, row, found := strings.Cut(string(text), "\n| "+what+" | ")
	row, _, _ = strings.Cut(row, "\n")
	if !found {
		t.Fatalf("README.md has no rights to %s", what)
	}
	var list []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row, -1) {
		list = append(list, m[1])
	}
	return list
}

func TestTheRightsInTheReadmeSuffice(t *testing.T) {
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
	nc, err := connect(t.Context(), c, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetStream(nc, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := publish.Open(t.Context(), js, brokerConfig(c)); err != nil {
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
		w := publish.NewWriter(js, brokerConfig(c), publish.Options{Feed: schema.Readings, Now: time.Now, LiveAge: time.Hour})
		result, err := w.Commit(t.Context(), "2026-07-01", events, cover)
		if err != nil || result.Known != want {
			t.Fatalf("commit %d: %+v, %v", want, result, err)
		}
	}
	requests, err := publish.OpenRequests(t.Context(), js, brokerConfig(c))
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
	leases, err := publish.OpenLeases(t.Context(), js, brokerConfig(c), schema.Readings, "me")
	if err == nil {
		err = leases.Try(t.Context())
	}
	if err != nil {
		t.Errorf("leases: %v", err)
	}
	backfills, err := publish.OpenBackfills(t.Context(), js, brokerConfig(c), "https://vendor.example")
	if err == nil {
		err = backfills.Tell(t.Context(), schema.Backfill{ID: "id", Phase: schema.BackfillStarted})
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

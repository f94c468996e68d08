//go:build processes

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// natsCLI returns the path of the nats command line, of which one is installed in the user's cache if there is none.
func natsCLI(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("nats"); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "saveris-bridge-test", "natscli-v0.5.1")
	binary := filepath.Join(dir, "nats")
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	install := exec.Command("go", "install", "github.com/nats-io/natscli/nats@v0.5.1")
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install nats: %v: %s", err, out)
	}
	return binary
}

// TestTheQuotedEditMendsAStreamInRealProcesses fills streams, makes them as they were before the bridge had subjects of its own to
// publish on, and does what its hints say until it goes on.
func TestTheQuotedEditMendsAStreamInRealProcesses(t *testing.T) {
	nats := natsCLI(t)
	s := newScene(t, saveristest.World{Sites: 2, Loggers: 3, Channels: 2, Cycle: 10 * time.Second, AlarmEvery: 5 * time.Minute})
	addr := s.broker()
	env := append(s.env, "NATS_URL=nats://"+addr)
	first := s.startCommand(env, "run")
	s.await("a first part", func(ctx context.Context) bool { return s.messages(ctx) > 2000 })
	if code := stop(t, first); code != hint.Done { // a batch that is stored while its stream is edited may be torn
		t.Fatalf("exit code %d", code)
	}
	for _, feed := range publish.Feeds {
		s.makeFirstEdition(feed)
	}
	for _, feed := range publish.Feeds {
		name := publish.Names{Prefix: "saveris"}.Stream(feed)
		said := bridge(t, env, "run")
		cause, advice := lastLines(t, said.err)
		_, command, quoted := strings.Cut(advice, "nats stream edit ")
		if said.code != hint.NATS || !strings.Contains(cause, "subject transform is none") || !quoted || !strings.HasPrefix(command, name+" ") {
			t.Fatalf("exit code %d:\n%s\n%s", said.code, cause, advice)
		}
		edit := exec.Command("sh", "-c", "exec "+nats+" stream edit "+command)
		edit.Env = []string{"NATS_URL=nats://" + addr, "HOME=" + t.TempDir()}
		out, err := edit.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "was updated") {
			t.Fatalf("%s: %v\n%s", edit, err, out)
		}
	}
	again := s.startCommand(env, "run")
	s.await("all of it", s.covered)
	if code := stop(t, again); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
	if report := s.audit(); report.Stored < 4000 {
		t.Error("too little was stored to prove anything")
	}
}

// makeFirstEdition makes a stream store what is published on its readers' subjects.
func (s *scene) makeFirstEdition(feed schema.Feed) {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), "SAVERIS_"+strings.ToUpper(string(feed)))
	if err != nil {
		s.Fatal(err)
	}
	config := stream.CachedInfo().Config
	for i, subject := range config.Subjects {
		config.Subjects[i] = strings.Replace(subject, "saveris-ingest.", "saveris.", 1)
	}
	config.SubjectTransform, config.RePublish = nil, nil
	if _, err := s.js.UpdateStream(s.Context(), config); err != nil {
		s.Fatal(err)
	}
}

package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

func (s *scene) auditCommand(args ...string) outcome { return s.auditWith("", args...) }

// auditWith audits with BRIDGE_FEEDS; empty is its default.
func (s *scene) auditWith(feeds string, args ...string) outcome {
	env := []string{"BRIDGE_HTTP_ADDR="}
	if feeds != "" {
		env = append(env, "BRIDGE_FEEDS="+feeds)
	}
	for _, v := range s.env { // none of the vendor's
		if strings.HasPrefix(v, "NATS_") {
			env = append(env, v)
		}
	}
	return bridge(s.T, env, append([]string{"audit", "--from", s.start.Format(time.RFC3339), "--until", vendorAt.Format(time.RFC3339)}, args...)...)
}

// TestAuditReportsWhatIsMissing in every form, from the streams alone, and changes nothing.
func TestAuditReportsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := filled(t)
	var listed []string
	for info := range s.js.ListStreams(t.Context()).Info() {
		listed = append(listed, info.Config.Name)
	}
	before := s.messages(t.Context())
	got := s.auditCommand()
	if got.code != hint.Done || got.err != "" || !strings.Contains(got.out, "\ncomplete: 12 channels, nothing that was due is missing\n") || !strings.Contains(got.out, "check again: bridge verify --from 2026-11-23T22:20:00Z") {
		t.Fatalf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	for _, feeds := range []string{"readings", "alarms", "tasks", "devices"} { // what is stored counts
		got := s.auditWith(feeds)
		if got.code != hint.Done || !strings.Contains(got.out, "SAVERIS_READINGS, SAVERIS_ALARMS") || !strings.Contains(got.out, "\ncomplete: 12 channels, ") {
			t.Errorf("BRIDGE_FEEDS=%s: exit code %d\n%s%s", feeds, got.code, got.out, got.err)
		}
		got = s.auditWith(feeds, "--from", "2026-09-01T00:00:00Z", "--until", "2026-09-02T00:00:00Z") // of which nothing was read
		if strings.Contains(got.out, "SAVERIS_ALARMS") != (feeds == "alarms") || !strings.Contains(got.out, "SAVERIS_READINGS") || got.code != hint.Failed {
			t.Errorf("BRIDGE_FEEDS=%s: exit code %d\n%s%s", feeds, got.code, got.out, got.err)
		}
	}
	stream, err := s.js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	var removed *jetstream.RawStreamMsg
	for seq := uint64(1); removed == nil || removed.Header.Get("ce-time") < "2026-11-23T23:00:00Z" || removed.Header.Get("ce-time") > "2026-11-24T00:00:00Z"; seq = removed.Sequence + 1 {
		if removed, err = stream.GetMsg(t.Context(), seq, jetstream.WithGetMsgSubject("saveris.readings.>")); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.DeleteMsg(t.Context(), removed.Sequence); err != nil {
		t.Fatal(err)
	}
	got = s.auditCommand("--json")
	var report struct {
		Missing  int
		Channels []struct {
			Days []struct{ Due, Stored, Missing int }
		}
		Days   []struct{ Feed, Day, Digest string }
		Bridge struct{ Version string }
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatalf("%v: %s", err, got.out)
	}
	cause, advice := lastLines(t, got.err)
	if got.code != hint.Failed || report.Missing != 1 || len(report.Channels) != 12 || len(report.Days) != 4 || report.Bridge.Version == "" ||
		!strings.Contains(cause, "NOT complete: 1 readings are missing") || !strings.Contains(advice, "--repair") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	got = s.auditCommand("--csv")
	if lines, err := csv.NewReader(strings.NewReader(got.out)).ReadAll(); err != nil || len(lines) != 1+24 || got.code != hint.Failed {
		t.Errorf("%d lines (%v), exit code %d", len(lines), err, got.code)
	}
	file := filepath.Join(t.TempDir(), "audit.html")
	got = s.auditCommand("--html", file)
	if page, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(page), "</html>\n") || got.code != hint.Failed || got.out != "wrote "+file+"\n" {
		t.Errorf("%v, exit code %d\n%s%s", err, got.code, got.out, got.err)
	}
	link := filepath.Join(t.TempDir(), "link.html")
	if err := errors.Join(os.Symlink(file, link), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	got = s.auditCommand("--html", link)
	if page, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(page), "</html>\n") || got.out != "wrote "+file+"\n" {
		t.Errorf("%v: %s, the page ends with %.100s", err, got.out, page[max(0, len(page)-100):])
	}
	if got := s.auditCommand("--html", filepath.Join(file, "no folder")); got.code != hint.Settings || !strings.Contains(got.err, "no folder") {
		t.Errorf("exit code %d\n%s", got.code, got.err)
	}
	for info := range s.js.ListStreams(t.Context()).Info() {
		if len(listed) == 0 || listed[0] != info.Config.Name {
			t.Errorf("stream %s, there were %v", info.Config.Name, listed)
			break
		}
		listed = listed[1:]
	}
	if after := s.messages(t.Context()); after != before-1 {
		t.Errorf("%d messages, then %d", before, after)
	}
}

func TestAuditRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                            "--from is missing",
		"--from yesterday":            `--from is "yesterday"`,
		"--from 1h --until 2h":        "expected a range that is not empty",
		"--from 0000-01-01T00:00:00Z": `--from is "0000-01-01T00:00:00Z": expected a time not before the year 2000`,
		"--from 1h --json --csv":      "exclude each other",
		"--from 1h --json --html a":   "exclude each other",
		"--from 1h --feeds readings":  "unknown flag",
		"--from 1h 2026-11-24T00:00Z": "takes no argument",
	} {
		got := bridge(t, nil, append([]string{"audit"}, strings.Fields(args)...)...)
		if cause, _ := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, want) {
			t.Errorf("%q: exit code %d\n%s", args, got.code, got.err)
		}
	}
	dir := t.TempDir()
	got := bridge(t, []string{"BRIDGE_DATA_DIR=" + filepath.Join(dir, "none")}, "audit", "--from", "1h")
	if _, err := os.Stat(filepath.Join(dir, "none")); got.code == hint.Done || !os.IsNotExist(err) {
		t.Errorf("exit code %d, %v\n%s", got.code, err, got.err)
	}
}

// TestAuditWritesItsPageToAFileOnly: it takes the place of what has that name, which is to be no device, and is said before anything is read.
func TestAuditWritesItsPageToAFileOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"": "expected the name of a file", "-": "expected the name of a file", dir: "a folder or a device", pipe: "a folder or a device",
		filepath.Join(dir, "none", "a.html"): "in a folder that exists",
	} {
		got := bridge(t, []string{"NATS_URL=nats://127.0.0.1:1"}, "audit", "--from", "1h", "--html", name)
		if cause, _ := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, "--html is ") || !strings.Contains(cause, want) {
			t.Errorf("--html %q: exit code %d\n%s", name, got.code, got.err)
		}
	}
	if is, err := os.Lstat(pipe); err != nil || is.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the pipe is gone: %v, %v", is, err)
	}
}

// TestAuditKnowsTheFleet: names that a look has found after the range, and the stream that has them.
func TestAuditKnowsTheFleet(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Sites: 1, Loggers: 1, Cycle: time.Minute})
	s.punctual()
	s.env = append(s.env, "NATS_URL=nats://"+s.broker(), "BRIDGE_FEEDS=readings,alarms,devices")
	cmd := s.startCommand(s.env, "run")
	s.await("full coverage and a device", func(ctx context.Context) bool {
		stream, err := s.js.Stream(ctx, "SAVERIS_DEVICES")
		if err != nil {
			return false
		}
		_, err = stream.GetMsg(ctx, 1, jetstream.WithGetMsgSubject("saveris.devices.device.>"))
		return err == nil && s.covered(ctx) && s.alarmsCovered(ctx)
	})
	if code := stop(t, cmd); code != hint.Done {
		t.Fatalf("run: exit code %d", code)
	}
	got := s.auditCommand("--json")
	var report struct {
		Channels []struct{ Names struct{ Device string } }
		Streams  []string
	}
	if err := json.Unmarshal([]byte(got.out), &report); err != nil {
		t.Fatalf("%v: %s", err, got.out)
	}
	if got.code != hint.Done || len(report.Channels) != 2 || report.Channels[0].Names.Device == "" || !slices.Contains(report.Streams, "SAVERIS_DEVICES") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
}

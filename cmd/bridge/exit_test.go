package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/saveris/saveristest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// runEnv is the environment of a bridge run that meets the pretend vendor and nobody else.
func runEnv(vendor *saveristest.Server, more ...string) []string {
	return append([]string{
		"SAVERIS_URL=" + vendor.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2",
		"BRIDGE_HTTP_ADDR=127.0.0.1:0", "BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_START=1h",
	}, more...)
}

func TestRunEndsWellWhenItIsStopped(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	cmd := command(t, runEnv(v), "run")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bridgetest.Await(t, "a download", func(context.Context) bool { return v.Count("download") > 0 })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || strings.Contains(log.String(), "hunter2") {
		t.Errorf("%v, expected exit code 0 and no secret in the log:\n%s", err, &log)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	first, last := lines[0], lines[len(lines)-1]
	for _, want := range []string{`"msg":"bridge starts"`, v.URL(), `"nats":"nats://`, `"nats_version":"2.`, `"feeds":"readings,alarms,devices"`} {
		if !strings.Contains(first, want) {
			t.Errorf("the first line lacks %s: %s", want, first)
		}
	}
	if !strings.Contains(last, `"msg":"stopped"`) {
		t.Errorf("the last line is %s", last)
	}
}

func TestRunSaysWhyItCannotRun(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	foreign := natsServer(t, &server.Options{JetStream: true})
	nc, err := natsconn.ConnectNamed(t.Context(), load(t, with("NATS_URL", foreign.ClientURL())).NATS, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SAVERIS_READINGS", Subjects: []string{"saveris.readings.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ARCHIVE", Subjects: []string{"cold-ingest.index.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "OLD_READINGS", Subjects: []string{"old.readings.>", "old.rejected.readings", "old.index.readings.>", "old.checkpoints.readings.>"}, AllowAtomicPublish: true,
	}); err != nil {
		t.Fatal(err)
	}
	nobody := httptest.NewServer(http.NotFoundHandler())
	defer nobody.Close()
	noSync := vendor(t, func(c *saveristest.Config) { c.Switches.Sync = "off" })
	unlicensed := vendor(t, func(c *saveristest.Config) { c.Switches.AuthNoLicence = "403A" })
	store := t.TempDir()
	running, err := natsd.Start(natsd.Config{Dir: store, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	taken := strings.TrimPrefix(foreign.ClientURL(), "nats://")
	locked := natsServer(t, &server.Options{Username: "u", Password: "p"})
	for _, c := range []struct {
		name string
		env  []string
		code int
		text string
		hint string
	}{
		{"refused login", []string{"SAVERIS_PASSWORD=not-hunter3"}, hint.Vendor, "Incorrect username or password", `SAVERIS_USERNAME "ada"`},
		{"foreign stream", []string{"NATS_URL=" + foreign.ClientURL()}, hint.NATS, "allow_atomic", "BRIDGE_PREFIX"},
		{"a stream that takes what is stored", []string{"NATS_URL=" + foreign.ClientURL(), "BRIDGE_PREFIX=old"}, hint.NATS, "subject transform is none, expected old-ingest.> to old.>",
			"nats stream edit OLD_READINGS --force --subjects='old-ingest.readings.>,old-ingest.rejected.readings,old-ingest.index.readings.>,old-ingest.checkpoints.readings.>' " +
				"--transform-source='old-ingest.>' --transform-destination='old.>' --republish-source='old.readings.live.>' --republish-destination='old.readings.live.>'"},
		{"refused by NATS", []string{"NATS_URL=" + locked.ClientURL()}, hint.NATS, "Authorization Violation", "NATS_CREDS"},
		{"taken address", []string{"BRIDGE_NATS_LISTEN=" + taken}, hint.NATS, "in use", "choose another BRIDGE_NATS_LISTEN"},
		{"address of nobody", []string{"BRIDGE_NATS_LISTEN=192.0.2.1:4222"}, hint.Settings, "BRIDGE_NATS_LISTEN", "address of this machine"},
		{"taken address for probes", []string{"BRIDGE_HTTP_ADDR=" + taken}, hint.Failed, "BRIDGE_HTTP_ADDR", "choose another BRIDGE_HTTP_ADDR"},
		{"no such context", []string{"NATS_CONTEXT=nowhere"}, hint.Settings, "nowhere", "nats context ls"},
		{"somebody else's subjects", []string{"NATS_URL=" + foreign.ClientURL(), "BRIDGE_PREFIX=cold"}, hint.NATS, "stream ARCHIVE", "BRIDGE_PREFIX"},
		{"store in use", []string{"BRIDGE_DATA_DIR=" + store}, hint.NATS, "in use", "stop that bridge, or choose another BRIDGE_DATA_DIR (demo: --data-dir)"},
		{"not the vendor", []string{"SAVERIS_URL=" + nobody.URL}, hint.Settings, "not the Saveris Data API", "check SAVERIS_URL"},
		{"no synchronous endpoints", []string{"SAVERIS_URL=" + noSync.URL(), "SAVERIS_SYNC=always"}, hint.Settings, `SAVERIS_SYNC is "always": expected auto or never`, "correct"},
		{"no licence", []string{"SAVERIS_URL=" + unlicensed.URL()}, hint.Vendor, "403", "licence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := bridge(t, runEnv(v, c.env...), "run")
			cause, advice := lastLines(t, got.err)
			if got.code != c.code || !strings.HasPrefix(cause, "error: ") || !strings.Contains(cause, c.text) || !strings.HasPrefix(advice, "hint: ") || !strings.Contains(advice, c.hint) || strings.Contains(got.err, "hunter") {
				t.Errorf("exit code %d, expected %d and %q:\n%s", got.code, c.code, c.text, got.err)
			}
		})
	}
}

func TestALoginIsTriedBeforeStreamsAreMade(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	broker := natsServer(t, &server.Options{JetStream: true})
	for _, args := range []string{"run", "backfill --from 1h"} {
		if got := bridge(t, runEnv(v, "SAVERIS_PASSWORD=wrong", "NATS_URL="+broker.ClientURL()), strings.Fields(args)...); got.code != hint.Vendor {
			t.Errorf("%s: exit code %d\n%s", args, got.code, got.err)
		}
	}
	s := &scene{T: t}
	s.connect(broker.ClientURL())
	if info, err := s.js.AccountInfo(t.Context()); err != nil || info.Streams != 0 {
		t.Errorf("%d streams (%v), want none", info.Streams, err)
	}
}

func TestAStartSurvivesAVendorThatIsAway(t *testing.T) {
	t.Parallel()
	addr := bridgetest.Address(t)
	env := []string{"SAVERIS_URL=http://" + addr, "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_HTTP_ADDR=",
		"BRIDGE_NATS_LISTEN=127.0.0.1:0", "BRIDGE_START=1h", "BRIDGE_POLL_INTERVAL=1s"}
	cmd := command(t, env, "run")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "the vendor does not answer yet") {
	}
	late := vendor(t, func(c *saveristest.Config) { c.Listen = addr })
	for lines.Scan() && !strings.Contains(lines.Text(), `"msg":"window stored"`) {
	}
	if late.Count("submit") == 0 { // a window without rows has no file
		t.Errorf("nothing was read: %q", lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("exit code %d", code)
	}
}

func TestASecondSignalAtOnceKillsNothing(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	broker, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	link := bridgetest.LinkTo(t, broker.ClientURL())
	cmd := command(t, runEnv(v, "NATS_URL="+link.URL()), "run")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bridgetest.Await(t, "a download", func(context.Context) bool { return v.Count("download") > 0 })
	link.Delay(50 * time.Millisecond) // so that it takes its time to stop
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		_, _ = cmd.Process.Signal(syscall.SIGTERM), cmd.Process.Signal(os.Interrupt) // it may have ended meanwhile
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v, expected exit code 0", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

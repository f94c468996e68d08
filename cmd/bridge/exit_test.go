package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

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
	for v.Count("download") == 0 { // it is at work
		select {
		case <-t.Context().Done():
			t.Fatal("nothing was read")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || strings.Contains(log.String(), "hunter2") {
		t.Errorf("%v, expected exit code 0 and no secret in the log:\n%s", err, &log)
	}
}

func TestRunSaysWhyItCannotRun(t *testing.T) {
	t.Parallel()
	v := vendor(t, nil)
	foreign := natsServer(t, &server.Options{JetStream: true})
	nc, err := connect(t.Context(), load(t, with("NATS_URL", foreign.ClientURL())), quiet)
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
	locked := natsServer(t, &server.Options{Username: "u", Password: "p"})
	for _, c := range []struct {
		name string
		env  []string
		code int
		text string
	}{
		{"refused login", []string{"SAVERIS_PASSWORD=not-hunter3"}, exitVendor, "Incorrect username or password"},
		{"foreign stream", []string{"NATS_URL=" + foreign.ClientURL()}, exitNATS, "allow_atomic"},
		{"refused by NATS", []string{"NATS_URL=" + locked.ClientURL()}, exitNATS, "Authorization Violation"},
		{"taken address", []string{"BRIDGE_NATS_LISTEN=" + strings.TrimPrefix(foreign.ClientURL(), "nats://")}, exitNATS, "in use"},
		{"no such context", []string{"NATS_CONTEXT=nowhere"}, exitSettings, "nowhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := bridge(t, runEnv(v, c.env...), "run")
			cause, hint := lastLines(t, got.err)
			if got.code != c.code || !strings.HasPrefix(cause, "error: ") || !strings.Contains(cause, c.text) || !strings.HasPrefix(hint, "hint: ") || strings.Contains(got.err, "hunter") {
				t.Errorf("exit code %d, expected %d and %q:\n%s", got.code, c.code, c.text, got.err)
			}
		})
	}
}

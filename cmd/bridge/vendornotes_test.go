package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"

	"github.com/nats-io/nats-server/v2/server"
)

// TestStatusShowsWhyNothingCanBeRead: bridge status is another process, and all that it has is what the bridge has left.
func TestStatusShowsWhyNothingCanBeRead(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	s.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.FileForm = "zip" })
	broker := natsServer(t, &server.Options{JetStream: true})
	env := []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "NATS_URL=" + broker.ClientURL(),
		"BRIDGE_HTTP_ADDR=", "BRIDGE_FEEDS=readings,alarms", "BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=1h"}
	cmd := command(t, env, "run")
	var log lockedBuffer
	cmd.Stderr = &log
	logIfFailed(t, &log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const why = "readings cannot be read: "
	status := func(what string, so func(status string) bool) {
		t.Helper()
		(&scene{T: t}).await(what, func(context.Context) bool { return so(bridge(t, env, "status").out) })
	}
	status("a reason", func(out string) bool {
		return strings.Contains(out, why) && strings.Contains(out, "the file looks like a zip archive, expected JSON or CSV")
	})
	s.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.FileForm = "text" })
	status("a recovery", func(out string) bool {
		return strings.Contains(out, "\nreadings\n") && !strings.Contains(out, why) && !strings.Contains(out, "alarms cannot be read")
	})
	if code := stop(t, cmd); code != hint.Done {
		t.Errorf("ended with %d", code)
	}
}

// TestWhatTheVendorGivesNoMoreIsToldOnceAndStopsNothingElse runs the bridge against a vendor who refuses or retires one feed,
// replaces a version and announces an end, and reads log and status.
func TestWhatTheVendorGivesNoMoreIsToldOnceAndStopsNothingElse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set    func(*saveristest.Switches)
		log    string // once
		status string
	}{
		"licence": {func(sw *saveristest.Switches) { sw.AuthNoLicence, sw.AuthNoLicenceFeed = "403B", "alarms" },
			"this feed is refused, any other goes on", "the vendor does not give alarms, asked again every hour"},
		"retired": {func(sw *saveristest.Switches) { sw.Retired = "alarms" },
			"this feed is retired by the vendor, any other goes on", "the vendor does not give alarms, asked again every ten minutes"},
		"older": {func(sw *saveristest.Switches) { sw.Retired = "newest" },
			"the vendor has retired an endpoint, an older version of it is read", "the vendor has retired /v2/measurements, readings are read from the older /v1/measurements"},
		"end": {func(sw *saveristest.Switches) { sw.Deprecation, sw.Sunset = "@", "date" },
			"the vendor announces the end of an endpoint", "the vendor announces the end of /v2/measurements on 2026-12-31 23:59:59"},
		"clock": {func(sw *saveristest.Switches) { sw.DateHeader = "missing" },
			"the clock of this machine is used", "the vendor's answers have no readable Date, so the clock of the bridge's machine is used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := vendor(t, nil)
			s.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { tt.set(sw) })
			broker := natsServer(t, &server.Options{JetStream: true})
			env := []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "NATS_URL=" + broker.ClientURL(),
				"BRIDGE_HTTP_ADDR=", "BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=1h", "BRIDGE_LOG_FORMAT=json"}
			cmd := command(t, env, "run")
			var log lockedBuffer
			cmd.Stderr = &log
			logIfFailed(t, &log)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			(&scene{T: t}).await("a poll in the log, and status to say "+tt.status, func(context.Context) bool {
				return strings.Contains(log.String(), tt.log) && strings.Contains(log.String(), `"reason":"tail"`) && strings.Contains(bridge(t, env, "status").out, tt.status)
			})
			if got := bridge(t, env, "status", "--json"); !strings.Contains(got.out, tt.status) {
				t.Errorf("the JSON lacks it:\n%s", got.out)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v\n%s", err, log.String())
			}
			for feed, want := range map[string]int{`"feed":"alarms"`: 1, `"feed":"readings"`: 1} {
				n := 0
				for line := range strings.Lines(log.String()) {
					if strings.Contains(line, tt.log) && strings.Contains(line, feed) {
						n++
					}
				}
				if n > want {
					t.Errorf("%q was said %d times of %s", tt.log, n, feed)
				}
			}
			if !strings.Contains(log.String(), tt.log) || !strings.Contains(log.String(), `"reason":"tail"`) {
				t.Errorf("no %q, or no poll, in\n%s", tt.log, log.String())
			}
		})
	}
}

// TestAThrottlingVendorIsNamedEverywhere: nothing has failed, a request waits as long as he says.
func TestAThrottlingVendorIsNamedEverywhere(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	s.Inject(saveristest.Fault{Kind: saveristest.FaultTooManyWait, On: "submit", Wait: time.Hour})
	broker := natsServer(t, &server.Options{JetStream: true})
	page := bridgetest.Address(t)
	env := []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "SAVERIS_SYNC=never", "NATS_URL=" + broker.ClientURL(),
		"BRIDGE_HTTP_ADDR=" + page, "BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=1h", "BRIDGE_LOG_FORMAT=json"}
	cmd := command(t, env, "run")
	var log lockedBuffer
	cmd.Stderr = &log
	logIfFailed(t, &log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const want = "throttled (HTTP 429) until "
	(&scene{T: t}).await("status to say it", func(context.Context) bool {
		return strings.Contains(bridge(t, env, "status").out, "readings have not been read yet: "+want)
	})
	if got := body(t, "http://"+page+"/status.json"); !strings.Contains(got, "have not been read yet: "+want) {
		t.Errorf("the page has\n%s", got)
	}
	if got := body(t, "http://"+page+"/readyz"); strings.Count(got, want) < 1 {
		t.Errorf("/readyz has\n%s", got)
	}
	_ = stop(t, cmd)
	if !strings.Contains(log.String(), `"msg":"throttled (HTTP 429)"`) {
		t.Errorf("the log has\n%s", log.String())
	}
}

// body is what a URL answers with.
func body(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lockedBuffer is written by the process's pipe and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logIfFailed has the log of a process printed where its test fails.
func logIfFailed(t *testing.T, log *lockedBuffer) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

func TestCheckTellsOfOneFeedThatIsNotGiven(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		set  func(*saveristest.Switches)
		code int
		want []string
	}{
		{func(sw *saveristest.Switches) { sw.AuthNoLicence, sw.AuthNoLicenceFeed = "403A", "alarms" }, hint.Failed, []string{"ok feed readings", "FAIL feed alarms licence"}},
		{func(sw *saveristest.Switches) { sw.AuthNoLicence, sw.AuthNoLicenceFeed = "403A", "measurements" }, hint.Failed, []string{"FAIL feed readings licence", "ok feed alarms"}},
		{func(sw *saveristest.Switches) { sw.AuthNoLicence = "403" }, hint.Vendor, []string{"FAIL feed readings licence", "FAIL feed alarms licence"}},
		{func(sw *saveristest.Switches) { sw.Retired = "alarms" }, hint.Failed, []string{"ok feed readings", "FAIL feed alarms retired /v3/alarms newer release"}},
		{func(sw *saveristest.Switches) { sw.Retired = "newest" }, hint.Done, []string{"warn feed readings retired /v2/measurements older /v1/measurements newer"}},
		{func(sw *saveristest.Switches) { sw.Sunset = "date" }, hint.Done, []string{"warn vendor login /v1/token 2026-12-31", "warn feed readings end /v2/measurements 2026-12-31 newer", "warn feed alarms end /v3/alarms 2026-12-31"}},
		{func(sw *saveristest.Switches) { sw.Redirect, sw.RedirectTo = "307", "other" }, hint.Settings, []string{"FAIL vendor login localhost login is not sent SAVERIS_URL"}},
		{func(sw *saveristest.Switches) { sw.Redirect = "308" }, hint.Done, []string{"ok vendor login", "ok feed readings", "ok feed alarms"}},
	} {
		s := vendor(t, nil)
		s.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { tt.set(sw) })
		out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
		wantLines(t, out, tt.want...)
		code := hint.Done
		if err != nil {
			code, _ = verdict(err)
		}
		if code != tt.code {
			t.Errorf("exit code %d, want %d:\n%s", code, tt.code, out)
		}
	}
}

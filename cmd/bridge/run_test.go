package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// vendorAt is the pretend vendor's time when a test begins: an hour with a midnight in it.
var vendorAt = time.Date(2026, 11, 24, 0, 20, 0, 0, time.UTC)

const streamOfReadings = "SAVERIS_READINGS"

// scene is a vendor and a broker for processes of the command.
type scene struct {
	*testing.T
	vendor *saveristest.Server
	env    []string
	js     jetstream.JetStream
	start  time.Time
	now    func() time.Time // of the vendor
}

func newScene(t *testing.T, world saveristest.World) *scene {
	t.Helper()
	began := time.Now()
	s := &scene{T: t, start: vendorAt.Add(-2 * time.Hour), now: func() time.Time { return vendorAt.Add(time.Since(began)) }}
	world.Start = s.start
	vendor, err := saveristest.Start(saveristest.Config{
		World: world, Record: true, Switches: saveristest.Switches{QueryLatency: "zero"},
		Now: s.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	s.vendor = vendor
	s.env = []string{
		"SAVERIS_URL=" + vendor.URL(), "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "BRIDGE_HTTP_ADDR=", "BRIDGE_FEEDS=readings,alarms",
		"BRIDGE_POLL_INTERVAL=1s", "BRIDGE_START=" + s.start.Format(time.RFC3339), "BRIDGE_LIVE_AGE=24h",
	}
	return s
}

// broker starts a NATS server in this process and gives its address.
func (s *scene) broker() (addr string) {
	s.Helper()
	server, err := natsd.Start(natsd.Config{Dir: s.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(server.Close)
	s.connect(server.ClientURL())
	return strings.TrimPrefix(server.ClientURL(), "nats://")
}

func (s *scene) connect(url string) {
	s.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(nc.Close)
	if s.js, err = jetstream.New(nc); err != nil {
		s.Fatal(err)
	}
}

// startCommand starts the command; what it writes goes to the test's log.
func (s *scene) startCommand(env []string, args ...string) *exec.Cmd {
	s.Helper()
	cmd := command(s.T, env, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.Log(lines.Text())
		}
	}()
	return cmd
}

func (s *scene) await(what string, so func(context.Context) bool) {
	s.Helper()
	bridgetest.Await(s, what, so)
}

// messages is how many messages the stream of readings holds.
func (s *scene) messages(ctx context.Context) uint64 {
	stream, err := s.js.Stream(ctx, streamOfReadings)
	if err != nil {
		return 0
	}
	return stream.CachedInfo().State.Msgs
}

// covered reports whether readings are covered from the start to what the vendor's clock was when the test began.
func (s *scene) covered(ctx context.Context) bool {
	book := checkpoint.NewBook(checkpoint.NewStream(s.js, streamOfReadings, "saveris", "readings"))
	records, err := book.Records(ctx, checkpoint.Span{From: s.start, Until: vendorAt}.Days())
	if err != nil {
		return false
	}
	var covered []checkpoint.Interval
	for _, r := range records {
		covered = append(covered, r.Covered...)
	}
	return len(checkpoint.Gaps(covered, s.start, vendorAt)) == 0
}

func (s *scene) audit() *bridgetest.AuditReport {
	s.Helper()
	report, err := bridgetest.AuditReadings(s.Context(), s.js, streamOfReadings, s.vendor, bridgetest.Due{From: s.start, Until: vendorAt, AsOf: vendorAt})
	if err != nil {
		s.Fatal(err)
	}
	s.Log(report)
	if !report.Clean() {
		s.Error("the audit found fault")
	}
	return report
}

// stop asks a command to stop and gives its exit code.
func stop(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the code says it
	return cmd.ProcessState.ExitCode()
}

func TestRunWithItsOwnServerGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	s := newScene(t, saveristest.World{Cycle: time.Minute})
	listen := bridgetest.Address(t)
	health := bridgetest.Address(t)
	env := append(s.env, "BRIDGE_DATA_DIR="+t.TempDir(), "BRIDGE_NATS_LISTEN="+listen, "BRIDGE_HTTP_ADDR="+health)
	s.connect("nats://" + listen)
	for range 2 {
		cmd := s.startCommand(env, "run")
		s.await("full coverage", s.covered)
		s.await("readiness", func(ctx context.Context) bool { return get(ctx, "http://"+health+"/readyz") == http.StatusOK })
		s.audit()
		if code := stop(t, cmd); code != hint.Done {
			t.Errorf("SIGTERM: exit code %d, want 0", code)
		}
	}
}

func get(ctx context.Context, url string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// demoEvent is a line of the demo that shows an event.
var demoEvent = regexp.MustCompile(`^[0-9:]{8} +(live|history) +[0-9A-Za-z].*[a-z]`)

func TestDemoShowsEventsAndGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	dir, listen, page := t.TempDir(), bridgetest.Address(t), bridgetest.Address(t)
	for round := range 2 {
		mode := [...]schema.Mode{schema.Binary, schema.Structured}[round]
		cmd := command(t, []string{"BRIDGE_CONTENT_MODE=" + string(mode)}, "demo", "--data-dir", dir, "--nats-listen", listen, "--vendor-listen", bridgetest.Address(t), "--http-listen", page)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		seen, stored, greeted, told := 0, false, false, round > 0 // a second start may have too little to tell
		lines := bufio.NewScanner(out)
		for (seen < 8 || !told) && lines.Scan() {
			line := lines.Text()
			if strings.HasSuffix(line, " ") {
				t.Errorf("a blank at the end of %q", line)
			}
			stored = stored || strings.HasPrefix(line, "stored already  ")
			greeted = greeted || line == "page            http://"+page+"/"
			told = told || strings.HasPrefix(line, "… ") && strings.HasSuffix(line, " of the time before this start stored")
			if demoEvent.MatchString(line) {
				seen++
			}
		}
		if seen < 8 || !told {
			t.Error("the demo showed no events")
		}
		if stored != (round > 0) {
			t.Errorf("round %d says that something is stored already: %v", round, stored)
		}
		s := &scene{T: t}
		s.connect("nats://" + listen)
		if !greeted || get(t.Context(), "http://"+page+"/metrics") != http.StatusOK {
			t.Errorf("the page is not at %s (told: %v)", page, greeted)
		}
		s.await("readiness", func(ctx context.Context) bool { return get(ctx, "http://"+page+"/readyz") == http.StatusOK })
		lookAtDemo(t, dir)
		once(t, s.js)
		if newest := newestMode(t, s.js); newest != mode {
			t.Errorf("round %d stores in %s mode, want %s", round, newest, mode)
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		if want := "stopped; the next start goes on, remove " + dir + " to begin anew"; last != want {
			t.Errorf("the last line is %q, want %q", last, want)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != hint.Done {
			t.Errorf("Ctrl-C: exit code %d, want 0", code)
		}
		lookAtDemo(t, dir)
	}
}

// lookAtDemo looks at the store of a demo, which runs or has ended, knowing nothing else of it.
func lookAtDemo(t *testing.T, dir string) {
	t.Helper()
	for _, args := range []string{"status", "replay --from 1h --to replay.>", "checkpoint show"} {
		if got := bridge(t, []string{"BRIDGE_DATA_DIR=" + dir}, strings.Fields(args)...); got.code != hint.Done {
			t.Errorf("%s: exit code %d\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

// once fails if an event id stands twice in the stream of readings.
func once(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	stream, err := js.Stream(t.Context(), streamOfReadings)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{FilterSubjects: []string{"saveris.readings.>"}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	batch, err := consumer.Fetch(int(stream.CachedInfo().State.Msgs), jetstream.FetchMaxWait(bridgetest.Patience))
	if err != nil {
		t.Fatal(err)
	}
	for msg := range batch.Messages() {
		attributes, _, err := schema.Unwrap(msg.Headers(), msg.Data())
		if err != nil {
			t.Fatal(err)
		}
		id := attributes["id"]
		if seen[id] {
			t.Errorf("event %s is stored twice", id)
		}
		seen[id] = true
		if meta, err := msg.Metadata(); err == nil && meta.NumPending == 0 {
			break
		}
	}
}

package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/saveris/saveristest"
)

// quick are the timings of tests: nothing is waited for that a person would wait for.
var quick = Timings{
	FirstContact: 30 * time.Second, Login: 10 * time.Millisecond, TakeOver: 100 * time.Millisecond, Watchdog: 10 * time.Millisecond, Foreign: 10 * time.Millisecond,
	Wanted: 10 * time.Millisecond, FirstNames: 3 * time.Minute, Licence: 50 * time.Millisecond,
	ShutdownTimeout: 2 * time.Second, ReadHeader: 10 * time.Second, Answer: 30 * time.Second, Idle: time.Minute,
}

func TestMain(m *testing.M) { bridgetest.Main(m) }

// scene is a vendor and a NATS server for services in this process.
type scene struct {
	*testing.T
	vendor  *saveristest.Server
	env     []string // names and values, as bridgetest.Env takes them
	timings Timings
}

func newScene(t *testing.T) *scene {
	t.Helper()
	vendor, err := saveristest.Start(saveristest.Config{
		World:    saveristest.World{Cycle: time.Minute, Start: time.Now().Add(-time.Hour)},
		Switches: saveristest.Switches{QueryLatency: "zero"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	broker := bridgetest.NATSServer(t, &server.Options{JetStream: true})
	return &scene{T: t, vendor: vendor, timings: quick, env: []string{
		"SAVERIS_URL", vendor.URL(), "SAVERIS_USERNAME", "demo", "SAVERIS_PASSWORD", "demo", "NATS_URL", broker.ClientURL(),
		"BRIDGE_FEEDS", "readings,alarms", "BRIDGE_POLL_INTERVAL", "1s", "BRIDGE_START", "30m",
	}}
}

// running is a service that runs.
type running struct {
	*scene
	page string // its address
	log  lockedBuffer
	end  context.CancelFunc
	done chan error
}

// start runs a service of a name.
func (s *scene) start(name string, env ...string) *running {
	s.Helper()
	settings, err := config.Load(s.Context(), bridgetest.Env(append(s.env, env...)...))
	if err != nil {
		s.Fatal(err)
	}
	settings.FirstPoll = 10 * time.Millisecond
	page, err := listen.On("page", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	r := &running{scene: s, page: "http://" + page.Addr().String(), done: make(chan error, 1)}
	ctx, end := context.WithCancel(s.Context())
	r.end = end
	c := Config{
		Settings: settings.Pipeline, Listener: page, Build: Build{Version: "test"}, Name: name, Timings: s.timings,
		Log: slog.New(slog.NewJSONHandler(&r.log, nil)),
	}
	go func() { r.done <- Run(ctx, c) }()
	s.Cleanup(func() {
		r.stop()
		if s.Failed() {
			s.Logf("log of %s:\n%s", name, r.log.String())
		}
	})
	return r
}

// stop ends the service in good order, once.
func (r *running) stop() {
	if r.end == nil {
		return
	}
	r.end()
	r.end = nil
	if err := <-r.done; !errors.Is(err, context.Canceled) {
		r.Errorf("it was stopped and ended with %v", err)
	}
}

// await waits until so is true.
func (s *scene) await(what string, so func() bool) {
	s.Helper()
	bridgetest.Await(s, what, func(context.Context) bool { return so() })
}

// health returns what /readyz answers.
func (r *running) health() (h health) {
	answer, err := http.Get(r.page + "/readyz")
	if err != nil {
		return h
	}
	defer answer.Body.Close()
	_ = json.NewDecoder(answer.Body).Decode(&h)
	return h
}

// lockedBuffer is written by a service and read by its test.
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

func TestBothOfTwoBridgesBecomeReadyAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	roles := func(role string) string { return fmt.Sprint(map[string]string{"readings": role, "alarms": role}) }
	first := s.start("first")
	s.await("the first to lead and to be ready", func() bool {
		h := first.health()
		return h.OK && fmt.Sprint(h.Role) == roles("leading") && len(h.Polled) == 2
	})
	second := s.start("second")
	s.await("the second to stand by and to be ready", func() bool { h := second.health(); return h.OK && fmt.Sprint(h.Role) == roles("standing by") })
	first.stop()
	s.await("the second to lead", func() bool { h := second.health(); return fmt.Sprint(h.Role) == roles("leading") && len(h.Polled) == 2 })
}

package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/status"
)

// testOperation is an operation whose surroundings are set by hand.
type testOperation struct {
	*operation
	vendor    *saveristest.Server
	leads     map[schema.Feed]bool
	polls     map[schema.Feed]time.Time
	connected bool
	fault     error // why nothing can be stored
}

func newTestOperation(t *testing.T) *testOperation {
	t.Helper()
	vendor, err := saveristest.Start(saveristest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vendor.Close() })
	client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo")})
	if err != nil {
		t.Fatal(err)
	}
	feeds := []schema.Feed{schema.Readings, schema.Alarms}
	w := &testOperation{vendor: vendor, connected: true, leads: map[schema.Feed]bool{schema.Readings: true}, polls: map[schema.Feed]time.Time{}}
	w.operation = &operation{
		feeds: feeds, vendor: client, metrics: metrics.New(metrics.Build{}), takeOver: DefaultTimings.TakeOver,
		polled: func(feed schema.Feed) time.Time { return w.polls[feed] },
	}
	w.conditions = conditions{
		leading:   func(feed schema.Feed) bool { return w.leads[feed] },
		throttled: client.ThrottledUntil,
		nats:      func() (bool, string) { return w.connected, "RECONNECTING" },
		store:     func() error { return w.fault },
	}
	w.watchdog = newWatchdog(feeds, time.Minute, w.conditions, slog.New(slog.DiscardHandler))
	long := time.Now().Add(-time.Minute)
	w.began.Store(&long)
	return w
}

// Rows do not wait for a look at the fleet; a bridge without rows does.
func TestTheFleetCountsForReadinessWhereThereAreNoRows(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	if err := w.operation.vendor.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		feeds []schema.Feed
		polls map[schema.Feed]time.Time
		want  string
	}{
		{[]schema.Feed{schema.Devices}, nil, "no poll of devices has been stored yet"},
		{[]schema.Feed{schema.Devices}, map[schema.Feed]time.Time{schema.Devices: time.Now()}, ""},
		{[]schema.Feed{schema.Readings, schema.Devices}, map[schema.Feed]time.Time{schema.Readings: time.Now()}, ""},
	} {
		w.feeds, w.polls = c.feeds, c.polls
		w.leads = map[schema.Feed]bool{schema.Readings: true, schema.Devices: true}
		w.watchdog = newWatchdog(c.feeds, time.Minute, w.conditions, slog.New(slog.DiscardHandler))
		if got := strings.Join(w.unready(w.newHealth()), "; "); got != c.want {
			t.Errorf("%v, polled %v: %q, want %q", c.feeds, c.polls, got, c.want)
		}
	}
}

// ask returns what an endpoint answers, which has to fit its status.
func (w *testOperation) ask(t *testing.T, path string) health {
	t.Helper()
	recorder := httptest.NewRecorder()
	w.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	var h health
	if err := json.Unmarshal(recorder.Body.Bytes(), &h); err != nil {
		t.Fatalf("%s: %v: %s", path, err, recorder.Body)
	}
	if h.OK != (recorder.Code == http.StatusOK) || h.OK != (len(h.Reasons) == 0) || !h.OK && recorder.Code != http.StatusServiceUnavailable {
		t.Errorf("%s: %d %s", path, recorder.Code, recorder.Body)
	}
	return h
}

func (w *testOperation) logIn(t *testing.T) {
	t.Helper()
	if err := w.operation.vendor.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func same(list []string, want ...string) bool {
	return strings.Join(list, "\n") == strings.Join(want, "\n")
}

func TestReadyOnceLoginBrokerAndFirstPollAreThere(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.connected = false
	const noLogin, noPoll, noNATS = "the vendor has not accepted the login yet", "no poll of readings has been stored yet", "NATS is not connected: RECONNECTING"
	if h := w.ask(t, "/readyz"); !same(h.Reasons, noLogin, noPoll, noNATS) || h.Role["readings"] != "leading" || h.Role["alarms"] != "standing by" {
		t.Errorf("at first: %+v", h)
	}
	w.connected = true
	w.logIn(t)
	if h := w.ask(t, "/readyz"); !same(h.Reasons, noPoll) {
		t.Errorf("without a poll: %+v", h)
	}
	w.polls[schema.Readings] = vendorAt
	if h := w.ask(t, "/readyz"); !h.OK || !h.Polled["readings"].Equal(vendorAt) || len(h.Polled) != 1 {
		t.Errorf("with all: %+v", h)
	}
}

func TestWhoeverStandsByIsReadyWithoutAPoll(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.leads[schema.Readings] = false
	if h := w.ask(t, "/readyz"); h.OK {
		t.Errorf("without a login: %+v", h)
	}
	w.logIn(t)
	if h := w.ask(t, "/readyz"); !h.OK {
		t.Errorf("with one: %+v", h)
	}
}

func TestWhoseTurnItIsHasToBeKnown(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.leads[schema.Readings] = false
	w.logIn(t)
	const readings, alarms = "it is not known yet whether another bridge polls readings", "it is not known yet whether another bridge polls alarms"
	w.began.Store(nil)
	if h := w.ask(t, "/readyz"); !same(h.Reasons, readings, alarms) {
		t.Errorf("before it asks: %+v", h)
	}
	w.begin()
	w.polls[schema.Readings] = vendorAt // in an earlier turn
	if h := w.ask(t, "/readyz"); !same(h.Reasons, alarms) {
		t.Errorf("just after it asked: %+v", h)
	}
	later := time.Now().Add(DefaultTimings.TakeOver)
	w.watchdog.now = func() time.Time { return later.Add(time.Second) }
	if h := w.ask(t, "/readyz"); !h.OK {
		t.Errorf("when a dead bridge's lease would have ended: %+v", h)
	}
}

func TestOnceReadyOnlyNATSUndoesIt(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.leads[schema.Readings] = false
	w.logIn(t)
	w.ask(t, "/readyz")
	w.leads[schema.Readings] = true // it takes over, while the vendor is away
	w.vendor.Close()
	if h := w.ask(t, "/readyz"); !h.OK {
		t.Errorf("the vendor is away: %+v", h)
	}
	w.connected = false
	if h := w.ask(t, "/readyz"); !same(h.Reasons, "NATS is not connected: RECONNECTING") {
		t.Errorf("NATS is away: %+v", h)
	}
	if h := w.ask(t, "/livez"); !h.OK {
		t.Errorf("NATS is away, which another start does not mend: %+v", h)
	}
	w.connected = true
	if h := w.ask(t, "/readyz"); !h.OK {
		t.Errorf("NATS is back: %+v", h)
	}
}

func TestWhatWillPassIsAWarning(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.logIn(t)
	w.polls[schema.Readings] = vendorAt
	if h := w.ask(t, "/readyz"); !h.OK || len(h.Warnings) > 0 {
		t.Errorf("when all is well: %+v", h)
	}
	late := time.Now()
	w.watchdog.now = func() time.Time { return late }
	w.watchdog.look()
	late = late.Add(100 * 24 * time.Hour)
	w.watchdog.look()
	w.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultTooManyWait, On: "submit", Wait: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := w.operation.vendor.Rows(ctx, saveris.Query{Feed: saveris.Measurements, From: late.Add(-time.Hour), Until: late}, func(*saveris.Row) error { return nil })
	if err == nil {
		t.Fatal("the vendor was to throttle")
	}
	h := w.ask(t, "/readyz")
	if !h.OK || len(h.Warnings) != 3 || !strings.HasPrefix(h.Warnings[0], "readings have stalled: no poll has been stored since ") ||
		!strings.HasPrefix(h.Warnings[1], "throttled (HTTP 429) until ") || !strings.HasPrefix(h.Warnings[2], "the token ended at ") {
		t.Errorf("%+v", h)
	}
	w.watchdog.step(schema.Readings, poller.Step{Line: poller.TailLine, Doing: poller.Retries, Err: errors.New("get https://host/file?sig=s3cr3t: the cable is \x1b[31mcut")})
	if h := w.ask(t, "/readyz"); !strings.HasSuffix(h.Warnings[0], `: get https://host/file?… the cable is \u001b[31mcut`) {
		t.Errorf("with a cause: %+v", h)
	}
	w.leads[schema.Readings] = false
	w.watchdog.look()
	if h := w.ask(t, "/readyz"); len(h.Warnings) != 1 {
		t.Errorf("whoever stands by needs no token and no poll: %+v", h)
	}
}

func TestThePageIsToldWhatOnlyThisBridgeKnows(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	clock := vendorAt
	w.watchdog.now = func() time.Time { return clock }
	w.leads[schema.Alarms], w.leads[schema.Readings] = true, false
	w.started = vendorAt
	h := w.process()
	if !h.Began.Equal(vendorAt) || !h.Lost.IsZero() || h.Causes[schema.Alarms] != noLogin || h.Causes[schema.Readings] != "" {
		t.Errorf("before a login: %+v", h)
	}
	w.began.Store(nil)
	if h := w.process(); h.Causes[schema.Readings] != noLogin {
		t.Errorf("before it is known who polls: %+v", h)
	}
	w.logIn(t)
	w.watchdog.step(schema.Alarms, poller.Step{Line: poller.TailLine, Doing: poller.Retries, Err: errors.New(strings.Repeat("ä", 1000))})
	if h := w.process(); h.Causes[schema.Alarms] != strings.Repeat("ä", 200)+"…" || h.Causes[schema.Readings] != "" {
		t.Errorf("after a failure: %+v", h)
	}
	w.connected = false
	w.watchdog.look()
	clock = clock.Add(time.Hour)
	w.watchdog.look()
	if h := w.process(); !h.Lost.Equal(vendorAt) {
		t.Errorf("NATS is lost since %v", h.Lost)
	}
	w.connected = true
	w.leads[schema.Alarms] = false
	w.watchdog.look()
	w.leads[schema.Alarms] = true
	if h := w.process(); !h.Lost.IsZero() || h.Causes[schema.Alarms] != "" {
		t.Errorf("NATS is back, and another one has polled meanwhile: %+v", h)
	}
}

// TestOnlyWhoeverLeadsTheFleetSaysWhenItWasLookedAt: another bridge looks at it now.
func TestOnlyWhoeverLeadsTheFleetSaysWhenItWasLookedAt(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.feeds = append(w.feeds, schema.Devices)
	w.watchdog = newWatchdog(w.feeds, time.Minute, w.conditions, slog.New(slog.DiscardHandler))
	w.polls[schema.Devices] = vendorAt
	for _, leads := range []bool{true, false} {
		w.leads[schema.Devices] = leads
		if h := w.process(); h.Looked.IsZero() == leads {
			t.Errorf("leads %v: looked at %v", leads, h.Looked)
		}
	}
}

// TestAFleetThatIsNotLookedAtIsAProblem of the page, as it is one of the metrics and of /readyz.
func TestAFleetThatIsNotLookedAtIsAProblem(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.feeds = []schema.Feed{schema.Devices}
	w.watchdog = newWatchdog(w.feeds, time.Minute, w.conditions, slog.New(slog.DiscardHandler))
	clock := vendorAt
	w.watchdog.now = func() time.Time { return clock }
	w.logIn(t)
	w.leads[schema.Devices] = true
	w.watchdog.look()
	problems := func() []status.Problem {
		now := status.New(nil, status.Config{Fleet: true}).Status()
		now.At = clock
		return now.Problems(status.Rules{Process: w.process()})
	}
	if list := problems(); len(list) > 0 {
		t.Errorf("at first: %v", list)
	}
	w.watchdog.step(schema.Devices, poller.Step{Line: poller.TailLine, Doing: poller.Retries, Err: publish.ErrConflict})
	clock = clock.Add(time.Hour)
	w.watchdog.look()
	if list := problems(); len(list) != 1 || list[0].Feed != schema.Devices || !strings.Contains(list[0].Text, publish.ErrConflict.Error()) {
		t.Errorf("after an hour without a look: %v", list)
	}
	w.watchdog.polled(schema.Devices)
	w.watchdog.look()
	if list := problems(); len(list) > 0 {
		t.Errorf("after a look: %v", list)
	}
}

func TestAFullDiskIsTheCauseOfEverything(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.logIn(t)
	w.polls[schema.Readings] = vendorAt
	w.watchdog.step(schema.Readings, poller.Step{Line: poller.TailLine, Doing: poller.Retries, Err: fmt.Errorf("commit: %w", context.DeadlineExceeded)})
	w.fault = &natsd.FullError{Dir: "/data"}
	const full, advice = "store /data: no space left, 0 bytes free", "; free some space there, or give it more: it goes on by itself within a minute, and nothing is lost"
	if h := w.ask(t, "/readyz"); !h.OK || !same(h.Warnings, full+advice) {
		t.Errorf("%+v", h)
	}
	if h := w.process(); h.Store != full+advice || h.Causes[schema.Readings] != full {
		t.Errorf("the page is told %+v", h)
	}
	w.fault = nil // of another's server nobody knows
	w.watchdog.step(schema.Readings, poller.Step{Line: poller.TailLine, Doing: poller.Retries, Err: fmt.Errorf("commit: %w", publish.ErrUnanswered)})
	if h := w.process(); h.Store != "" || !strings.HasPrefix(h.Causes[schema.Readings], "commit: NATS has not answered; is the disk of the NATS server full?") {
		t.Errorf("the page is told %+v", h)
	}
}

func TestTheServerEndsWhileSomebodyListens(t *testing.T) {
	t.Parallel()
	on, err := listen.On("test", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	left := make(chan struct{})
	go func() {
		ended <- serveHTTP(ctx, on, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(left)
			_, _ = io.WriteString(w, "data: 1\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done() // as server-sent events do
		}), DefaultTimings)
	}()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+on.Addr().String()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(answer.Body, first); err != nil {
		t.Fatal(err)
	}
	stop()
	<-left
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if listen.Reachable(on.Addr().String()) {
		t.Error("it still answers")
	}
}

func TestThePageIsMountedBesideHealthAndMetrics(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page at "+r.URL.Path) })
	for path, want := range map[string]string{"/": "page at /", "/events": "page at /events", "/metrics": "saveris_bridge_build_info", "/livez": `"ok":true`} {
		recorder := httptest.NewRecorder()
		w.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("%s gives %d %.100s", path, recorder.Code, recorder.Body)
		}
	}
}

func TestALoginIsTriedUntilItWorksOrIsRefusedForGood(t *testing.T) {
	t.Parallel()
	w := newTestOperation(t)
	w.vendor.Inject(saveristest.Fault{Kind: saveristest.FaultReset, On: "token", Times: 9}) // a login is four tries
	if err := proveLogin(t.Context(), w.operation.vendor, time.Millisecond); err != nil || !w.operation.vendor.LoggedIn() {
		t.Errorf("%v, logged in: %v", err, w.operation.vendor.LoggedIn())
	}
	before := w.vendor.Count("token")
	wrong, err := saveris.New(saveris.Config{BaseURL: w.vendor.URL(), Username: "demo", Password: secret.New("wrong")})
	if err != nil {
		t.Fatal(err)
	}
	if err := proveLogin(t.Context(), wrong, time.Millisecond); !errors.Is(err, saveris.ErrRefused) || w.vendor.Count("token")-before != maxRefused {
		t.Errorf("%v after %d logins", err, w.vendor.Count("token")-before)
	}
}

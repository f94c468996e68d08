package service

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// vendorAt is the time when a test begins: shortly after a midnight.
var vendorAt = time.Date(2026, 11, 24, 0, 20, 0, 0, time.UTC)

// clockedWatchdog is a watchdog whose clock is put forward by hand, over two feeds of which this bridge leads readings.
type clockedWatchdog struct {
	*watchdog
	log bytes.Buffer

	mu        sync.Mutex
	clock     time.Time
	leads     map[schema.Feed]bool
	throttled time.Time
}

func newClockedWatchdog() *clockedWatchdog {
	w := &clockedWatchdog{clock: vendorAt, leads: map[schema.Feed]bool{schema.Readings: true}}
	c := conditions{nats: func() (bool, string) { return true, "CONNECTED" }, store: func() error { return nil }}
	c.leading = func(feed schema.Feed) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.leads[feed] }
	c.throttled = func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.throttled }
	w.watchdog = newWatchdog([]schema.Feed{schema.Readings, schema.Alarms}, time.Minute, c, slog.New(slog.NewTextHandler(&w.log, nil)))
	w.now = func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.clock }
	w.look()
	return w
}

func (w *clockedWatchdog) set(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

// after lets time pass and returns what is stuck then.
func (w *clockedWatchdog) after(d time.Duration) []string {
	w.set(func() { w.clock = w.clock.Add(d) })
	w.look()
	return w.stuck()
}

func (w *clockedWatchdog) tail(s poller.Step) {
	s.Line = poller.TailLine
	w.step(schema.Readings, s)
}

// stubborn is a plan that hangs.
type stubborn struct{ asked chan struct{} }

func (p stubborn) Next(ctx context.Context) (poller.Window, error) {
	close(p.asked)
	<-ctx.Done()
	return poller.Window{}, ctx.Err()
}

func (stubborn) Done(poller.Window, int, error) {}

func TestALineThatHangsIsSeen(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	line := &poller.Line{
		Name: poller.FillLine, Interval: time.Minute, MaxWait: time.Second, Log: slog.New(slog.DiscardHandler),
		OnStep: func(s poller.Step) { w.step(schema.Readings, s) },
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	plan := stubborn{make(chan struct{})}
	running.Go(func() { _ = line.Run(ctx, plan) })
	<-plan.asked
	if got := w.after(time.Hour + 59*time.Second); got != nil {
		t.Errorf("a plan may wait for an interval, and take an hour: %v", got)
	}
	want := []string{"the fill line of readings is stuck: planning since " + vendorAt.Format(time.RFC3339)}
	if got := w.after(2 * time.Second); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	stop()
	running.Wait()
	if got := w.stuck(); got != nil {
		t.Errorf("the line has ended: %v", got)
	}
}

func TestWhatALineMayTakeIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step     poller.Step
		throttle time.Duration // how long the vendor makes everybody wait
		well     time.Duration // how long it may be silent
	}{
		"reading":             {poller.Step{Doing: poller.Fetches}, 0, time.Hour},
		"committing":          {poller.Step{Doing: poller.Commits}, 0, time.Hour},
		"waiting for a try":   {poller.Step{Doing: poller.Retries, For: 30 * time.Second, Err: io.EOF}, 0, time.Hour + 30*time.Second},
		"waiting for a slot":  {poller.Step{Doing: poller.Queues}, 0, 6 * time.Hour},
		"throttled for a day": {poller.Step{Doing: poller.Fetches}, 24 * time.Hour, 25 * time.Hour},
	} {
		w := newClockedWatchdog()
		w.tail(c.step)
		w.set(func() { w.throttled = w.clock.Add(c.throttle) })
		if got := w.after(c.well); got != nil {
			t.Errorf("%s: stuck after %v: %v", name, c.well, got)
		}
		if got := w.after(time.Second); len(got) != 1 || !strings.Contains(got[0], string(c.step.Doing)) {
			t.Errorf("%s: after a second more: %v", name, got)
		}
	}
}

// A line that waits for another one waits as long as that one does, which is watched itself.
func TestALineThatWaitsForAnotherIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	w.step(schema.Readings, poller.Step{Line: poller.OutageLine, Doing: poller.Waits})
	if got := w.after(24 * time.Hour); got != nil {
		t.Errorf("stuck: %v", got)
	}
}

func TestBatchesAreStepsOfWhoeverCommits(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	w.tail(poller.Step{Doing: poller.Commits})
	w.step(schema.Readings, poller.Step{Line: poller.FillLine, Doing: poller.Fetches})
	w.after(50 * time.Minute)
	w.batch(schema.Readings, publish.Batch{})
	if got := w.after(50 * time.Minute); len(got) != 1 || !strings.Contains(got[0], "fill line of readings") {
		t.Errorf("stuck: %v, want the line that reads", got)
	}
}

func TestWhoeverStandsByIsNotWatched(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	w.step(schema.Alarms, poller.Step{Line: poller.TailLine, Doing: poller.Fetches})
	if got := w.after(10 * time.Hour); got != nil {
		t.Errorf("a feed of another bridge: %v", got)
	}
	w.set(func() { w.leads[schema.Alarms] = true })
	if got := w.after(0); got != nil {
		t.Errorf("what was done in an earlier term counts: %v", got)
	}
	if got := w.after(time.Hour + time.Second); len(got) != 1 {
		t.Errorf("the new term is not watched: %v", got)
	}
}

// TestAnOutageIsNoReasonToStartAnew: while vendor or NATS is away each try is a step. The watchdog's clock runs ahead by
// a quarter of an hour whenever both lines have made one.
func TestAnOutageIsNoReasonToStartAnew(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(*saveristest.Server, *bridgetest.Link){
		"vendor": func(vendor *saveristest.Server, _ *bridgetest.Link) { vendor.Close() },
		"NATS":   func(_ *saveristest.Server, link *bridgetest.Link) { link.Cut() }, // the address stays taken: no other test's server gets it
	} {
		t.Run(name, func(t *testing.T) {
			vendor, err := saveristest.Start(saveristest.Config{World: saveristest.World{Start: time.Now().Add(-time.Hour)}, Switches: saveristest.Switches{QueryLatency: "zero"}})
			if err != nil {
				t.Fatal(err)
			}
			defer vendor.Close()
			link := bridgetest.LinkTo(t, bridgetest.Embedded(t).ClientURL())
			w := newClockedWatchdog()
			ctx, stop := context.WithCancel(t.Context())
			steps := make(chan poller.Step) // a line goes on when it has been heard
			live := quickLive(t, vendor.URL(), link.URL())
			live.OnStep = func(s poller.Step) {
				w.step(schema.Readings, s)
				select {
				case steps <- s:
				case <-ctx.Done():
				}
			}
			polled := make(chan struct{}, 1)
			live.OnStored = func(poller.StoredWindow) {
				select {
				case polled <- struct{}{}:
				default:
				}
			}
			var running sync.WaitGroup
			running.Go(func() {
				if err := live.Run(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("run: %v", err)
				}
			})
			for len(polled) == 0 {
				<-steps
			}
			outage(vendor, link)
			failed := 0
			for range 12 { // three hours
				for heard := map[string]bool{}; len(heard) < 2; {
					s := <-steps
					if heard[s.Line] = true; s.Err != nil {
						failed++
					}
				}
				if got := w.after(15 * time.Minute); got != nil {
					t.Errorf("stuck: %v", got)
				}
			}
			for failed == 0 {
				if s := <-steps; s.Err != nil {
					failed++
				}
			}
			stop()
			running.Wait()
		})
	}
}

// quickLive polls readings every few milliseconds.
func quickLive(t *testing.T, vendorURL, natsURL string) *poller.Live {
	t.Helper()
	js := bridgetest.JetStream(t, natsURL)
	config := publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}
	if err := publish.Open(t.Context(), js, config); err != nil {
		t.Fatal(err)
	}
	client, err := saveris.New(saveris.Config{BaseURL: vendorURL, Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond, Sync: saveris.SyncNever})
	if err != nil {
		t.Fatal(err)
	}
	return &poller.Live{
		Source:   client,
		Writer:   publish.NewWriter(js, config, publish.Options{Feed: schema.Readings, Name: "test", LiveAge: time.Hour, Now: time.Now, Timeout: time.Second}),
		Maker:    schema.NewMaker(schema.Readings, "saveris", vendorURL),
		Log:      slog.New(slog.DiscardHandler),
		Interval: 5 * time.Millisecond, Overlap: time.Minute, Rows: 1000,
		Start: func(now time.Time) time.Time { return now.Add(-10 * time.Minute) },
	}
}

func TestAStalledFeedIsToldOnceWithTheLastCause(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	told := func(when string, want ...string) {
		t.Helper()
		lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
		if len(want) == 0 && w.log.Len() > 0 || len(want) > 0 && len(lines) != len(want) {
			t.Fatalf("%s: the log says\n%s", when, &w.log)
		}
		for i, text := range want {
			if !strings.Contains(lines[i], text) {
				t.Errorf("%s: line %d is %s, want %s", when, i+1, lines[i], text)
			}
		}
	}
	poll := poller.StoredWindow{Window: poller.Window{Reason: poller.ReasonTail}}
	fill := poller.StoredWindow{Window: poller.Window{Reason: poller.ReasonCatchUp}}
	w.after(2 * time.Minute)
	w.stored(schema.Readings, poll)
	w.after(3 * time.Minute)
	w.stored(schema.Readings, fill)
	told("within three intervals")
	w.tail(poller.Step{Doing: poller.Retries, Err: errors.New("the cable is cut"), Failed: poller.Fetches})
	w.step(schema.Readings, poller.Step{Line: poller.FillLine, Doing: poller.Retries, Err: errors.New("something else")})
	w.after(time.Second)
	w.after(time.Hour)
	const stall = `level=ERROR msg="feed has stalled: no poll has been stored"`
	told("an hour later", stall)
	told("an hour later", `err="the cable is cut"`)
	told("an hour later", "feed=readings since=2026-11-24T00:22:00.000Z")
	if since, stalled := w.stalled(schema.Readings); !stalled || !since.Equal(vendorAt.Add(2*time.Minute)) {
		t.Errorf("stalled %v since %v", stalled, since)
	}
	if _, stalled := w.stalled(schema.Alarms); stalled {
		t.Error("a feed that is another's stalls")
	}
	w.stored(schema.Readings, poll)
	w.after(time.Second)
	w.after(time.Second)
	told("after a poll", stall, `level=INFO msg="feed recovered"`)
	if _, stalled := w.stalled(schema.Readings); stalled {
		t.Error("it polls and stalls")
	}
	w.after(10 * time.Minute)
	w.set(func() { w.leads[schema.Readings] = false })
	w.after(time.Second)
	told("when it is another's", stall, "INFO", stall, "INFO")
}

func TestAThrottledFeedIsSaidToBe(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	if w.after(4 * time.Minute); !strings.Contains(w.log.String(), "feed has stalled") || strings.Contains(w.log.String(), "err=") {
		t.Errorf("without a cause the log says\n%s", &w.log)
	}
	w = newClockedWatchdog()
	w.set(func() { w.throttled = vendorAt.Add(time.Hour) })
	w.tail(poller.Step{Doing: poller.AwaitsExport, Since: vendorAt})
	const want = `err="throttled (HTTP 429) until 01:20:00"`
	if w.after(4 * time.Minute); !strings.Contains(w.log.String(), want) {
		t.Errorf("the log says\n%s, want %s", &w.log, want)
	}
	w.after(time.Hour)
	if err := w.failure(schema.Readings); err == nil || strings.Contains(err.Error(), "429") {
		t.Errorf("when he throttles no longer: %v", err)
	}
}

func TestALateExportIsTheCauseOfAStandstill(t *testing.T) {
	t.Parallel()
	w := newClockedWatchdog()
	w.tail(poller.Step{Doing: poller.Retries, Err: errors.New("an older failure")})
	w.tail(poller.Step{Doing: poller.AwaitsExport, Since: vendorAt})
	if w.after(59 * time.Second); !w.overdueSince(schema.Readings).IsZero() {
		t.Error("an export of less than a minute is late")
	}
	want := "waiting for the vendor's export since " + vendorAt.Format(time.TimeOnly)
	w.after(time.Second)
	if err := w.failure(schema.Readings); err == nil || err.Error() != want || !w.overdueSince(schema.Readings).Equal(vendorAt) {
		t.Errorf("got %v, want %s", err, want)
	}
	w.after(3 * time.Minute)
	if log := w.log.String(); !strings.Contains(log, "feed has stalled") || !strings.Contains(log, `err="`+want+`"`) {
		t.Errorf("the log does not give the cause:\n%s", log)
	}
	for range 5 {
		w.tail(poller.Step{Doing: poller.AwaitsExport, Since: vendorAt}) // the vendor may take longer than a line may be silent
		if stuck := w.after(55 * time.Minute); len(stuck) > 0 {
			t.Errorf("a line that looks at its export is stuck: %v", stuck)
		}
	}
	w.stored(schema.Readings, poller.StoredWindow{Window: poller.Window{Reason: poller.ReasonTail}})
	w.tail(poller.Step{Doing: poller.AwaitsExport, Since: w.now()})
	if err := w.failure(schema.Readings); err == nil || !w.overdueSince(schema.Readings).IsZero() {
		t.Errorf("while it waits for an export that is not late: %v, late since %v", err, w.overdueSince(schema.Readings))
	}
	w.tail(poller.Step{Doing: poller.Queues})
	if err := w.failure(schema.Readings); !errors.Is(err, errQueues) {
		t.Errorf("while it waits for a slot: %v", err)
	}
}

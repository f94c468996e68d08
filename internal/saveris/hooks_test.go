package saveris

import (
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// ledger counts what a client tells.
type ledger struct {
	mu       sync.Mutex
	answers  map[int]int
	exports  map[Outcome]int
	refusals int
	took     time.Duration // all exports
}

func (l *ledger) listen(cfg *Config) {
	l.answers, l.exports = map[int]int{}, map[Outcome]int{}
	cfg.OnAnswer = func(status int) { l.note(func() { l.answers[status]++ }) }
	cfg.OnExport = func(how Outcome, took time.Duration) { l.note(func() { l.exports[how]++; l.took += took }) }
	cfg.OnLoginFailure = func() { l.note(func() { l.refusals++ }) }
}

func (l *ledger) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *ledger) total() (n int) {
	for _, m := range l.answers {
		n += m
	}
	return n
}

func TestEveryRequestAndEveryExportIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault saveristest.Fault
		want  map[Outcome]int
		code  int // which has to be told once
	}{
		{"none", saveristest.Fault{}, map[Outcome]int{Completed: 1}, 0},
		{"throttled", saveristest.Fault{Kind: saveristest.FaultTooMany, On: "poll"}, map[Outcome]int{Completed: 1}, http.StatusTooManyRequests},
		{"no answer", saveristest.Fault{Kind: saveristest.FaultReset, On: "token"}, map[Outcome]int{Completed: 1}, 0},
		{"failed", saveristest.Fault{Kind: saveristest.FaultQueryError, On: "submit"}, map[Outcome]int{Failed: 1}, 0},
		{"forgotten", saveristest.Fault{Kind: saveristest.FaultForgotten, On: "poll"}, map[Outcome]int{Expired: 1, Completed: 1}, 0},
		{"dead links", saveristest.Fault{Kind: saveristest.FaultNoSuchKey, On: "download", Times: -1}, map[Outcome]int{Expired: 1}, 0},
		{"no submission", saveristest.Fault{Kind: saveristest.FaultUnavailable, On: "submit"}, map[Outcome]int{Failed: 1}, http.StatusServiceUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			vendor := startVendor(t, saveristest.Config{})
			var told ledger
			client := newClient(t, vendor.URL(), told.listen, func(cfg *Config) { cfg.Sync = SyncNever })
			if c.fault.Kind != "" {
				vendor.Inject(c.fault)
			}
			_, err := client.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, func(*Row) error { return nil })
			if !maps.Equal(told.exports, c.want) {
				t.Errorf("exports %v, want %v; the last word: %v", told.exports, c.want, err)
			}
			asked := vendor.Count("token") + vendor.Count("submit") + vendor.Count("poll") + vendor.Count("download")
			if told.total() != asked {
				t.Errorf("%d answers told, the vendor was asked %d times: %v", told.total(), asked, told.answers)
			}
			if c.code > 0 && told.answers[c.code] != 1 {
				t.Errorf("answers %v, want one %d", told.answers, c.code)
			}
			if c.fault.Kind == saveristest.FaultReset && told.answers[0] != 1 {
				t.Errorf("answers %v, want one that did not come", told.answers)
			}
			if n := client.ExportsInFlight(); n != 0 || told.took <= 0 {
				t.Errorf("%d exports in flight when all is over, they took %v", n, told.took)
			}
		})
	}
}

func TestAnExportThatIsLeftIsAbandoned(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, saveristest.Config{Switches: saveristest.Switches{QueryLatency: "zero"}})
	var told ledger
	client := newClient(t, vendor.URL(), told.listen, func(cfg *Config) { cfg.Sync = SyncNever })
	result, err := client.Prepare(t.Context(), Query{Feed: Measurements, From: from, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	inFlight := client.ExportsInFlight()
	result.Close()
	result.Close() // a deferred one
	if left := client.ExportsInFlight(); inFlight != 1 || left != 0 || !maps.Equal(told.exports, map[Outcome]int{Abandoned: 1}) {
		t.Errorf("%d in flight, then %d, told %v", inFlight, left, told.exports)
	}
}

func TestLoginsThatFailAreTold(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, saveristest.Config{})
	for name, change := range map[string]func(*Config){
		"password": func(cfg *Config) { cfg.Password = secret.New("wrong") },
		"API key":  func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("wrong") },
		"no answer": func(cfg *Config) {
			vendor.Inject(saveristest.Fault{Kind: saveristest.FaultUnavailable, On: "token", Times: -1})
		},
	} {
		var told ledger
		client := newClient(t, vendor.URL(), told.listen, change)
		if err := client.Login(t.Context()); err == nil || told.refusals != 1 || client.LoggedIn() {
			t.Errorf("%s: %v, told %d times, logged in: %v", name, err, told.refusals, client.LoggedIn())
		}
	}
}

func TestTheLoginIsKnownToHaveWorked(t *testing.T) {
	t.Parallel()
	vendor := startVendor(t, saveristest.Config{})
	for name, change := range map[string]func(*Config){
		"password": func(*Config) {},
		"API key":  func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") },
	} {
		client := newClient(t, vendor.URL(), change)
		if client.LoggedIn() {
			t.Errorf("%s: logged in before anything was asked", name)
		}
		if err := client.Login(t.Context()); err != nil || !client.LoggedIn() {
			t.Errorf("%s: %v, logged in: %v", name, err, client.LoggedIn())
		}
		if left := time.Until(client.TokenExpiry()); (left > time.Minute) != (name == "password") {
			t.Errorf("%s: a token for %v", name, left)
		}
	}
}

func TestThrottlingIsKnownWhileItLasts(t *testing.T) {
	t.Parallel()
	client := newClient(t, "http://127.0.0.1:1")
	if until := client.ThrottledUntil(); !until.IsZero() {
		t.Errorf("throttled until %v before anything was asked", until)
	}
	client.throttle.hold(time.Hour)
	if left := time.Until(client.ThrottledUntil()); left < 50*time.Minute {
		t.Errorf("throttled for %v", left)
	}
	client.throttle.until = time.Now().Add(-time.Second)
	if until := client.ThrottledUntil(); !until.IsZero() {
		t.Errorf("throttled until %v, which is over", until)
	}
}

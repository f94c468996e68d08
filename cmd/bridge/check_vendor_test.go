package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"

	"github.com/nats-io/nats-server/v2/server"
)

// vendor starts a pretend vendor that prepares exports at once.
func vendor(t *testing.T, change func(*saveristest.Config)) *saveristest.Server {
	t.Helper()
	config := saveristest.Config{Username: "ada", Password: "hunter2"}
	config.Switches.QueryLatency = "zero"
	if change != nil {
		change(&config)
	}
	s, err := saveristest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// checkVendor runs the checks up to the vendor and gives what they print.
func checkVendor(t *testing.T, env config.Lookup) (string, error) {
	t.Helper()
	var out strings.Builder
	c := &checkup{settings: load(t, env)}
	err := c.try(t.Context(), vendorChecks(c.settings), &out)
	return out.String(), err
}

func TestCheckReadsEveryFeed(t *testing.T) {
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "ok settings", "ok accepted by", "ok feed readings", "ok feed alarms", "ok clock")
	if got := s.Count("submit"); got != 2 {
		t.Errorf("%d exports were asked for, expected one a feed", got)
	}
}

func TestCheckTellsARefusedLogin(t *testing.T) {
	s := vendor(t, func(c *saveristest.Config) { c.Password = "other" })
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
	wantLines(t, out, "FAIL vendor login", "skip feed readings", "skip clock")
	if code, advice := verdict(err); code != hint.Vendor || advice == "" {
		t.Errorf("exit code %d, hint %q: %v", code, advice, err)
	}
}

func TestCheckNamesWhatIsNotUnderstood(t *testing.T) {
	s := vendor(t, func(c *saveristest.Config) { c.Switches.CompletedLinks = "keys" })
	out, _ := checkVendor(t, with("SAVERIS_URL", s.URL()))
	wantLines(t, out, `FAIL feed readings not understood "data_urls" is a list without a link hint newer bridge`)
}

func TestCheckTellsAWrongClock(t *testing.T) {
	s := vendor(t, func(c *saveristest.Config) {
		c.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
	})
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "warn behind the vendor")
}

func TestCheckGoesByItsOwnClockWhereTheVendorHasNone(t *testing.T) {
	for _, header := range []string{"missing", "garbage"} {
		s := vendor(t, func(c *saveristest.Config) { c.Switches.DateHeader = header })
		out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
		if err != nil {
			t.Error(err)
		}
		wantLines(t, out, "ok feed readings", "warn clock no readable Date the clock of this machine is used NTP")
	}
}

func TestCheckTellsWhatIsNotTheVendor(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	out, err := checkVendor(t, with("SAVERIS_URL", other.URL))
	wantLines(t, out, "FAIL check SAVERIS_URL")
	if code, _ := verdict(err); code != hint.Settings {
		t.Errorf("exit code %d: %v", code, err)
	}
}

func TestCheckWithoutNetworkStillChecksTheRest(t *testing.T) {
	t.Parallel()
	got := bridge(t, []string{"SAVERIS_URL=http://127.0.0.1:1", "SAVERIS_USERNAME=a", "SAVERIS_PASSWORD=b", "BRIDGE_NATS_LISTEN=127.0.0.1:0"}, "check")
	wantLines(t, got.out, "FAIL vendor login", "ok embedded server")
	if _, advice := lastLines(t, got.err); got.code != hint.Failed || !strings.HasPrefix(advice, "hint: ") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}

func TestCheckAsACommand(t *testing.T) {
	s := vendor(t, nil)
	broker := natsServer(t, &server.Options{JetStream: true})
	got := bridge(t, []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "NATS_URL=" + broker.ClientURL()}, "check")
	if got.code != hint.Done || got.err != "" || strings.Contains(got.out, "FAIL") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	refused := bridge(t, []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=wrong", "NATS_URL=" + broker.ClientURL()}, "check")
	if refused.code != hint.Vendor || strings.Contains(refused.out+refused.err, "wrong") {
		t.Errorf("exit code %d\n%s%s", refused.code, refused.out, refused.err)
	}
}

func TestCheckTellsWhoIsRefusedAndWhy(t *testing.T) {
	licensed := vendor(t, func(c *saveristest.Config) { c.APIKey = "key" })
	for _, answer := range []string{"403A", "403B", "403"} {
		s := vendor(t, func(c *saveristest.Config) { c.Switches.AuthNoLicence = answer })
		out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
		wantLines(t, out, "ok vendor login", "FAIL feed readings the login works licence")
		if code, _ := verdict(err); code != hint.Vendor {
			t.Errorf("%s: exit code %d: %v", answer, code, err)
		}
	}
	out, _ := checkVendor(t, with("SAVERIS_URL", licensed.URL(), "SAVERIS_USERNAME", "bob"))
	wantLines(t, out, `FAIL vendor login SAVERIS_USERNAME "bob"`)
	out, _ = checkVendor(t, with("SAVERIS_URL", licensed.URL(), "SAVERIS_USERNAME", "", "SAVERIS_PASSWORD", "", "SAVERIS_API_KEY", "s3cr3t"))
	wantLines(t, out, "FAIL vendor login check SAVERIS_API_KEY")
	if strings.Contains(out, "s3cr3t") {
		t.Error("the check shows the key")
	}
}

func TestCheckNamesTheSettingWhereThereIsNoSynchronousEndpoint(t *testing.T) {
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "SAVERIS_SYNC", "always"))
	wantLines(t, out, `FAIL feed readings SAVERIS_SYNC is "always": expected auto or never`)
	if code, _ := verdict(err); code != hint.Settings {
		t.Errorf("exit code %d: %v", code, err)
	}
}

// waitedFor is a terminal that tells what is written to it.
type waitedFor chan string

func (w waitedFor) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

func TestCheckTellsATerminalWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	s := vendor(t, func(c *saveristest.Config) { c.Switches.QueryLatency = "3s" })
	told := make(waitedFor, 2)
	c := &checkup{settings: load(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "alarms")), progress: told}
	if err := c.try(t.Context(), vendorChecks(c.settings), io.Discard); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != "waiting for the vendor's export of alarms, 3m0s at most\n" {
		t.Errorf("got %q", got)
	}
}

func TestAnOverlapThatIsPointlessIsTold(t *testing.T) {
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_OVERLAP", "2h"))
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "warn settings BRIDGE_OVERLAP an hour at most")
}

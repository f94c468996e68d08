package preflight

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

func TestCheckReadsEveryFeed(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	wantLines(t, out, "ok settings", "ok accepted by", "ok feed readings", "ok feed alarms", "ok feed devices", "ok clock")
	if got := s.Count("submit.measurements") + s.Count("submit.alarms"); got != 2 {
		t.Errorf("%d exports were asked for, expected one a feed", got)
	}
}

// TestCheckTellsThatTheLicenceHasNoTasks, and goes on with the other feeds.
func TestCheckTellsThatTheLicenceHasNoTasks(t *testing.T) {
	t.Parallel()
	s := vendor(t, func(c *saveristest.Config) { c.Switches.AuthLacks = "tasks" })
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "tasks,readings"))
	wantLines(t, out, "FAIL feed tasks licence hint if another feed is well, leave tasks out of BRIDGE_FEEDS", "ok feed readings")
	if code, _ := hint.Of(err); code != hint.Failed { // not every feed is refused
		t.Errorf("exit code %d: %v", code, err)
	}
	out, _ = checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "readings,tasks"))
	wantLines(t, out, "ok feed readings", "FAIL feed tasks hint without the licence, leave tasks out of BRIDGE_FEEDS")
	if out, _ = checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "tasks")); strings.Contains(out, "BRIDGE_FEEDS") {
		t.Errorf("the only feed can be left out:\n%s", out)
	}
	s.Update(func(w *saveristest.Switches, _ *saveristest.Faults) { w.AuthLacks = "nothing" })
	out, err = checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "tasks,readings"))
	if wantLines(t, out, "ok feed tasks", "ok feed readings"); err != nil {
		t.Error(err)
	}
}

// TestCheckTellsWhatTheLicenceHasOfTheFleet: nothing, some, or all of it. Nothing is stored.
func TestCheckTellsWhatTheLicenceHasOfTheFleet(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*saveristest.Switches)
		want []string
		code int
	}{
		"all":     {func(*saveristest.Switches) {}, []string{"ok feed devices things seen"}, 0},
		"nothing": {func(w *saveristest.Switches) { w.AuthLacks = "devices" }, []string{"FAIL feed devices hint leave devices out of BRIDGE_FEEDS", "ok feed readings"}, hint.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := vendor(t, func(v *saveristest.Config) { c.set(&v.Switches) })
			out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "readings,devices"))
			wantLines(t, out, c.want...)
			wantCode(t, err, c.code)
		})
	}
}

// TestCheckNamesTheKindThatTheLicenceLacks, and is well with the rest of the fleet.
func TestCheckNamesTheKindThatTheLicenceLacks(t *testing.T) {
	s := vendor(t, nil)
	behind, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "equipments") {
			http.Error(w, `{"message":"Missing required permission or license."}`, http.StatusForbidden)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	defer front.Close()
	out, err := checkVendor(t, with("SAVERIS_URL", front.URL, "BRIDGE_FEEDS", "readings,devices"))
	wantLines(t, out, "warn feed devices things seen equipment licence", "ok feed readings")
	wantCode(t, err, 0)
}

func TestCheckTellsARefusedLogin(t *testing.T) {
	t.Parallel()
	s := vendor(t, func(c *saveristest.Config) { c.Password = "other" })
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
	wantLines(t, out, "FAIL vendor login", "skip feed readings", "skip clock")
	if code, advice := hint.Of(err); code != hint.Vendor || advice == "" {
		t.Errorf("exit code %d, hint %q: %v", code, advice, err)
	}
}

func TestCheckNamesWhatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	s := vendor(t, func(c *saveristest.Config) { c.Switches.CompletedLinks = "keys" })
	out, _ := checkVendor(t, with("SAVERIS_URL", s.URL()))
	wantLines(t, out, `FAIL feed readings not understood "data_urls" is a list without a link hint newer bridge`)
}

func TestCheckTellsAWrongClock(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	out, err := checkVendor(t, with("SAVERIS_URL", other.URL))
	wantLines(t, out, "FAIL check SAVERIS_URL")
	wantCode(t, err, hint.Settings)
}

func TestCheckTellsWhoIsRefusedAndWhy(t *testing.T) {
	t.Parallel()
	licensed := vendor(t, func(c *saveristest.Config) { c.APIKey = "key" })
	for _, answer := range []string{"403A", "403B", "403"} {
		s := vendor(t, func(c *saveristest.Config) { c.Switches.AuthNoLicence = answer })
		out, err := checkVendor(t, with("SAVERIS_URL", s.URL()))
		wantLines(t, out, "ok vendor login", "FAIL feed readings the login works licence")
		wantCode(t, err, hint.Vendor)
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
	t.Parallel()
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "SAVERIS_SYNC", "always"))
	wantLines(t, out, `FAIL feed readings SAVERIS_SYNC is "always": expected auto or never`)
	wantCode(t, err, hint.Settings)
}

func TestCheckTellsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	s := vendor(t, func(c *saveristest.Config) { c.Switches.QueryLatency = "3s" })
	waits := make(chan schema.Feed, 1)
	c := Config{Settings: load(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "alarms")), OnWait: func(feed schema.Feed, most time.Duration) {
		if most != feedPatience {
			t.Errorf("it waits for %v at most", most)
		}
		waits <- feed
	}}
	if err := RunVendor(t.Context(), c, func(Finding) {}); err != nil {
		t.Fatal(err)
	}
	if feed := <-waits; feed != schema.Alarms {
		t.Errorf("it waits for %s", feed)
	}
}

func TestAnOverlapThatIsPointlessIsTold(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	out, err := checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_OVERLAP", "2h"))
	if err != nil {
		t.Error(err)
	}
	wantLines(t, out, "warn settings BRIDGE_OVERLAP an hour at most")
}

// TestCheckShowsWhetherUsersAreStored, where tasks are read.
func TestCheckShowsWhetherUsersAreStored(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	for users, want := range map[string]string{"keep": "info task users stored with tasks", "drop": "info task users left out of tasks by this process"} {
		out, _ := checkVendor(t, with("SAVERIS_URL", s.URL(), "BRIDGE_FEEDS", "tasks", "BRIDGE_TASK_USERS", users))
		wantLines(t, out, want)
	}
	if out, _ := checkVendor(t, with("SAVERIS_URL", s.URL())); strings.Contains(out, "task users") {
		t.Errorf("tasks are not read:\n%s", out)
	}
}

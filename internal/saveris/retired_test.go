package saveris

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// notices collects what a client notices.
type notices struct {
	mu   sync.Mutex
	list []Notice
}

func (n *notices) listen(cfg *Config) {
	cfg.OnNotice = func(one Notice) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.list = append(n.list, one)
	}
}

func (n *notices) of(kind NoticeKind) (list []Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.list {
		if one.Kind == kind {
			list = append(list, one)
		}
	}
	return list
}

// TestARetiredEndpointIsReplacedByAnother: down when the newest is gone, up again when the older one is, and each costs one
// request that finds nothing.
func TestARetiredEndpointIsReplacedByAnother(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"path", "410"} {
		for _, unknown := range []string{"403-signature", "403", "404", "405"} {
			srv := startVendor(t, saveristest.Config{World: saveristest.World{AlarmEvery: time.Hour}, Switches: saveristest.Switches{RetiredAnswer: answer, PathUnknown: unknown}})
			heard := &notices{}
			c := newClient(t, srv.URL(), heard.listen, func(cfg *Config) { cfg.Sync = SyncNever })
			var seen []map[string]string // uuids of each round
			for _, retired := range []string{"off", "newest", "newest", "older", "older"} {
				srv.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.Retired = retired })
				measurements, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
				if err != nil {
					t.Fatalf("%s %s: %v", unknown, retired, err)
				}
				alarms, err := read(t.Context(), c, Query{Feed: Alarms, From: from, Until: until})
				if err != nil {
					t.Fatalf("%s %s: %v", unknown, retired, err)
				}
				expectTruth(t, srv, measurements, alarms)
				seen = append(seen, measurements)
			}
			for _, rows := range seen[1:] {
				for uuid := range seen[0] {
					if _, same := rows[uuid]; !same {
						t.Fatalf("%s is missing under another version", uuid)
					}
				}
			}
			want := []string{"measurements /v2/measurements /v1/measurements", "alarms /v3/alarms /v2/alarms", "measurements /v1/measurements /v2/measurements", "alarms /v2/alarms /v3/alarms"}
			var got []string
			for _, n := range heard.of(Replaced) {
				got = append(got, string(n.Feed)+" "+n.Endpoint+" "+n.Instead)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s %s: noticed %q, want %q", answer, unknown, got, want)
			}
			if gone, logins := srv.Count("retired"), srv.Count("token"); gone != 4 || logins != 1 {
				t.Errorf("%s %s: %d requests for what is gone and %d logins, want 4 and 1", answer, unknown, gone, logins)
			}
		}
	}
}

func TestTheNewestVersionIsTriedAgainEveryHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone, tried, older := true, 0, 0
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			switch {
			case req.URL.Path == "/v2/measurements":
				if tried++; gone {
					return reply(410, "")
				}
			case req.URL.Path == "/v1/measurements":
				older++
			case strings.HasPrefix(req.URL.Path, "/v1/measurements/"):
				return reply(200, `{"status":"Completed","data_urls":[]}`)
			}
			return nil
		}), func(cfg *Config) { cfg.FirstPoll = time.Millisecond })
		for range 3 * 60 {
			if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // of the bubble: no clock runs
		}
		if tried != 3 || older != 180 {
			t.Errorf("within three hours the newest was tried %d times and the older one %d times, want 3 and 180", tried, older)
		}
		gone = false
		for range 2 * 60 {
			if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // of the bubble: no clock runs
		}
		if path, newest := c.Endpoint(Measurements); path != newest || older > 180+60 {
			t.Errorf("it is read by %s after %d more exports there", path, older-180)
		}
	})
}

func TestAnEndpointThatIsGoneInEveryVersionIsSaidToBeRetired(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"path", "410"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{RetiredAnswer: answer, Retired: "measurements"}})
		c := newClient(t, srv.URL())
		err := rowsError(t, c)
		if !errors.Is(err, ErrRetired) || errors.Is(err, ErrAddress) || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "retired") || !strings.Contains(err.Error(), "/v2/measurements") {
			t.Errorf("%s: %v", answer, err)
		}
		if _, err := c.Rows(t.Context(), Query{Feed: Alarms, From: from, Until: until}, nothing); err != nil {
			t.Errorf("%s: the other feed: %v", answer, err)
		}
		srv.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.Retired = "off" })
		if err := rowsError(t, c); err != nil {
			t.Errorf("%s: when it is back: %v", answer, err)
		}
		if n := srv.Count("token"); n != 1 {
			t.Errorf("%s: %d logins", answer, n)
		}
	}
}

// TestAnOlderVersionThatTheLoginMayNotUseIsNoWayOut: the refusal of v1 is not what is wrong.
func TestAnOlderVersionThatTheLoginMayNotUseIsNoWayOut(t *testing.T) {
	t.Parallel()
	for _, refusal := range []int{400, 401, 403} {
		logins := 0
		c := quick(wired(t, vendor(func(req *http.Request) *http.Response {
			switch req.URL.Path {
			case "/v2/measurements":
				return reply(410, "")
			case "/v1/measurements":
				return reply(refusal, `{"message":"Unauthorized"}`)
			case tokenPath:
				logins++
			}
			return nil
		})))
		if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrRetired) || errors.Is(err, ErrRefused) || logins != map[int]int{400: 1, 401: 2, 403: 1}[refusal] {
			t.Errorf("%d: %v after %d logins", refusal, err, logins)
		}
	}
}

func TestAnAdoptedExportIsPolledWhereItWasSubmitted(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Retired: "newest", QueryLatency: "never"}})
	kept := memory{}
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = lastWords{kept, cancel} })
	q := Query{Feed: Measurements, From: from, Until: until, Background: true}
	if _, err := c.Rows(ctx, q, nothing); !errors.Is(err, context.Canceled) || len(kept) != 1 {
		t.Fatalf("got %v, kept %v", err, kept)
	}
	before := srv.Count("submit.measurements")
	srv.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.Retired = "off" })
	again := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = kept })
	q.Timeout = 20 * time.Millisecond
	if _, err := again.Rows(t.Context(), q, nothing); !errors.Is(err, ErrNotReady) && !errors.Is(err, ErrTooLarge) || srv.Count("submit.measurements") != before {
		t.Errorf("got %v after %d more submissions, want the old export", err, srv.Count("submit.measurements")-before)
	}
}

func TestAnAnnouncedEndIsNoticedOnce(t *testing.T) {
	t.Parallel()
	deprecated, sunset := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, tt := range []struct {
		deprecation, sunset string
		want                Announcement
	}{
		{"true", "none", Announcement{}},
		{"true", "date", Announcement{Sunset: sunset}},
		{"@", "none", Announcement{Deprecated: deprecated}},
		{"date", "date", Announcement{Deprecated: deprecated, Sunset: sunset}},
		{"none", "date", Announcement{Sunset: sunset}},
		{"none", "garbage", Announcement{}},
	} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Deprecation: tt.deprecation, Sunset: tt.sunset}})
		heard := &notices{}
		c := newClient(t, srv.URL(), heard.listen)
		for range 3 {
			if err := rowsError(t, c); err != nil {
				t.Fatal(err)
			}
		}
		var paths []string
		for _, n := range heard.of(Announced) {
			if paths = append(paths, n.Endpoint); n.End.Sunset != tt.want.Sunset || n.End.Deprecated != tt.want.Deprecated {
				t.Errorf("%s %s: noticed %+v", tt.deprecation, tt.sunset, n.End)
			}
		}
		slices.Sort(paths)
		if want := []string{"/v1/token", "/v2/measurements"}; !slices.Equal(paths, want) || len(c.Announcements()) != 2 {
			t.Errorf("%s %s: noticed %q, want %q", tt.deprecation, tt.sunset, paths, want)
		}
	}
}

func TestDatesOfAnnouncements(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"@1798761599": at, " @1798761599 ": at, "Thu, 31 Dec 2026 23:59:59 GMT": at, `"Thu, 31 Dec 2026 23:59:59 GMT"`: at, "Thursday, 31-Dec-26 23:59:59 GMT": at,
		"2026-12-31T23:59:59Z": at, "2026-12-31": at.Truncate(24 * time.Hour), "Thu, 31 Dec 2026 23:59:59 +0000": at,
		"true": {}, "": {}, "@": {}, "@-1": {}, "@1e99": {}, "soon": {}, "@99999999999999999999": {},
	} {
		if got := lenientDate(text); !got.Equal(want) {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

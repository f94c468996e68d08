package saveris

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// refusing are the settings under which a login is refused for good.
var refusing = map[string]bool{"auth.no_licence=403A": true, "auth.no_licence=403B": true, "auth.no_licence=403": true, "token.challenge=on": true, "auth.accept=key": true,
	"redirect.to=other": true, "redirect.to=loop": true}

// unreadable are the values under which nobody can read what the vendor sends: the window is refused, and not covered.
var unreadable = map[string]bool{
	"completed.links=keys": true,
	"file.form=utf-16":     true, "file.form=zip": true, "file.form=zstd": true, "file.form=parquet": true, "file.form=textfile": true, "file.form=html": true, "file.form=message": true,
}

// retiring are the settings under which an endpoint is gone in every version.
var retiring = map[string]bool{"retired=measurements": true, "retired=alarms": true, "retired=all": true}

// shownAs are values that a client can only meet as another: it asks older endpoints only when the newest are gone.
var shownAs = map[string]string{"range.ends=open-until": "half-open", "retired=older": "off"}

func TestEverySwitchIsMetAndSurvived(t *testing.T) {
	t.Parallel()
	settings := []string{"query.latency=zero", "query.latency=20ms", "url.life=1s", "token.life=1s", "sync.limit=100", "file.max=9"}
	for _, key := range saveristest.Keys() {
		for _, value := range key.Values {
			if !strings.HasPrefix(key.Name, "world.") {
				settings = append(settings, key.Name+"="+value)
			}
		}
		if strings.HasPrefix(key.Name, "fault.") && key.Name != "fault.hang" && key.Name != "fault.slow" {
			settings = append(settings, key.Name+"=0.3")
		}
	}
	for i, setting := range settings {
		if !variants.Take(i, 3) {
			continue
		}
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			key, value, _ := strings.Cut(setting, "=")
			provoking, faults := saveristest.Provocation(key)
			tr := newTrial(t, append(provoking, setting)...)
			defer func() { neverSent(t, tr.srv.Traffic()) }()
			for _, fault := range faults {
				tr.srv.Inject(fault)
			}
			tr.before(key)
			for _, format := range []Format{JSON, CSV} {
				tr.survive(setting, format)
			}
			tr.after(key, value)
			if slices.ContainsFunc(saveristest.Keys(), func(k saveristest.Key) bool { return k.Name == key && len(k.Values) > 0 }) {
				tr.met(key, value)
			}
		})
	}
}

// trial is a pretend vendor under some settings, and the clients that are tried on it.
type trial struct {
	*testing.T
	srv   *saveristest.Server
	ahead *atomic.Int64              // of the vendor's clock before ours
	still *atomic.Pointer[time.Time] // what the vendor's clock shows while it stands; nil = it goes
	ctx   context.Context
}

func newTrial(t *testing.T, settings ...string) *trial {
	cfg := saveristest.Config{World: saveristest.World{Sites: 1, AlarmEvery: time.Hour, Seed: 7}, Watch: true} // few rows: there are hundreds of vendors
	cfg.Switches.QueryLatency = "zero"
	if err := cfg.SetAll(settings...); err != nil {
		t.Fatal(err)
	}
	tr := &trial{T: t, ahead: new(atomic.Int64), still: new(atomic.Pointer[time.Time])}
	cfg.Now = func() time.Time {
		if at := tr.still.Load(); at != nil {
			return *at
		}
		return time.Now().Add(time.Duration(tr.ahead.Load()))
	}
	tr.srv = startVendor(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	tr.ctx = ctx
	return tr
}

// client logs in with the password or, under auth.accept=key, with the key.
func (t *trial) client(format Format, keyed bool) *Client {
	return newClient(t.T, t.srv.URL(), func(cfg *Config) {
		cfg.Format = format
		cfg.OnAnswer = func(status int) {
			if status == http.StatusTooManyRequests {
				t.still.Store(nil)
			}
		}
		if keyed {
			cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key")
		}
	})
}

func (t *trial) read(c *Client, feed Feed, from, until time.Time) map[string]string {
	t.Helper()
	rows, err := read(t.ctx, c, t.query(feed, from, until))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// query has the vendor's clock put forward for as long as an export is not ready.
func (t *trial) query(feed Feed, from, until time.Time) Query {
	return Query{Feed: feed, From: from, Until: until, OnNotReady: func(time.Time) { t.ahead.Add(int64(time.Minute)) }}
}

// before is what has to happen first so that a switch is met.
func (t *trial) before(key string) {
	switch key {
	case "throttle": // which counts the requests of a second
		t.still.Store(new(time.Now()))
	case "date.header":
		t.ahead.Store(int64(time.Hour))
	case "rows.changed_content": // read, and have the clock go on
		t.ahead.Store(int64(time.Until(until)))
		t.read(t.client(JSON, false), Measurements, from, until)
		t.ahead.Store(0)
	}
}

// survive reads both feeds and finds everything, or is refused as it has to be.
func (t *trial) survive(setting string, format Format) {
	t.Helper()
	c := t.client(format, false)
	key, value, _ := strings.Cut(setting, "=")
	if key == "poll.fresh_urls" {
		c.files = &expiring{c.files, t.srv, sync.Once{}}
	}
	measurements, err := read(t.ctx, c, t.query(Measurements, from, until))
	switch {
	case retiring[setting] || key == "auth.no_licence_feed":
		want := map[bool]error{true: ErrRetired, false: ErrForbidden}[retiring[setting]]
		_, errAlarms := read(t.ctx, c, Query{Feed: Alarms, From: from, Until: until})
		if errors.Is(err, want) != (value != "alarms") || errors.Is(errAlarms, want) != (value != "measurements") {
			t.Fatalf("measurements: %v, alarms: %v", err, errAlarms)
		}
		return
	case refusing[setting]:
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrAddress) {
			t.Fatalf("want a refusal, got %v", err)
		}
		return
	case unreadable[setting]:
		if !errors.Is(err, ErrNotUnderstood) {
			t.Fatalf("want it not to be understood, got %v", err)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	alarms := t.read(c, Alarms, from, until)
	if key != "range.column" {
		expectTruth(t.T, t.srv, measurements, alarms)
	}
	expect(t.T, t.srv, measurements, alarms)
}

// expiring lets all links end before the first file is fetched.
type expiring struct {
	http.RoundTripper
	srv  *saveristest.Server
	once sync.Once
}

func (e *expiring) RoundTrip(req *http.Request) (*http.Response, error) {
	e.once.Do(e.srv.ExpireLinks)
	return e.RoundTripper.RoundTrip(req)
}

// after reads what shows a value that the one window does not show.
func (t *trial) after(key, value string) {
	t.Helper()
	switch {
	case key == "auth.accept":
		_, err := read(t.ctx, t.client(JSON, true), Query{Feed: Measurements, From: from, Until: until})
		if (err == nil) != (value != "token") {
			t.Errorf("with the key: %v", err)
		}
	case unreadable[key+"="+value], refusing[key+"="+value]:
	case key == "empty.result":
		for _, format := range []Format{CSV, JSON} {
			if rows := t.read(t.client(format, false), Measurements, from.AddDate(-10, 0, 0), until.AddDate(-10, 0, 0)); len(rows) > 0 {
				t.Errorf("%d rows before the world began", len(rows))
			}
		}
	case key == "range.ends": // rows stand at whole minutes, where this range ends as it is asked for
		from, until := from.Add(time.Second), until.Add(-time.Second)
		rows := t.read(t.client(JSON, false), Measurements, from, until)
		for m := range t.srv.Measurements(from, until, time.Now()) {
			if _, ok := rows[m.UUID]; !ok {
				t.Errorf("measurement %s at %v was not read", m.UUID, m.Timestamp)
			}
		}
	case key == "poll.fresh_urls":
		if want := map[string]int{"yes": 4, "no": 6}[value]; t.srv.Count("submit") != want {
			t.Errorf("%d submissions, want %d", t.srv.Count("submit"), want)
		}
	case key == "json.layout" || value == "mixed" || value == "auto" || value == "lines":
		for range 9 { // each result may be of another form
			t.read(t.client(JSON, false), Measurements, from, from.Add(time.Hour))
		}
	}
	if strings.HasPrefix(key, "alarm.") {
		t.read(t.client(JSON, false), Alarms, from.AddDate(0, 0, -2), from)
	}
}

// met: the value was seen by the client, or it never asks for what would show it, and the vendor's own tests prove it.
func (t *trial) met(key, value string) {
	t.Helper()
	want := value
	if other, ok := shownAs[key+"="+value]; ok {
		want = other
	}
	if saveristest.Unasked(key) {
		want = ""
	}
	if got := t.srv.Traffic().Shows(key); got != want {
		t.Errorf("the traffic shows %s=%s, want %s", key, got, want)
	}
}

// neverSent: what the vendor's document forbids, or leaves open at our cost, is in no request.
func neverSent(t *testing.T, traffic saveristest.Traffic) {
	t.Helper()
	posted := map[string]string{}
	for _, e := range traffic {
		login := e.Header.Get("Authorization") != "" || e.Header.Get("X-Custom-Api-Key") != ""
		from, until, ranged := e.Asked()
		switch {
		case e.Header.Get("Authorization") != "" && e.Header.Get("X-Custom-Api-Key") != "":
			t.Errorf("both logins were sent to %s", e.Path)
		case (e.Kind == "download" || e.Kind == "token") && login:
			t.Errorf("a login was sent to %s", e.Path)
		case (e.Kind == "submit" || e.Kind == "sync") && (!ranged || until.Sub(from) < 5*time.Minute || until.Sub(from) > 7*24*time.Hour):
			t.Errorf("a range of %v was asked for: %s %s", until.Sub(from), e.Path, e.Sent)
		case e.Kind == "submit" && strings.Contains(string(e.Sent), "odata"):
			t.Errorf("OData was sent: %s", e.Sent)
		case e.Kind == "submit" && e.Request() != "":
			posted[e.Request()] = e.Path
		case e.Kind == "poll":
			cut := strings.LastIndexByte(e.Path, '/')
			if path, known := posted[e.Path[cut+1:]]; known && path != e.Path[:cut] {
				t.Errorf("posted to %s, polled at %s", path, e.Path)
			}
		}
	}
}

// TestTheWidestAndTheNarrowestRange: what the vendor may answer to other ranges is never met.
func TestTheWidestAndTheNarrowestRange(t *testing.T) {
	t.Parallel()
	for _, window := range []time.Duration{7 * 24 * time.Hour, 7*24*time.Hour - time.Second, 5 * time.Minute} {
		for _, key := range []string{"range.too_long", "range.too_short"} {
			for _, list := range saveristest.Pairs(nil, key, "range.ends") {
				t.Run(window.String()+"/"+strings.Join(list, ","), func(t *testing.T) {
					t.Parallel()
					tr := newTrial(t, append(list, "world.sites=1", "world.cycle=2h")...) // a week of few rows
					tr.read(tr.client(CSV, false), Measurements, from, from.Add(window))
					if got := tr.srv.Traffic().Shows(key); got != "" {
						t.Errorf("the vendor answered %s to the range", got)
					}
				})
			}
		}
	}
}

func TestEveryFaultOnceIsSurvived(t *testing.T) {
	t.Parallel()
	for _, key := range saveristest.Keys() {
		kind, isFault := strings.CutPrefix(key.Name, "fault.")
		if !isFault || slices.Contains([]string{"late", "duplicate", "duplicate_across", "garbage"}, kind) {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			srv := startVendor(t, saveristest.Config{})
			c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Answer = 200 * time.Millisecond })
			for _, on := range []string{"token", "submit", "poll", "download"} {
				fault := saveristest.Fault{Kind: kind, On: on}
				if kind == saveristest.FaultSlow {
					fault.Wait = 50 * time.Millisecond
				}
				if kind != saveristest.FaultTooManyWait || on == "poll" { // it costs a second
					srv.Inject(fault)
				}
			}
			rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, srv, rows, nil)
		})
	}
}

// testsBegan is before anything was read: what could be seen then was seen by all who read to the end.
var testsBegan = time.Now()

// expectTruth: whatever is true in the vendor's world was read.
func expectTruth(t *testing.T, srv *saveristest.Server, measurements, alarms map[string]string) {
	t.Helper()
	n := 0
	for m := range srv.Measurements(from, until, testsBegan) {
		n++
		if _, ok := measurements[m.UUID]; !ok {
			t.Fatalf("measurement %s was not read", m.UUID)
		}
	}
	for a := range srv.Alarms(from, until, testsBegan) {
		if _, ok := alarms[a.UUID]; !ok {
			t.Fatalf("alarm %s was not read", a.UUID)
		}
	}
	if n < 100 {
		t.Fatalf("only %d measurements", n)
	}
}

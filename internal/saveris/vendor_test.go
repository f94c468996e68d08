package saveris

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

var (
	from  = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	until = from.Add(6 * time.Hour)
)

func TestMain(m *testing.M) { bridgetest.Main(m) }

func startVendor(t *testing.T, cfg saveristest.Config) *saveristest.Server {
	t.Helper()
	cfg.Record = true
	if cfg.Switches.QueryLatency == "" {
		cfg.Switches.QueryLatency = "zero"
	}
	srv, err := saveristest.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

// newClient is a client whose waits are short.
func newClient(t *testing.T, url string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{BaseURL: url, Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond,
		RetryWait: time.Millisecond, ThrottledWait: 5 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, rt := range []any{c.api, c.files} {
			if idle, ok := rt.(interface{ CloseIdleConnections() }); ok {
				idle.CloseIdleConnections()
			}
		}
	})
	return c
}

// read asks like the poller: smaller windows on ErrTooLarge, again on what may pass. Rows come back as content by uuid,
// broken ones under their text.
func read(ctx context.Context, c *Client, q Query) (rows map[string]string, err error) {
	for range 40 {
		rows = map[string]string{}
		_, err = c.Rows(ctx, q, func(r *Row) error {
			rows[rowKey(r)] = show(r)
			return nil
		})
		switch {
		case err == nil || errors.Is(err, ErrRefused) || errors.Is(err, ErrAddress) || errors.Is(err, ErrNotUnderstood) || ctx.Err() != nil:
			return rows, err
		case errors.Is(err, ErrTooLarge) && q.Until.Sub(q.From) > time.Hour:
			return readHalves(ctx, c, q)
		}
	}
	return nil, err
}

func readHalves(ctx context.Context, c *Client, q Query) (map[string]string, error) {
	first, second := q, q
	first.Until = q.From.Add(q.Until.Sub(q.From) / 2)
	second.From = first.Until
	rows, err := read(ctx, c, first)
	if err != nil {
		return nil, err
	}
	more, err := read(ctx, c, second)
	for k, v := range more {
		rows[k] = v
	}
	return rows, err
}

func rowKey(r *Row) string {
	for _, f := range r.Fields {
		if strings.EqualFold(strings.TrimSpace(f.Name), "uuid") { // see uuid.case and column.case
			return strings.ToLower(strings.TrimSpace(string(f.Text)))
		}
	}
	return string(r.Raw)
}

// expect compares what was read with what the vendor says to have served.
func expect(t *testing.T, srv *saveristest.Server, measurements, alarms map[string]string) {
	t.Helper()
	served := srv.Served()
	for uuid, contents := range served.Measurements {
		row, ok := measurements[uuid]
		if !ok || !slices.ContainsFunc(contents, func(m saveristest.Measurement) bool { return strings.Contains(row, m.Measurement) }) {
			t.Fatalf("measurement %s: read %q, served %+v", uuid, row, contents)
		}
	}
	for uuid := range served.Alarms {
		if _, ok := alarms[uuid]; !ok {
			t.Fatalf("alarm %s was served and not read", uuid)
		}
	}
	if raw := len(served.Raw["measurements"]) + len(served.Raw["alarms"]); len(measurements)+len(alarms) > len(served.Measurements)+len(served.Alarms)+raw {
		t.Fatalf("read %d and %d rows, served %d and %d and %d broken ones", len(measurements), len(alarms), len(served.Measurements), len(served.Alarms), raw)
	}
}

func rowsError(t *testing.T, c *Client) error {
	_, err := c.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, func(*Row) error { return nil })
	return err
}

func TestExpiredLinkIsAskedForAgain(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{FileCount: "n"}})
	c := newClient(t, srv.URL())
	srv.Inject(saveristest.Fault{Kind: saveristest.FaultExpiredLink, On: "download", After: 2})
	rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, srv, rows, nil)
	if n := srv.Count("submit.measurements"); n != 1 {
		t.Errorf("%d submissions", n)
	}
	if n := srv.Count("download.measurements"); n != 5 {
		t.Errorf("%d downloads for four files of which one link was dead", n)
	}
	srv.Inject(saveristest.Fault{Kind: saveristest.FaultExpiredLink, On: "download", Times: -1})
	if err := rowsError(t, c); !errors.Is(err, errExpired) {
		t.Errorf("links that stay dead gave %v", err)
	}
}

func TestForgottenExportIsSubmittedOnceMore(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	c := newClient(t, srv.URL())
	srv.Inject(saveristest.Fault{Kind: saveristest.FaultForgotten})
	if err := rowsError(t, c); err != nil {
		t.Fatal(err)
	}
	srv.Inject(saveristest.Fault{Kind: saveristest.FaultForgotten, Times: -1})
	if err := rowsError(t, c); !errors.Is(err, errForgotten) {
		t.Errorf("got %v", err)
	}
	if n := srv.Count("submit.measurements"); n != 4 {
		t.Errorf("%d submissions, want 2 and 2", n)
	}
}

func TestEveryStatusSpelling(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"Completed": "done", " COMPLETED\n": "done", "completed": "done", "Error": "failed", "FAILED ": "failed", "failed": "failed",
		"In Progress": "", "Submitted": "", "processing": "", "": "", "Complete": "",
	} {
		s := status{Status: word}
		if s.done() != (want == "done") || s.failed() != (want == "failed") {
			t.Errorf("%q: done %v, failed %v", word, s.done(), s.failed())
		}
	}
}

func TestSyncIsUsedWhereItIs(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"array", "object"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Sync: layout}})
		c := newClient(t, srv.URL())
		rows, began := 0, time.Now()
		ans, err := c.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, func(*Row) error { rows++; return nil })
		if err != nil || ans.Route != RouteSync || ans.Rows != rows || rows < 100 {
			t.Fatalf("%s: %+v, %d rows, %v", layout, ans, rows, err)
		}
		if at := ans.AskedAt; at.Before(began.Add(-3*time.Second)) || at.After(time.Now()) || at.Location() != time.UTC {
			t.Errorf("asked at %v, after %v", at, began)
		}
		srv.Update(func(s *saveristest.Switches, _ *saveristest.Faults) { s.SyncLimit = 100 })
		if ans, err = c.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, func(*Row) error { return nil }); err != nil || ans.Route != RouteExport || ans.Rows != rows {
			t.Fatalf("413 was followed by %+v, %v", ans, err)
		}
		always := newClient(t, srv.URL(), func(cfg *Config) { cfg.Sync = SyncAlways })
		if err := rowsError(t, always); !errors.Is(err, ErrTooLarge) {
			t.Errorf("413 under always gave %v", err)
		}
		if n := srv.Count("submit"); n != 1 {
			t.Errorf("%d submissions", n)
		}
	}
}

func TestMissingSyncIsRemembered(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	c := newClient(t, srv.URL())
	for range 3 {
		if err := rowsError(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := srv.Count("sync") + srv.Count("unknown"); n != 1 {
		t.Errorf("%d tries of a route that is not there", n)
	}
	never := newClient(t, srv.URL(), func(cfg *Config) { cfg.Sync = SyncNever })
	if err := rowsError(t, never); err != nil || srv.Count("sync")+srv.Count("unknown") != 1 {
		t.Errorf("never: %v", err)
	}
	always := newClient(t, srv.URL(), func(cfg *Config) { cfg.Sync = SyncAlways })
	if err := rowsError(t, always); !errors.Is(err, ErrRetired) {
		t.Errorf("always: %v", err)
	}
}

func TestCallersErrorComesBackAsItIs(t *testing.T) {
	t.Parallel()
	srv := startVendor(t, saveristest.Config{})
	mine := fmt.Errorf("mine")
	_, err := newClient(t, srv.URL()).Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until}, func(*Row) error { return mine })
	if err != mine || srv.Count("download") != 1 {
		t.Errorf("got %v after %d downloads", err, srv.Count("download"))
	}
}

// memory remembers requests like the KV bucket.
type memory map[string]string

func (m memory) Find(_ context.Context, key string) (string, error) { return m[key], nil }

func (m memory) Keep(_ context.Context, key, request string) error { m[key] = request; return nil }

func (m memory) Drop(_ context.Context, key string) error { delete(m, key); return nil }

func (m memory) Keys(context.Context) ([]string, error) { return slices.Collect(maps.Keys(m)), nil }

func TestUnfinishedWindowsAreNamed(t *testing.T) {
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{QueryLatency: "never"}})
	kept := memory{"something.else": "x"}
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = lastWords{kept, cancel} })
	_, _ = c.Rows(ctx, Query{Feed: Measurements, From: from, Until: until, Background: true}, nil)
	again := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = kept })
	got, err := again.Unfinished(t.Context(), Measurements)
	if err != nil || len(got) != 1 || !got[0].From.Equal(from) || !got[0].Until.Equal(until) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := again.Unfinished(t.Context(), Alarms); err != nil || len(got) != 0 {
		t.Errorf("alarms: got %v, %v", got, err)
	}
}

func TestPreparedRowsAreReadWhenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	for _, mode := range []SyncMode{SyncNever, SyncAlways} {
		t.Run(string(mode), func(t *testing.T) {
			srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{Sync: map[SyncMode]string{SyncNever: "off", SyncAlways: "array"}[mode]}})
			c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Sync = mode })
			result, err := c.Prepare(t.Context(), Query{Feed: Measurements, From: from, Until: until})
			if err != nil || srv.Count("download") > 0 {
				t.Fatalf("%d downloads before the rows are asked for: %v", srv.Count("download"), err)
			}
			defer result.Close()
			rows := 0
			if n, err := result.Rows(t.Context(), func(*Row) error { rows++; return nil }); err != nil || rows != n || rows == 0 || result.AskedAt.IsZero() {
				t.Errorf("%d rows of %d: %v", rows, n, err)
			}
			if n := c.ExportsInFlight(); n != 0 {
				t.Errorf("%d exports in flight when the rows are read", n)
			}
		})
	}
}

// lastWords is a memory whose process dies after it has kept something.
type lastWords struct {
	memory
	die func()
}

func (l lastWords) Keep(ctx context.Context, key, request string) error {
	defer l.die()
	return l.memory.Keep(ctx, key, request)
}

// Another key may be another account's, whose rows are none of this one's.
func TestTheExportOfAnotherKeyIsNotAdopted(t *testing.T) {
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{QueryLatency: "never"}})
	kept := memory{}
	ctx, cancel := context.WithCancel(t.Context())
	keyed := func(key string, requests Requests) *Client {
		return newClient(t, srv.URL(), func(cfg *Config) {
			cfg.Username, cfg.Password, cfg.APIKey, cfg.Requests = "", secret.Text{}, secret.New(key), requests
		})
	}
	_, _ = keyed("demo-key", lastWords{kept, cancel}).Rows(ctx, Query{Feed: Measurements, From: from, Until: until, Background: true}, nil)
	for key, want := range map[string]int{"demo-key": 1, "another-key": 0} {
		if got, err := keyed(key, kept).Unfinished(t.Context(), Measurements); err != nil || len(got) != want || len(kept) != 1 {
			t.Errorf("%s: %d exports to adopt of %d (%v), want %d", key, len(got), len(kept), err, want)
		}
	}
}

func TestRunningExportIsAdopted(t *testing.T) {
	srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{QueryLatency: "never"}})
	kept := memory{}
	ctx, cancel := context.WithCancel(t.Context())
	c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = lastWords{kept, cancel} })
	_, err := c.Rows(ctx, Query{Feed: Measurements, From: from, Until: until, Background: true}, nil)
	if !errors.Is(err, context.Canceled) || len(kept) != 1 {
		t.Fatalf("got %v, kept %v", err, kept)
	}
	asked := time.Now().Add(-time.Hour).UTC()
	for key, request := range kept {
		_, uuid, _ := strings.Cut(request, " ")
		kept[key] = asked.Format(time.RFC3339Nano) + " " + uuid
		if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
			t.Errorf("key %q does not fit a KV bucket", key)
		}
	}
	c = newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = kept })
	_, err = c.Rows(t.Context(), Query{Feed: Measurements, From: from, Until: until, Background: true, Timeout: 20 * time.Millisecond}, nil)
	if !errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotReady) || srv.Count("submit.measurements") != 1 {
		t.Fatalf("got %v after %d submissions, want the old export", err, srv.Count("submit.measurements"))
	}
	if len(kept) != 0 {
		t.Errorf("an export that was given up is still kept: %v", kept)
	}
}

func TestForgottenAdoptionIsReplaced(t *testing.T) {
	t.Parallel()
	for _, unknown := range []string{"400B", "403", "404", "500", "Error"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{RequestUnknown: unknown}})
		kept := memory{}
		c := newClient(t, srv.URL(), func(cfg *Config) { cfg.Requests = kept })
		q := Query{Feed: Measurements, From: from, Until: until, Background: true}
		kept[c.key(&q)] = "2026-07-01T10:00:00Z 3fa85f64-5717-4562-b3fc-2c963f66afa6"
		began := time.Now()
		ans, err := c.Rows(t.Context(), q, func(*Row) error { return nil })
		if err != nil || ans.Rows < 100 || began.Sub(ans.AskedAt) > time.Minute || len(kept) != 0 {
			t.Errorf("%s: %+v, %v, kept %v", unknown, ans, err, kept)
		}
	}
}

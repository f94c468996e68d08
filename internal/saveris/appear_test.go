package saveris

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

const (
	noSuchKey = `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`
	noAccess  = `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`
	expired   = `<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Expires>2026-07-01T00:00:00Z</Expires></Error>`
	deadToken = `<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>`
)

// Files that are not there yet, and links that are dead: how long either is waited for, and what the export is asked.
func TestAFileThatAppearsLateIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		after  time.Duration // until the file is there
		polls  int
		least  time.Duration // that it takes
		most   time.Duration
		text   string // of the error, empty = none
	}{
		"not there for seconds":  {404, noSuchKey, 7 * time.Second, 1, 7 * time.Second, 20 * time.Second, ""},
		"no access for seconds":  {403, noAccess, 7 * time.Second, 1, 7 * time.Second, 20 * time.Second, ""},
		"forbidden for seconds":  {403, `{"message":"Forbidden"}`, 7 * time.Second, 1, 7 * time.Second, 20 * time.Second, ""},
		"refused without a word": {403, "", 7 * time.Second, 1, 7 * time.Second, 20 * time.Second, ""},
		"not there for a minute": {404, noSuchKey, 90 * time.Second, 2, 90 * time.Second, 105 * time.Second, ""},
		"never there":            {404, noSuchKey, time.Hour, 2, 2 * time.Minute, 3 * time.Minute, "download: the file has not appeared: HTTP 404 NoSuchKey: The specified key does not exist.; waited 2m0s for it"},
		"never allowed":          {403, noAccess, time.Hour, 2, 2 * time.Minute, 3 * time.Minute, "the file has not appeared: HTTP 403 AccessDenied: Access Denied; waited 2m0s for it"},
		"dead":                   {403, expired, time.Hour, 2, 0, 3 * time.Second, "download: the link is dead: HTTP 403 AccessDenied: Request has expired"},
		"dead with its signer":   {400, deadToken, time.Hour, 2, 0, 3 * time.Second, "the link is dead"},
		"gone":                   {410, "", time.Hour, 2, 0, 3 * time.Second, "the link is dead"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				posts, polls, began := 0, 0, time.Now()
				c := wired(t, vendor(func(req *http.Request) *http.Response {
					switch {
					case req.Method == http.MethodPost && req.URL.Path == "/v2/measurements":
						posts++
					case req.URL.Path == "/v2/measurements/"+exportID:
						polls++
					case req.URL.Path == "/a" && time.Since(began) < tt.after:
						return reply(tt.status, tt.body)
					}
					return nil
				}))
				rows, told := 0, 0
				q := sixHours
				q.OnNotReady = func(time.Time) { told++ }
				_, err := c.Rows(t.Context(), q, func(*Row) error { rows++; return nil })
				took := time.Since(began)
				if (told > 0) != (tt.least > 0) {
					t.Errorf("told %d times that it waits", told)
				}
				if posts != 1 || polls != tt.polls || took < tt.least || took > tt.most {
					t.Errorf("%d exports, %d polls in %v", posts, polls, took)
				}
				if tt.text == "" && (err != nil || rows != 1) || tt.text != "" && (!errors.Is(err, errExpired) || !strings.Contains(err.Error(), tt.text)) {
					t.Errorf("%d rows, %v", rows, err)
				}
			})
		})
	}
}

func TestWaitingForAFileEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path == "/a" {
				return reply(404, noSuchKey)
			}
			return nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := c.Rows(ctx, sixHours, nothing); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// One export brings all files, those that were there at once and those that were not.
func TestFilesThatAppearLateCostNoOtherExport(t *testing.T) {
	t.Parallel()
	for _, appears := range []string{"404 first", "403 first"} {
		srv := startVendor(t, saveristest.Config{Switches: saveristest.Switches{FileCount: "n", FileAppears: appears}})
		c := newClient(t, srv.URL())
		rows, err := read(t.Context(), c, Query{Feed: Measurements, From: from, Until: until})
		if err != nil {
			t.Fatalf("%s: %v", appears, err)
		}
		expectTruth(t, srv, rows, nil)
		if posts, polls, files := srv.Count("submit"), srv.Count("poll"), srv.Count("download"); posts != 1 || polls != 1 || files != 6 {
			t.Errorf("%s: %d exports, %d polls, %d downloads, want 1, 1 and 6", appears, posts, polls, files)
		}
	}
}

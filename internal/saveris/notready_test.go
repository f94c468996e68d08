package saveris

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a vendor whose exports take so long, and the number of submissions that it got.
func slowly(takes time.Duration) (w wire, submissions *int) {
	var submitted time.Time
	n := 0
	return vendor(func(req *http.Request) *http.Response {
		switch {
		case req.Method == http.MethodPost && req.URL.Path != tokenPath:
			n, submitted = n+1, time.Now()
		case strings.HasPrefix(req.URL.Path, "/v2/measurements/") && time.Since(submitted) < takes:
			return reply(200, `{"status":"In Progress"}`)
		}
		return nil
	}), &n
}

func TestExportThatWasNotReadyIsAdoptedByTheNextRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config, *Query){
		"live":                         func(*Config, *Query) {},
		"in the background":            func(_ *Config, q *Query) { q.Background = true },
		"remembered across processes":  func(cfg *Config, q *Query) { cfg.Requests, q.Background = memory{}, true },
		"not asked for before a while": func(_ *Config, q *Query) { q.AskedSince = time.Now().Add(-time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, submissions := slowly(20 * time.Minute)
				q := sixHours
				c := wired(t, w, func(cfg *Config) { change(cfg, &q) })
				began := time.Now()
				if _, err := c.Rows(t.Context(), q, nothing); !errors.Is(err, ErrNotReady) || errors.Is(err, ErrTooLarge) {
					t.Fatalf("got %v, want %v", err, ErrNotReady)
				}
				ans, err := c.Rows(t.Context(), q, nothing)
				if err != nil || *submissions != 1 {
					t.Fatalf("got %v after %d submissions, want one", err, *submissions)
				}
				if late := ans.AskedAt.Sub(began); late > time.Second {
					t.Errorf("asked %v after it began, want the time of the only submission", late)
				}
				if _, err := c.Rows(t.Context(), q, nothing); !errors.Is(err, ErrNotReady) || *submissions != 2 {
					t.Errorf("what has been read to its end is adopted again: %v, %d submissions", err, *submissions)
				}
			})
		})
	}
}

func TestExportIsGivenUpAfterTwiceItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, submissions := slowly(24 * time.Hour)
		var told ledger
		c := wired(t, w, told.listen, func(cfg *Config) { cfg.ExportTimeout = 10 * time.Minute })
		began := time.Now()
		_, first := c.Rows(t.Context(), sixHours, nothing)
		_, second := c.Rows(t.Context(), sixHours, nothing)
		if took := time.Since(began); !errors.Is(first, ErrNotReady) || !errors.Is(second, ErrTooLarge) || errors.Is(second, ErrNotReady) || took > 21*time.Minute {
			t.Errorf("got %v, then %v, after %v", first, second, took)
		}
		if told.exports[Abandoned] != 1 || *submissions != 1 {
			t.Errorf("%v, %d submissions, want one export that was abandoned", told.exports, *submissions)
		}
		if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrNotReady) || *submissions != 2 {
			t.Errorf("got %v, %d submissions, want a new one", err, *submissions)
		}
	})
}

func TestLateExportThatFailsOrIsForgottenIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, answer := range []*http.Response{reply(200, `{"status":"Error"}`), reply(400, `{"status":"Error","message":"Request not found."}`)} {
		synctest.Test(t, func(t *testing.T) {
			w, submissions := slowly(20 * time.Minute)
			c := wired(t, w)
			if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrNotReady) {
				t.Fatalf("got %v", err)
			}
			c.api = wire(func(req *http.Request) *http.Response {
				if strings.HasPrefix(req.URL.Path, "/v2/measurements/") && *submissions == 1 {
					return answer
				}
				return w(req)
			})
			if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrNotReady) || *submissions != 2 {
				t.Errorf("got %v after %d submissions, want 2", err, *submissions)
			}
		})
	}
}

func TestWhoeverAsksIsToldWhatHeWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, _ := slowly(20 * time.Second)
		c := wired(t, w)
		began, told := time.Now(), 0
		q := sixHours
		q.OnNotReady = func(since time.Time) {
			if told++; since.Sub(began) > time.Second {
				t.Errorf("told to wait since %v after the beginning", since.Sub(began))
			}
		}
		if _, err := c.Rows(t.Context(), q, nothing); err != nil || told < 3 {
			t.Errorf("told %d times, %v", told, err)
		}
	})
}

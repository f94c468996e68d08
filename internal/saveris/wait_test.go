package saveris

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottledWaitsAsTold(t *testing.T) {
	for _, where := range []string{tokenPath, "/v2/measurements", "/v2/measurements/" + exportID, "/a"} {
		for name, told := range map[string]func() string{
			"seconds": func() string { return "40" },
			"date":    func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) },
		} {
			synctest.Test(t, func(t *testing.T) {
				times, submits, polls := 0, 0, 0
				var untils []time.Time
				c := wired(t, vendor(func(req *http.Request) *http.Response {
					if req.Method == http.MethodPost && req.URL.Path != tokenPath {
						submits++
					}
					if req.URL.Path == where {
						if times++; times <= 9 {
							return reply(429, `{"message":"Too Many Requests"}`, "Retry-After", told())
						}
					}
					if req.Method == http.MethodGet && req.URL.Path != "/a" {
						if polls++; polls == 1 {
							return reply(200, `{"status":"In Progress"}`)
						}
					}
					return nil
				}), func(cfg *Config) { cfg.OnThrottle = func(u time.Time) { untils = append(untils, u) } })
				begin := time.Now()
				q := sixHours
				q.Timeout = time.Minute // shorter than the waits: they do not count
				if _, err := c.Rows(t.Context(), q, nothing); err != nil {
					t.Fatalf("%s, %s: %v", where, name, err)
				}
				if took := time.Since(begin); took < 9*40*time.Second || took > 9*43*time.Second {
					t.Errorf("%s, %s: took %v for nine waits of 40 s", where, name, took)
				}
				if want := map[bool]int{true: 10, false: 1}[where == "/v2/measurements"]; submits != want || len(untils) != 9 {
					t.Errorf("%s, %s: %d submissions, told %d times", where, name, submits, len(untils))
				}
				if wait := untils[0].Sub(begin); wait < 40*time.Second {
					t.Errorf("%s, %s: told to wait %v", where, name, wait)
				}
			})
		}
	}
}

func TestThrottledWithoutAWordDoublesTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []time.Time
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path != tokenPath {
				return nil
			}
			if asked = append(asked, time.Now()); len(asked) <= 4 {
				return reply(400, `{"Status":"Error","Message":"Rate exceeded"}`) // Cognito's 429
			}
			return nil
		}))
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, want := range []float64{2, 4, 8, 16} {
			if got := asked[i+1].Sub(asked[i]).Seconds(); got < 0.79*want || got > 1.3*want {
				t.Errorf("wait %d was %.1f s, want about %v", i, got, want)
			}
		}
	})
}

func TestThrottledGivesUpAtOnceWhereTheTimeIsTooShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wired(t, func(*http.Request) *http.Response {
			return reply(429, `{"message":"Limit Exceeded"}`, "Retry-After", "600")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		err := c.Login(ctx)
		var e *Error
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || e.Status != 429 || e.Wait != 10*time.Minute || time.Since(begin) > time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		if err := c.Login(ctx); !errors.Is(err, context.Canceled) || time.Since(begin) > 6*time.Second {
			t.Errorf("got %v after %v", err, time.Since(begin))
		}
	})
}

func TestPollsGrowRarerUntilTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var polls []time.Time
		begin := time.Now()
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if strings.HasPrefix(req.URL.Path, "/v2/measurements/") {
				polls = append(polls, time.Now())
				return reply(200, `{"status":"Thinking","data_urls":null}`)
			}
			return nil
		}))
		_, err := c.Rows(t.Context(), sixHours, nothing)
		took := time.Since(begin)
		if !errors.Is(err, ErrNotReady) || took < 15*time.Minute || took > 15*time.Minute+time.Second {
			t.Errorf("got %v after %v", err, took)
		}
		last, want := begin, 2*time.Second
		for i, at := range polls[:len(polls)-1] {
			if wait := at.Sub(last); wait < want || wait > want*11/10+time.Millisecond {
				t.Errorf("look %d came after %v, want %v and up to a tenth more", i, wait, want)
			}
			last, want = at, min(want*3/2, 30*time.Second)
		}
	})
}

func TestPaceIsLearned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		var submitted time.Time
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			switch {
			case req.Method == http.MethodPost && req.URL.Path != tokenPath:
				submitted = time.Now()
			case strings.HasPrefix(req.URL.Path, "/v2/measurements/"):
				if polls++; time.Since(submitted) < 20*time.Second {
					return reply(200, `{"status":"In Progress"}`)
				}
			}
			return nil
		}))
		var counts []int
		for range 6 {
			polls = 0
			if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil {
				t.Fatal(err)
			}
			counts = append(counts, polls)
		}
		if counts[0] < 5 || counts[5] >= counts[0] {
			t.Errorf("polls an export: %v, want fewer once the pace is known", counts)
		}
	})
}

func TestThrottlingIsNoPartOfThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if strings.HasPrefix(req.URL.Path, "/v2/measurements/") {
				switch polls++; polls {
				case 1:
					return reply(429, `{"message":"Too Many Requests"}`, "Retry-After", "60")
				case 2:
					return reply(200, `{"status":"In Progress"}`)
				}
			}
			return nil
		}))
		if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil || polls != 3 {
			t.Fatalf("%d polls, %v", polls, err)
		}
		if c.pace.took <= 0 || c.pace.took > 30*time.Second {
			t.Errorf("an export takes %v, want nothing of the minute of throttling in it", c.pace.took)
		}
	})
}

func TestSilenceIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, where := range []string{"/v2/measurements", "/a"} {
			for name, resp := range map[string]func() *http.Response{
				"no head": func() *http.Response { return nil },
				"no body": func() *http.Response {
					resp := reply(200, "")
					resp.Body = &stuck{done: make(chan struct{})}
					return resp
				},
			} {
				special := func(req *http.Request) *http.Response { return nil }
				ordinary := vendor(special)
				c := wired(t, nil)
				c.api = wire(func(req *http.Request) *http.Response {
					if req.URL.Path != where {
						return ordinary(req)
					}
					r := resp()
					if r != nil {
						body := r.Body.(*stuck)
						context.AfterFunc(req.Context(), func() { close(body.done) })
					}
					return r
				})
				c.files = c.api
				begin := time.Now()
				_, err := c.Rows(t.Context(), sixHours, nothing)
				if !errors.Is(err, errNoAnswer) && !errors.Is(err, errStalled) {
					t.Errorf("%s of %s gave %v", name, where, err)
				}
				if took := time.Since(begin); took < 40*time.Second || took > 5*time.Minute {
					t.Errorf("%s of %s took %v", name, where, took)
				}
			}
		}
	})
}

// stuck is a body from which nothing comes until the request is given up.
type stuck struct{ done chan struct{} }

func (s *stuck) Read([]byte) (int, error) {
	<-s.done
	return 0, errors.New("closed")
}

func (s *stuck) Close() error { return nil }

func TestClockIsTheVendors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ahead := 3 * time.Hour
		c := wired(t, vendor(func(req *http.Request) *http.Response { return nil }))
		ordinary := c.api.(wire)
		c.api = wire(func(req *http.Request) *http.Response {
			resp := ordinary(req)
			resp.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			return resp
		})
		off := func() time.Duration {
			now, err := c.Now(t.Context())
			if err != nil || now.Location() != time.UTC {
				t.Fatal(now, err)
			}
			return now.Sub(time.Now().Add(ahead))
		}
		if d := off(); d > 0 || d < -time.Second {
			t.Errorf("off by %v", d)
		}
		time.Sleep(700 * time.Millisecond)
		if ans, err := c.Rows(t.Context(), sixHours, nothing); err != nil || ans.AskedAt.Sub(time.Now().Add(ahead)) > 0 || ans.AskedAt.Sub(time.Now().Add(ahead)) < -3*time.Second {
			t.Errorf("%+v, %v", ans, err)
		}
		if d := off(); d > 0 || d < -time.Second {
			t.Errorf("off by %v after a while", d)
		}
		ahead = time.Hour
		c.Login(t.Context())
		if d := off(); d > 0 || d < -time.Second {
			t.Errorf("off by %v after the clock was set back", d)
		}
	})
}

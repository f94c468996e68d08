package saveris

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/secret"
)

// wire answers requests in place of a network, so that a test may own the time.
type wire func(*http.Request) *http.Response

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	resp := w(req)
	if resp == nil {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	resp.Request = req
	if resp.Header.Get("Date") == "" {
		resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	return resp, nil
}

func reply(status int, body string, headers ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(headers); i += 2 {
		resp.Header.Set(headers[i], headers[i+1])
	}
	return resp
}

// jwt makes a token whose life ends at exp; the zero time leaves exp out.
func jwt(exp time.Time) string {
	claims := `{"sub":"x"}`
	if !exp.IsZero() {
		claims = fmt.Sprintf(`{"sub":"x","exp":%d}`, exp.Unix())
	}
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
}

const exportID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"

// wired is a client without a network and with the waits of production.
func wired(t *testing.T, w wire, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{BaseURL: "https://data-api.example.net/", Username: "demo", Password: secret.New("pass-word"), Sync: SyncNever}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.api, c.files = w, w
	return c
}

// vendor is a well-behaved one with one file; special answers first and may pass with nil.
func vendor(special wire) wire {
	return func(req *http.Request) *http.Response {
		if resp := special(req); resp != nil {
			return resp
		}
		switch {
		case req.URL.Path == tokenPath:
			return reply(200, `{"IdToken":"`+jwt(time.Now().Add(time.Hour))+`"}`)
		case req.Method == http.MethodPost:
			return reply(200, `{"status":"Submitted","request_uuid":"`+exportID+`"}`)
		case strings.HasPrefix(req.URL.Path, "/v2/measurements/"):
			return reply(200, `{"status":"Completed","data_urls":["https://files.example.net/a?X-Amz-Signature=sealed"]}`)
		default:
			return reply(200, reading+"\n")
		}
	}
}

var sixHours = Query{Feed: Measurements, From: from, Until: until}

func nothing(*Row) error { return nil }

func TestThrottledWaitsAsTold(t *testing.T) {
	for _, where := range []string{tokenPath, "/v2/measurements", "/v2/measurements/" + exportID, "/a"} {
		for name, told := range map[string]func() string{
			"seconds": func() string { return "40" },
			"date":    func() string { return time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat) },
		} {
			synctest.Test(t, func(t *testing.T) {
				times, submits := 0, 0
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
					return nil
				}), func(cfg *Config) { cfg.Throttled = func(u time.Time) { untils = append(untils, u) } })
				begin := time.Now()
				q := sixHours
				q.Deadline = time.Minute // shorter than the waits: they do not count
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

func TestPollsGrowRarerUntilTheDeadline(t *testing.T) {
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
		if !errors.Is(err, ErrTooLarge) || took < 5*time.Minute || took > 5*time.Minute+time.Second {
			t.Errorf("got %v after %v", err, took)
		}
		if first := polls[0].Sub(begin); first > 300*time.Millisecond || len(polls) > 22 || len(polls) < 12 {
			t.Errorf("%d polls, the first after %v", len(polls), first)
		}
	})
}

func TestPaceIsLearned(t *testing.T) {
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
		if counts[0] < 6 || counts[5] > 3 {
			t.Errorf("polls an export: %v, want fewer once the pace is known", counts)
		}
	})
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	for name, answer := range map[string]func() string{
		"exp":        func() string { return `{"idToken":"` + jwt(time.Now().Add(20*time.Minute)) + `"}` },
		"expires_in": func() string { return `{"IDTOKEN":"` + jwt(time.Time{}) + `","expires_in":1200}` },
		"text":       func() string { return `{"IdToken":"` + jwt(time.Time{}) + `","expires_in":"1200"}` },
	} {
		synctest.Test(t, func(t *testing.T) {
			logins := 0
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path != tokenPath {
					return nil
				}
				logins++
				return reply(200, answer())
			}))
			for _, step := range []struct {
				after time.Duration
				want  int
			}{{0, 1}, {17 * time.Minute, 1}, {2 * time.Minute, 2}} {
				time.Sleep(step.after) // of the bubble: no clock runs
				if _, err := c.Rows(t.Context(), sixHours, nothing); err != nil || logins != step.want {
					t.Fatalf("%s: %d logins, %v; want %d", name, logins, err, step.want)
				}
			}
		})
	}
}

func TestOnlyTokensAreTokens(t *testing.T) {
	for text, want := range map[string]bool{
		jwt(time.Now()): true, "a.b.c": true, "": false, "a.b": false, "a.b.c.d": false, "a..c": false, "a.b.c\r\nX: y": false,
		"$root.AuthenticationResult.IdToken": false,
	} {
		if isToken(text) != want {
			t.Errorf("isToken(%q) = %v", text, !want)
		}
	}
}

func TestLoginWithoutTokenIsARefusalOnlyAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		empty := true
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if req.URL.Path == tokenPath && empty {
				return reply(200, ` { "IdToken": "" }`)
			}
			return nil
		}))
		if err := c.Login(t.Context()); !errors.Is(err, ErrRefused) {
			t.Errorf("a challenge gave %v", err)
		}
		empty = false
		if err := c.Login(t.Context()); err != nil {
			t.Fatal(err)
		}
		empty = true
		if err := c.Login(t.Context()); err == nil || errors.Is(err, ErrRefused) {
			t.Errorf("an outage of the login service gave %v", err)
		}
	})
}

func TestRefusals(t *testing.T) {
	const waf = `{ "type": "WAF_FILTERED", "title": "Forbidden", "instance": "x=", "status": 403 }`
	const missing = `{ "type": "MISSING_AUTHENTICATION_TOKEN", "title": "Missing Authentication Token", "instance": "x=", "status": 403 }`
	for _, tt := range []struct {
		name, path string
		status     int
		body       string
		want       error // nil: an error that is none of the three
		asked      int
	}{
		{"wrong password", tokenPath, 400, `{ "Status": "Error", "Message": "Incorrect username or password." }`, ErrRefused, 1},
		{"page of a proxy", tokenPath, 400, `<html>bad gateway</html>`, nil, 1},
		{"login down", tokenPath, 502, `<html>bad gateway</html>`, nil, 4},
		{"no such login path", tokenPath, 403, missing, ErrAddress, 1},
		{"firewall", "/v2/measurements", 403, waf, nil, 1},
		{"firewall on a poll", "/v2/measurements/" + exportID, 403, waf, nil, 4},
		{"wrong base URL", "/v2/measurements", 403, missing, ErrAddress, 1},
		{"wrong base URL, older gateway", "/v2/measurements", 403, `{"message":"Missing Authentication Token"}`, ErrAddress, 1},
		{"no such path", "/v2/measurements", 404, ``, ErrAddress, 1},
		{"no licence", "/v2/measurements", 403, ``, ErrRefused, 2},
		{"expired for ever", "/v2/measurements", 401, `{"message":"The incoming token has expired"}`, ErrRefused, 2},
		{"too large", "/v2/measurements", 413, `{"message":"Request Too Long"}`, ErrTooLarge, 1},
		{"lost submission", "/v2/measurements", 504, `{"message":"Endpoint request timed out"}`, nil, 1},
		{"failing polls", "/v2/measurements/" + exportID, 502, ``, nil, 4},
		{"failed query", "/v2/measurements/" + exportID, 500, `{"status": "Error", "message": "no"}`, ErrTooLarge, 4},
		{"failed query by status", "/v2/measurements/" + exportID, 200, `{"status": " FAILED", "message": {"odd":1}, "error":"too many rows"}`, ErrTooLarge, 1},
		{"query refused at once", "/v2/measurements", 200, `{"status": "Error", "message": "Invalid request"}`, ErrTooLarge, 1},
		{"no request_uuid", "/v2/measurements", 200, `{"status": "Submitted", "request_uuid": "../../x"}`, nil, 1},
		{"file gone", "/a", 404, `<Error><Code>NoSuchKey</Code></Error>`, errExpired, 2},
		{"file broken", "/a", 200, reading[:100], io.ErrUnexpectedEOF, 4},
		{"file of markup", "/a", 200, "<html>", errMarkup, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path == tt.path {
					asked++
					return reply(tt.status, tt.body)
				}
				return nil
			}))
			_, err := c.Rows(t.Context(), sixHours, nothing)
			var e *Error
			if !errors.As(err, &e) || asked != tt.asked {
				t.Errorf("%s: %v after %d requests, want %d", tt.name, err, asked, tt.asked)
			}
			for _, meaning := range []error{ErrRefused, ErrAddress, ErrTooLarge} {
				if errors.Is(err, meaning) != (tt.want == meaning) {
					t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
				}
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		})
	}
}

func TestRedirectDoesNotCarryTheLogin(t *testing.T) {
	seen := make(chan *http.Request, 10)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { seen <- req }))
	defer other.Close()
	api := httptest.NewServer(http.RedirectHandler(other.URL+"/elsewhere?X-Amz-Signature=sealed", http.StatusTemporaryRedirect))
	defer api.Close()
	key := newClient(t, api.URL, func(cfg *Config) { cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New("demo-key") })
	for name, err := range map[string]error{"token": newClient(t, api.URL).Login(t.Context()), "key": key.Login(t.Context())} {
		host := strings.TrimPrefix(other.URL, "http://")
		if !errors.Is(err, ErrAddress) || !strings.Contains(err.Error(), host) || strings.Contains(err.Error(), "sealed") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(seen) != 0 {
		t.Error("the redirect was followed")
	}
}

func TestDownloadCarriesNoLogin(t *testing.T) {
	headers := map[string]http.Header{}
	c := wired(t, vendor(func(req *http.Request) *http.Response {
		headers[req.URL.String()] = req.Header
		if req.URL.Path == "/a" { // S3 sends to the region's host
			return reply(307, "", "Location", "https://files.eu.example.net/b?X-Amz-Signature=sealed")
		}
		return nil
	}))
	ans, err := c.Rows(t.Context(), sixHours, nothing)
	if err != nil || ans.Rows != 1 {
		t.Fatalf("%+v, %v", ans, err)
	}
	for _, url := range []string{"https://files.example.net/a?X-Amz-Signature=sealed", "https://files.eu.example.net/b?X-Amz-Signature=sealed"} {
		h, ok := headers[url]
		if !ok || h.Get("Authorization") != "" || h.Get("x-custom-api-key") != "" || h.Get("Referer") != "" || h.Get("User-Agent") != userAgent {
			t.Errorf("%s was asked for with %v", url, h)
		}
	}
}

func TestFilesComeOverHTTPSOnly(t *testing.T) {
	for link, want := range map[string]bool{
		"https://files.example.net/a": true, "http://127.0.0.1:1/a": true, "http://[::1]:1/a": true, "http://localhost/a": true,
		"http://files.example.net/a": false, "file:///etc/passwd": false, "http://127.0.0.1.example.net/a": false, "ftp://localhost/a": false,
	} {
		c := wired(t, vendor(func(req *http.Request) *http.Response {
			if strings.HasPrefix(req.URL.Path, "/v2/measurements/") {
				return reply(200, `{"status":"Completed","data_urls":["`+link+`?X-Amz-Signature=sealed"]}`)
			}
			return nil
		}))
		c.retryWait = time.Nanosecond
		_, err := c.Rows(t.Context(), sixHours, nothing)
		if (err == nil) != want {
			t.Errorf("%s: %v", link, err)
		}
		if err != nil && strings.Contains(err.Error(), "sealed") {
			t.Errorf("%v holds the signature", err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	const key, password, signature = "key-0123456789", `pass"word-0123456789`, "signature-0123456789"
	token := jwt(time.Now().Add(time.Hour))
	echoes := []string{
		`{"message":"'` + token + `' not a valid key=value pair in Authorization header: 'Bearer ` + token + `'"}`,
		`{"message":"` + password + ` ` + key + ` https://files.example.net/a?X-Amz-Signature=` + signature + `&x=y"}`,
		`<Error><Code>SignatureDoesNotMatch</Code><Message>no X-Amz-Signature=` + signature + `</Message><StringToSign>` + signature + `</StringToSign></Error>`,
		`{"status":"Error","message":"pass\"word-0123456789 ` + token + `"}`,
		`not JSON ` + token,
	}
	for _, status := range []int{200, 302, 400, 401, 403, 404, 413, 500} {
		for _, echo := range echoes {
			for _, where := range []string{tokenPath, "/v1/measurements", "/v2/measurements", "/v2/measurements/" + exportID, "/a"} {
				for _, keyed := range []bool{true, false} {
					c := wired(t, vendor(func(req *http.Request) *http.Response {
						switch req.URL.Path {
						case where:
							return reply(status, echo, "Location", "https://x.example.net/?X-Amz-Signature="+signature, "X-Amzn-Errortype", token)
						case tokenPath:
							return reply(200, `{"IdToken":"`+token+`"}`)
						}
						return nil
					}), func(cfg *Config) {
						cfg.Sync, cfg.Password = SyncAuto, secret.New(password)
						if keyed {
							cfg.Username, cfg.Password, cfg.APIKey = "", secret.Text{}, secret.New(key)
						}
					})
					c.retryWait, c.cfg.FirstPoll, c.pace.first = time.Nanosecond, time.Nanosecond, time.Nanosecond
					q := sixHours
					q.Deadline = time.Millisecond
					_, err := c.Rows(t.Context(), q, nothing)
					hidden := []string{token, token[:30], signature, password, pasted(password)}
					if keyed {
						hidden = []string{token, token[:30], signature, key}
					}
					for _, err := range []error{err, c.Login(t.Context())} {
						for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", errors.Unwrap(err))} {
							for _, hidden := range hidden {
								if strings.Contains(text, hidden) {
									t.Fatalf("%d on %s: %q holds %q", status, where, text, hidden)
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestNetworkErrorsHoldNoLink(t *testing.T) {
	c := newClient(t, "http://127.0.0.1:1")
	_, err := c.download(t.Context(), "http://127.0.0.1:1/a?X-Amz-Signature=sealed", nothing)
	if err == nil || strings.Contains(err.Error(), "sealed") || strings.Contains(err.Error(), "/a") {
		t.Errorf("got %v", err)
	}
	if err := c.Login(t.Context()); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestSilenceIsAnError(t *testing.T) {
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
				if took := time.Since(begin); took < time.Minute || took > 5*time.Minute {
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

func TestShortBodyIsAnError(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(2*len(reading)+2))
		io.WriteString(w, reading+"\n") // cut between two rows: only the length tells
	}))
	defer srv.Close()
	c := newClient(t, srv.URL)
	if _, err := c.readFile(t.Context(), srv.URL, nothing); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

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

func TestBothBoundsAreSentInUTC(t *testing.T) {
	zone := time.FixedZone("", -7*3600)
	var bodies []string
	c := wired(t, vendor(func(req *http.Request) *http.Response {
		if req.URL.Path == "/v2/measurements" {
			b, _ := io.ReadAll(req.Body)
			bodies = append(bodies, string(b)+req.Header.Get("Content-Type"))
		}
		return nil
	}))
	q := sixHours
	q.From, q.Until = q.From.In(zone), q.Until.In(zone).Add(time.Microsecond)
	if _, err := c.Rows(t.Context(), q, nothing); err != nil {
		t.Fatal(err)
	}
	want := `{"date_time_from":"2026-07-01T10:00:00Z","date_time_until":"2026-07-01T16:00:00.001Z","options":{"result_file_format":"JSON"}}application/json`
	if len(bodies) != 1 || bodies[0] != want {
		t.Errorf("sent %q", bodies)
	}
	for _, bad := range []Query{{Feed: Alarms, From: until, Until: from}, {Feed: Alarms, From: from, Until: from}, {Feed: "tasks", From: from, Until: until}} {
		if _, err := c.Rows(t.Context(), bad, nothing); err == nil {
			t.Errorf("%+v was sent", bad)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{BaseURL: "https://x.example.net/base/", Username: "u", Password: secret.New("p")}
	for name, change := range map[string]func(*Config){
		"no scheme": func(c *Config) { c.BaseURL = "x.example.net" }, "login in it": func(c *Config) { c.BaseURL = "https://u:topsecret@x" },
		"both logins": func(c *Config) { c.APIKey = secret.New("topsecret") }, "no password": func(c *Config) { c.Password = secret.Text{} },
		"key with a newline": func(c *Config) { *c = Config{BaseURL: c.BaseURL, APIKey: secret.New("topsecret\n")} },
		"sync":               func(c *Config) { c.Sync = "perhaps" }, "format": func(c *Config) { c.Format = "ORC" }, "exports": func(c *Config) { c.Exports = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c, err := New(good); err != nil || c.base != "https://x.example.net/base" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAPIAnswersAreBounded(t *testing.T) {
	resp := reply(200, `{"status":"`+strings.Repeat("x", maxAPIBody)+`"}`)
	if err := readJSON(resp, &status{}); err == nil || len(err.Error()) > 300 {
		t.Errorf("got %v", err)
	}
	var s status
	packed := reply(200, string(packedBytes(`{"status":"Completed","data_urls":["x"],"message":{"odd":1}}`)))
	if err := readJSON(packed, &s); err != nil || !s.done() || len(s.DataURLs) != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	c := wired(t, nil)
	e := c.newError("x", &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("ä\x1b\n"), 1<<20)))})
	if len(e.Error()) > 4*maxText || strings.ContainsAny(e.Error(), "\x1b\n") {
		t.Errorf("%d bytes: %.50q", len(e.Error()), e.Error())
	}
}

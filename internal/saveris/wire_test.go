package saveris

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
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

func TestShortBodyIsAnError(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(2*len(reading)+2))
		io.WriteString(w, reading+"\n") // cut between two rows: only the length tells
	}))
	defer srv.Close()
	c := newClient(t, srv.URL)
	if _, err := c.readFile(t.Context(), srv.URL, "", nothing); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestBothBoundsAreSentInUTC(t *testing.T) {
	t.Parallel()
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
	want := `{"date_time_from":"2026-07-01T09:59:59Z","date_time_until":"2026-07-01T16:00:01.001Z","options":{"result_file_format":"JSON"}}application/json`
	if len(bodies) != 1 || bodies[0] != want {
		t.Errorf("sent %q", bodies)
	}
	for _, bad := range []Query{{Feed: Alarms, From: until, Until: from}, {Feed: Alarms, From: from, Until: from}, {Feed: "pictures", From: from, Until: until}} {
		if _, err := c.Rows(t.Context(), bad, nothing); err == nil {
			t.Errorf("%+v was sent", bad)
		}
	}
}

func TestAWindowIsAskedForWithAMarginButNeverOverSevenDays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		width time.Duration
		asked time.Duration
	}{
		{5 * time.Minute, 5*time.Minute + 2*time.Second},
		{7*24*time.Hour - 2*time.Second, 7 * 24 * time.Hour},
		{7*24*time.Hour - time.Second, 7 * 24 * time.Hour},
		{7 * 24 * time.Hour, 7 * 24 * time.Hour},
		{8 * 24 * time.Hour, 8 * 24 * time.Hour},
	} {
		q := Query{From: from, Until: from.Add(c.width)}
		lower, upper := q.bounds()
		begin, errBegin := time.Parse(time.RFC3339, lower)
		end, errEnd := time.Parse(time.RFC3339, upper)
		if errBegin != nil || errEnd != nil || end.Sub(begin) != c.asked || from.Sub(begin) != end.Sub(q.Until) {
			t.Errorf("%v is asked for from %s until %s, want %v in all and as much at both ends", c.width, lower, upper, c.asked)
		}
	}
}

func TestAPIAnswersAreBounded(t *testing.T) {
	resp := reply(200, "")
	resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"status":"`), &endless{'x', 64 << 20}, strings.NewReader(`"}`)))
	var err error
	if used := allocated(func() { _, err = readStatus(resp) }); err == nil || len(err.Error()) > 300 || used > 16<<20 {
		t.Errorf("got %v, %d bytes allocated", err, used)
	}
	packed := reply(200, string(packedBytes(`{"status":"Completed","data_urls":["x"],"message":{"odd":1}}`)))
	if s, err := readStatus(packed); err != nil || !s.done() || len(s.members) != 3 {
		t.Errorf("got %+v, %v", s, err)
	}
	c := wired(t, nil)
	e := c.newError("x", &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("ä\x1b\n"), 1<<20)))})
	if len(e.Error()) > 4*maxText || strings.ContainsAny(e.Error(), "\x1b\n") {
		t.Errorf("%d bytes: %.50q", len(e.Error()), e.Error())
	}
}

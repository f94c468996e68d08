package saveristest

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestEachFault: every kind can be injected, is seen by the client, is counted,
// and is over afterwards. With its rate at 1 the same happens without injection.
func TestEachFault(t *testing.T) {
	t.Parallel()
	transport := func(a answer) bool { return a.err != nil }
	status := func(code int, text string) func(answer) bool {
		return func(a answer) bool {
			return a.err == nil && a.status == code && strings.Contains(string(a.body), text)
		}
	}
	for _, c := range []struct {
		kind, on string
		seen     func(answer) bool
	}{
		{FaultTooMany, "submit", func(a answer) bool { return a.status == 429 && a.header.Get("Retry-After") == "" }},
		{FaultTooManyWait, "poll.measurements", func(a answer) bool { return a.status == 429 && a.header.Get("Retry-After") == "1" }},
		{FaultThrottled, "token", status(400, "Rate exceeded")},
		{FaultInternal, "submit", status(500, `{"status": "Error"`)},
		{FaultInternal, "download", status(500, "<Code>InternalError</Code>")},
		{FaultBadGateway, "poll", status(502, "<html>")},
		{FaultUnavailable, "token", status(503, "<html>")},
		{FaultUnavailable, "download", status(503, "<Code>SlowDown</Code>")},
		{FaultTimeout, "submit", status(504, "INTEGRATION_TIMEOUT")},
		{FaultTimeoutStart, "submit", status(504, "INTEGRATION_TIMEOUT")},
		{FaultReset, "submit", transport},
		{FaultReset, "download", transport},
		{FaultSlow, "download", func(a answer) bool { return a.err == nil && a.status == 200 }},
		{FaultTruncate, "download", func(a answer) bool {
			return a.err == nil && a.status == 200 && !strings.HasSuffix(string(a.body), "\n")
		}},
		{FaultCut, "download", transport},
		{FaultExpiredLink, "download", status(403, "Request has expired")},
		{FaultNoSuchKey, "download", status(404, "NoSuchKey")},
		{FaultExpiredToken, "poll", status(401, "UNAUTHORIZED")},
		{FaultQueryError, "submit", status(200, "Submitted")},
		{FaultForgotten, "poll", status(400, "Request not found")},
	} {
		t.Run(c.kind+" "+c.on, func(t *testing.T) {
			t.Parallel()
			v := startWith(t)
			v.freshConnections()
			request := v.requests(c.on)
			if a := request(); a.status != 200 {
				t.Fatalf("before the fault: %d %s", a.status, a.body)
			}
			v.Inject(Fault{Kind: c.kind, On: c.on, After: 1, Wait: faultWait(c.kind)})
			if a := request(); a.status != 200 {
				t.Errorf("a fault with After: 1 hit the first: %d %s", a.status, a.body)
			}
			if a := request(); !c.seen(a) {
				t.Errorf("fault not seen: %d %.200s %v", a.status, a.body, a.err)
			}
			if v.Count("fault."+c.kind) != 1 {
				t.Errorf("counted %d times", v.Count("fault."+c.kind))
			}
			if c.kind == FaultForgotten {
				return // for good
			}
			if a := request(); a.status != 200 || a.err != nil {
				t.Errorf("after the fault: %d %s %v", a.status, a.body, a.err)
			}
			v.Update(func(_ *Switches, f *Faults) { setRate(t, f, c.kind) })
			if a := request(); c.kind != FaultSlow && !c.seen(a) {
				t.Errorf("rate 1, fault not seen: %d %.200s %v", a.status, a.body, a.err)
			}
		})
	}
}

// freshConnections: a transport repeats a GET that dies on a used connection.
func (v *vendor) freshConnections() { v.http.Transport.(*http.Transport).DisableKeepAlives = true }

func faultWait(kind string) time.Duration {
	if kind == FaultSlow {
		return 100 * time.Millisecond
	}
	return 0
}

// setRate sets the rate of a kind to 1, by its key.
func setRate(t *testing.T, f *Faults, kind string) {
	c := Config{Faults: *f}
	rate := "1"
	if kind == FaultSlow {
		rate = "0"
	}
	if err := c.Set("fault."+kind, rate); err != nil {
		t.Error(err)
	}
	*f = c.Faults
}

// requests returns a function that repeats a request of one operation.
func (v *vendor) requests(on string) func() answer {
	op, _, _ := strings.Cut(on, ".")
	body := rangeBody(noon.Add(-time.Hour), noon, "CSV")
	id := v.submit("/v2/measurements", body)
	links := v.links("/v2/measurements", body)
	return func() answer {
		switch op {
		case "token":
			return v.do("POST", "/v1/token", `{"username":"demo","password":"demo"}`)
		case "submit":
			return v.call("POST", "/v2/measurements", body)
		case "poll":
			return v.call("GET", "/v2/measurements/"+id, "")
		}
		return v.do("GET", links[0], "")
	}
}

// TestHangEndsWithTheClient: a hanging answer ends when the client gives up, and
// Close does not wait for it.
func TestHangEndsWithTheClient(t *testing.T) {
	v := startWith(t)
	v.Inject(Fault{Kind: FaultHang, On: "token", Times: 2})
	var wait sync.WaitGroup
	hang := func(ctx context.Context, n int) {
		req, err := http.NewRequestWithContext(ctx, "POST", v.URL()+"/v1/token", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			if res, err := v.http.Do(req); err == nil {
				res.Body.Close()
				t.Errorf("answered: %s", res.Status)
			}
		})
		for v.Count("fault.hang") < n && !t.Failed() {
			runtime.Gosched()
		}
	}
	ctx, giveUp := context.WithCancel(t.Context())
	hang(ctx, 1)
	giveUp()
	wait.Wait()
	hang(t.Context(), 2)
	v.Close()
	wait.Wait()
}

// TestBrokenDownloadsAreNotServed: what a fault broke off is not in Served; what
// was complete is there as soon as the client has it.
func TestBrokenDownloadsAreNotServed(t *testing.T) {
	v := startWith(t)
	v.freshConnections()
	download := v.requests("download")
	for _, kind := range []string{FaultCut, FaultTruncate, FaultReset, FaultExpiredLink} {
		v.Inject(Fault{Kind: kind, On: "download"})
		download()
		if n := len(v.Served().Measurements); n > 0 {
			t.Errorf("%s: %d rows served", kind, n)
		}
	}
	download()
	if n := len(v.Served().Measurements); n == 0 {
		t.Error("nothing served by a good download")
	}
}

// TestFaultsAreSeeded: the same requests meet the same faults.
func TestFaultsAreSeeded(t *testing.T) {
	sequence := func(seed string) (s string) {
		v := startWith(t, "world.seed="+seed, "fault.429=0.2", "fault.502=0.2")
		for range 40 {
			s += string(rune('0' + v.do("POST", "/v1/token", "{}").status%10))
		}
		return s
	}
	if a, b := sequence("1"), sequence("1"); a != b || !strings.Contains(a, "9") || !strings.Contains(a, "2") {
		t.Errorf("%s and %s", a, b)
	}
	if sequence("1") == sequence("2") {
		t.Error("another seed, the same faults")
	}
}

func TestInjectForEver(t *testing.T) {
	v := startWith(t)
	v.Inject(Fault{Kind: FaultUnavailable, Times: -1})
	for range 3 {
		if a := v.do("POST", "/v1/token", "{}"); a.status != 503 {
			t.Errorf("status %d", a.status)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an unknown kind was taken")
		}
	}()
	v.Inject(Fault{Kind: "flood"})
}

// TestChangesWhileServing is for the race detector.
func TestChangesWhileServing(t *testing.T) {
	v := startWith(t, "file.count=n")
	v.call("GET", "/", "") // log in
	token := v.token
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			w := &vendor{Server: v.Server, t: t, clock: v.clock, http: v.http, token: token}
			for range 5 {
				w.export("/v2/measurements", rangeBody(noon.Add(-time.Hour), noon, "JSON"))
				v.AddMeasurement(Measurement{UUID: string(rune('a' + i)), SensorUUID: "s", ChannelNo: 1, Timestamp: noon.Add(-time.Minute), Measurement: "1"})
				v.AddRaw(FeedAlarms, noon, "x")
				v.ReviseMeasurement("a", noon, "2")
				v.Update(func(sw *Switches, _ *Faults) { sw.JSONLayout = []string{"lines", "array", "object"}[i%3] })
				v.Served()
			}
		})
	}
	wait.Wait()
}

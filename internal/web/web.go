package web

import (
	"context"
	"net/http"
	"time"

	"saveris-bridge/internal/status"
)

// Source is what the page shows. Its methods may be called by many goroutines.
type Source interface {
	// Status is how the bridge stands now.
	Status() status.Status
	// Recent returns what the streams hold of late, sensors in an order that stays; search, where it is not empty, picks sensors
	// and alarms by any part of what names them.
	Recent(search string) status.Recent
	// Newest is Recent with the sensors that spoke last first.
	Newest(search string) status.Recent
	// Changed is closed when there is something new; then it is another channel.
	Changed() <-chan struct{}
}

// Options are what the page has to know besides its source.
type Options struct {
	Version string        // of the bridge
	Whose   string        // whose data it is, in a few words; everybody who reaches the page sees it
	Poll    time.Duration // the poll interval: three without a poll, or a minute where that is longer, are a standstill
	Quiet   time.Duration // how old the newest reading may be; 0 is two hours
	// Process returns what this bridge knows of itself; nil is nothing. It may be called by many goroutines.
	Process func() status.Process
	Streams int // pages that may be open at a time; 0 is 100
	// Audit makes the report for auditors of the last days; nil = there is none. It may be called by one goroutine at a time.
	Audit func(ctx context.Context, days int) (Report, error)
}

// pace is how the streams move, which tests have faster.
type pace struct {
	look     time.Duration // between two looks at the verdict, which time alone may change
	gap      time.Duration // between two snapshots at least
	beat     time.Duration // without any event at most
	patience time.Duration // with a reader who takes nothing
}

var usual = pace{look: time.Second, gap: time.Second, beat: 15 * time.Second, patience: 10 * time.Second}

// Handler serves the page at / and what it lives on. Streams of it end with their request's context, so whoever shuts a
// server down has to end that as well (http.Server.BaseContext).
func Handler(source Source, options Options) http.Handler { return handler(source, options, usual) }

func handler(source Source, options Options, moves pace) http.Handler {
	if options.Quiet == 0 {
		options.Quiet = 2 * time.Hour
	}
	if options.Streams == 0 {
		options.Streams = 100
	}
	p := &picture{source: source, options: options}
	s := &streams{picture: p, pace: moves, slots: make(chan struct{}, options.Streams)}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", files("page/index.html"))
	mux.Handle("GET /page/{name}", files(""))
	mux.Handle("GET /status.json", sameSite(p))
	mux.Handle("GET /events", sameSite(s))
	if options.Audit != nil {
		mux.Handle("GET /audit", sameSite(&audits{audit: options.Audit, slot: make(chan struct{}, 1)}))
	}
	return guarded(mux)
}

// policy allows what the page consists of and nothing else; trusted types keep its own scripts from making HTML of text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guarded returns every answer, refusals included, the headers that keep a browser from being led astray with it.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses what a browser asks for on behalf of another site: it could not read the answer, but take all streams.
func sameSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			http.Error(w, "this is for the page of the bridge, not for other sites", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

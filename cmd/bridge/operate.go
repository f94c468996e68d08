package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// operation is what an operator sees of a running bridge: health, metrics and the page.
type operation struct {
	feeds   []schema.Feed
	vendor  *saveris.Client
	nats    func() (connected bool, how string)
	leading func(schema.Feed) bool
	polled  func(schema.Feed) time.Time // see poller.Live.LastPoll
	dog     *watchdog
	metrics *metrics.Metrics
	board   *status.Board
	notes   *pipeline.Notes // nil = none
	page    http.Handler    // what is at /, nil = nothing

	started time.Time                 // the process
	began   atomic.Pointer[time.Time] // to ask for its turns
	ready   atomic.Bool               // it was, once
}

// takeOver is how long the lease of a bridge that has died may keep another one waiting: ten seconds, and a little. Whoever
// still stands by then does so for one that lives.
const takeOver = 12 * time.Second

// begin notes that from now on turns are asked for.
func (o *operation) begin() {
	now := o.dog.now()
	o.began.Store(&now)
}

// settled reports whether it is known whose turn it is.
func (o *operation) settled() bool {
	began := o.began.Load()
	return began != nil && o.dog.now().Sub(*began) > takeOver
}

// handler serves all of it.
func (o *operation) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.liveness()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.readiness()) })
	mux.Handle("GET /metrics", o.metrics.Handler())
	if o.page != nil {
		mux.Handle("/", o.page)
	}
	return mux
}

// watch has a feed's lines and its writer tell what they do.
func (o *operation) watch(feed schema.Feed, live *poller.Live) {
	count, fail, batch := o.metrics.Stored(feed), o.metrics.Step(feed), o.metrics.Batch(feed)
	live.Stored = func(s poller.Stored) { count(s); o.dog.stored(feed, s); o.notes.OnStored(feed, s) }
	live.Step = func(s poller.Step) { fail(s); o.dog.step(feed, s); o.notes.OnStep(feed, s) }
	live.Writer.Stored = func(b publish.Batch) { batch(b); o.dog.batch(feed, b) }
}

// newMetrics makes the metrics of this binary.
func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Build{Version: version, Commit: builtFrom(), GoVersion: runtime.Version()})
}

// counting has a client tell the metrics what it does.
func counting(m *metrics.Metrics, config saveris.Config) saveris.Config {
	config.Answered, config.Exported, config.LoginFailed = m.Answered, m.Exported, m.LoginFailed
	return config
}

// loginPause is how long a login is waited for before it is tried for its own sake. It is time enough for lines that poll to
// have tried; a bridge that stands by asks the vendor nothing else.
const loginPause = 30 * time.Second

// maxRefused is how often in a row a login has to be refused to be believed.
const maxRefused = 3

// proveLogin logs in where nobody else has: whoever stands by has to know that it could take over. It fails where the
// vendor refuses.
func proveLogin(ctx context.Context, vendor *saveris.Client, pause time.Duration) error {
	for refused := 0; ; {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		if vendor.LoggedIn() {
			return nil
		}
		err := vendor.Login(ctx)
		if !errors.Is(err, saveris.ErrRefused) {
			refused = 0
		} else if refused++; refused == maxRefused {
			return err
		}
	}
}

// httpListener listens on BRIDGE_HTTP_ADDR before anything else happens, so that a wrong one is told at once. It gives nil
// where that is off.
func httpListener(s config.Settings) (net.Listener, error) {
	if s.HTTPAddr == "" {
		return nil, nil
	}
	return listen.On("BRIDGE_HTTP_ADDR", s.HTTPAddr)
}

// goodbye is how long answers that are under way may take when the server ends.
const goodbye = 2 * time.Second

// Bounds of what those who ask may hold. Server-sent events may take longer than an answer: each of them sets the deadline
// of its own writing (internal/web).
const (
	mostConnections = 300
	answerTime      = 30 * time.Second // of a request or an answer
)

// serveHTTP serves until ctx ends, which ends the contexts of requests, too: server-sent events never end by themselves.
func serveHTTP(ctx context.Context, on net.Listener, handler http.Handler) error {
	return serveAs(ctx, httpServer(ctx, handler), on)
}

func httpServer(ctx context.Context, handler http.Handler) *http.Server {
	all := &guests{most: mostConnections, here: map[net.Conn]visit{}}
	return &http.Server{
		Handler: handler, ConnState: all.note, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: answerTime, WriteTimeout: answerTime,
		IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
}

func serveAs(ctx context.Context, server *http.Server, on net.Listener) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
		defer cancel()
		if server.Shutdown(last) != nil {
			server.Close()
		}
	})
	if err := server.Serve(on); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("serve HTTP on %s: %w", on.Addr(), err)
	}
	<-closed
	return nil
}

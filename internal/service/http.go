package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// maxConnections is how many connections HTTP may have: see the package comment.
const maxConnections = 300

// serveHTTP serves until ctx ends, which ends the contexts of requests, too: server-sent events never end by themselves.
func serveHTTP(ctx context.Context, on net.Listener, handler http.Handler, t Timings) error {
	return serve(ctx, on, httpServer(ctx, handler, t), t.ShutdownTimeout)
}

// serve serves until ctx ends, and then gives answers that are under way so long.
func serve(ctx context.Context, on net.Listener, server *http.Server, shutdown time.Duration) error {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
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

func httpServer(ctx context.Context, handler http.Handler, t Timings) *http.Server {
	limiter := newLimiter(maxConnections)
	return &http.Server{
		Handler: handler, ConnState: limiter.onState, ReadHeaderTimeout: t.ReadHeader, ReadTimeout: t.Answer, WriteTimeout: t.Answer,
		IdleTimeout: t.Idle, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
}

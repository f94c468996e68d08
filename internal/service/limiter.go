package service

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// limiter bounds how many connections a server has. One more than may be closes the one that has been idle for longest, or else has been
// busy for longest. A page that loses its connection asks again. Any goroutine may call its methods.
type limiter struct {
	max int

	mu    sync.Mutex
	conns map[net.Conn]connState
}

type connState struct {
	idle  bool
	since time.Time
}

func newLimiter(max int) *limiter { return &limiter{max: max, conns: map[net.Conn]connState{}} }

// before reports whether a connection is closed before another one.
func (s connState) before(other connState) bool {
	if s.idle != other.idle {
		return s.idle
	}
	return s.since.Before(other.since)
}

// onState is for http.Server.ConnState.
func (l *limiter) onState(conn net.Conn, state http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(l.conns, conn)
		return
	}
	if state == http.StateNew && len(l.conns) >= l.max {
		l.evict()
	}
	l.conns[conn] = connState{state == http.StateIdle, time.Now()}
}

func (l *limiter) evict() {
	var next net.Conn
	for conn, s := range l.conns {
		if next == nil || s.before(l.conns[next]) {
			next = conn
		}
	}
	delete(l.conns, next)
	_ = next.Close() // its server notices by itself
}

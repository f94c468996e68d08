package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// guests bounds how many connections a server has. One more than may be takes the place of the one that has been idle for
// longest, or else has been busy for longest: whoever holds all of them must not keep a probe out, whose failing would have
// the bridge restarted. A page that loses its place asks again.
type guests struct {
	most int

	mu   sync.Mutex
	here map[net.Conn]visit
}

type visit struct {
	idle  bool
	since time.Time
}

func (v visit) sooner(other visit) bool {
	if v.idle != other.idle {
		return v.idle
	}
	return v.since.Before(other.since)
}

// note is for http.Server.ConnState.
func (g *guests) note(conn net.Conn, state http.ConnState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(g.here, conn)
		return
	}
	if state == http.StateNew && len(g.here) >= g.most {
		g.dismiss()
	}
	g.here[conn] = visit{state == http.StateIdle, time.Now()}
}

func (g *guests) dismiss() {
	var next net.Conn
	for conn, v := range g.here {
		if next == nil || v.sooner(g.here[next]) {
			next = conn
		}
	}
	delete(g.here, next)
	_ = next.Close() // its server notices by itself
}

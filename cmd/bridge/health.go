package main

import (
	"encoding/json"
	"net/http"
	"runtime"
	"time"

	"github.com/nats-io/nats.go"

	"saveris-bridge/internal/schema"
)

// health is what /livez and /readyz answer: whether it is well, and what is not.
type health struct {
	OK      bool                 `json:"ok"`
	Reasons []string             `json:"reasons"`
	Polled  map[string]time.Time `json:"polled"` // by feed, when the last poll that was stored began

	Goroutines int `json:"goroutines"` // grows only if something leaks
}

// healthHandler answers /livez (this process runs) and /readyz (NATS is connected and every feed has been polled).
func healthHandler(nc *nats.Conn, turns map[schema.Feed]*turn) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, health{OK: true, Reasons: []string{}, Polled: map[string]time.Time{}, Goroutines: runtime.NumGoroutine()})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, readiness(nc, turns))
	})
	return mux
}

func readiness(nc *nats.Conn, turns map[schema.Feed]*turn) health {
	h := health{Reasons: []string{}, Polled: map[string]time.Time{}, Goroutines: runtime.NumGoroutine()}
	if !nc.IsConnected() {
		h.Reasons = append(h.Reasons, "NATS is not connected: "+nc.Status().String())
	}
	for feed, turn := range turns {
		at := turn.live.LastPoll()
		if at.IsZero() {
			h.Reasons = append(h.Reasons, "no poll of "+string(feed)+" has been stored yet")
			continue
		}
		h.Polled[string(feed)] = at.UTC()
	}
	h.OK = len(h.Reasons) == 0
	return h
}

func answer(w http.ResponseWriter, h health) {
	w.Header().Set("Content-Type", "application/json")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(h) // whoever asked is gone
}

// Package web is the page at /: one embedded file without outside resources, kept alive by server-sent events.
package web

import (
	"net/http"

	"saveris-bridge/internal/status"
)

// Source is what the page shows. Its methods may be called by many goroutines.
type Source interface {
	// Status is how the bridge stands now.
	Status() status.Status
	// Recent gives what is newest; search, where it is not empty, picks sensors by any part of what names them.
	Recent(search string) status.Recent
	// Changed is closed when there is something new; then it is another channel.
	Changed() <-chan struct{}
}

// Handler serves the page at / and what it lives on.
func Handler(source Source) http.Handler { return http.NotFoundHandler() }

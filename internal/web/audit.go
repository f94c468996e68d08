package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Report is a completeness report for auditors. It is closed once it has been written.
type Report interface {
	HTML(w io.Writer) error // writes it as one page without outside resources
	Close()
}

// ErrTooLarge: a report would read more than is good beside live polling. The error that wraps it says how much, and what to do.
var ErrTooLarge = errors.New("the report would be too large")

// mostDays is how many days a report of the page may have.
const mostDays = 31

// auditTime bounds how long a report is made, and then how long it is sent.
const auditTime = 2 * time.Minute

// auditPolicy allows a report its own style, and nothing else.
const auditPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// audits serves reports of the last days, one at a time.
type audits struct {
	audit func(ctx context.Context, days int) (Report, error)
	slot  chan struct{}
}

func (a *audits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("days")
	days, err := strconv.Atoi(text)
	if err != nil || days < 1 || days > mostDays {
		http.Error(w, fmt.Sprintf("days is %.40q: expected a number from 1 to %d, as in audit?days=7; bridge audit reports any other range", text, mostDays), http.StatusBadRequest)
		return
	}
	select {
	case a.slot <- struct{}{}:
		defer func() { <-a.slot }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "another report is being made, and one at a time is: try again in a moment", http.StatusServiceUnavailable)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(2 * auditTime)) // without it a long report is cut off
	ctx, cancel := context.WithTimeout(r.Context(), auditTime)
	defer cancel()
	report, err := a.audit(ctx, days)
	switch {
	case errors.Is(err, ErrTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the report cannot be made: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer report.Close()
	h := w.Header()
	h.Set("Content-Security-Policy", auditPolicy)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if report.HTML(w) != nil {
		panic(http.ErrAbortHandler) // half a report must not look like a whole one
	}
}

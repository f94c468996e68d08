package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// printed is a report.
type printed struct {
	text   string
	err    error // of writing it, when all of text is written
	closed *atomic.Bool
}

func (p printed) HTML(w io.Writer) error {
	if _, err := io.WriteString(w, p.text); err != nil {
		return err
	}
	return p.err
}

func (p printed) Close() { p.closed.Store(true) }

func TestTheReportForAuditorsIsOnePage(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	var closed atomic.Bool
	server := serve(t, newFake(calm(time.Now().UTC())), Options{Audit: func(_ context.Context, days int) (Report, error) {
		asked.Store(int64(days))
		return printed{"<!doctype html>as printed", nil, &closed}, nil
	}}, usual)
	answer := get(t, server, "/audit?days=7")
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || string(body) != "<!doctype html>as printed" || asked.Load() != 7 || !closed.Load() {
		t.Fatalf("%s %q, %v, of %d days, closed: %v", answer.Status, body, err, asked.Load(), closed.Load())
	}
	if h := answer.Header; h.Get("Content-Type") != "text/html; charset=utf-8" || h.Get("Content-Security-Policy") != auditPolicy || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers are %v", h)
	}
	page, err := io.ReadAll(get(t, server, "/").Body)
	if err != nil || !strings.Contains(string(page), `href="audit?days=7"`) {
		t.Errorf("the page has no link to it: %v", err)
	}
	if answer := get(t, server, "/audit?days=7", "Sec-Fetch-Site", "cross-site"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("another site may have reports made: %s", answer.Status)
	}
}

func TestAReportThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		query string
		err   error
		code  int
		want  string
	}{
		"no days":   {"", nil, 400, `days is "": expected a number from 1 to 31`},
		"a word":    {"?days=week", nil, 400, `days is "week": expected a number from 1 to 31`},
		"none":      {"?days=0", nil, 400, "expected a number from 1 to 31"},
		"many":      {"?days=32", nil, 400, "bridge audit reports any other range"},
		"too large": {"?days=31", fmt.Errorf("%w: 9 readings", ErrTooLarge), 413, "the report would be too large: 9 readings"},
		"no broker": {"?days=31", errors.New("no servers"), 503, "the report cannot be made: no servers"},
	} {
		server := serve(t, newFake(calm(time.Now().UTC())), Options{Audit: func(context.Context, int) (Report, error) { return nil, x.err }}, usual)
		answer := get(t, server, "/audit"+x.query)
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != x.code || !strings.Contains(string(body), x.want) {
			t.Errorf("%s: %s %q, %v, want %d and %q", name, answer.Status, body, err, x.code, x.want)
		}
	}
}

func TestHalfAReportDoesNotLookLikeAWholeOne(t *testing.T) {
	t.Parallel()
	var closed atomic.Bool
	server := serve(t, newFake(calm(time.Now().UTC())), Options{Audit: func(context.Context, int) (Report, error) {
		return printed{strings.Repeat("half of it ", 10_000), errors.New("the temporary file is gone"), &closed}, nil
	}}, usual)
	if body, err := io.ReadAll(get(t, server, "/audit?days=1").Body); err == nil {
		t.Errorf("%d bytes look like all of it", len(body))
	}
}

func TestReportsAreMadeOneAtATime(t *testing.T) {
	t.Parallel()
	begun, end := make(chan bool), make(chan bool)
	var closed atomic.Bool
	server := serve(t, newFake(calm(time.Now().UTC())), Options{Audit: func(context.Context, int) (Report, error) {
		begun <- true
		<-end
		return printed{"done", nil, &closed}, nil
	}}, usual)
	first := make(chan int)
	go func() { first <- get(t, server, "/audit?days=1").StatusCode }()
	<-begun
	if answer := get(t, server, "/audit?days=1"); answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" {
		t.Errorf("a second one meanwhile: %s %v", answer.Status, answer.Header)
	}
	close(end)
	if code := <-first; code != http.StatusOK {
		t.Errorf("the first one: %d", code)
	}
	go func() { <-begun }()
	if answer := get(t, server, "/audit?days=1"); answer.StatusCode != http.StatusOK {
		t.Errorf("one after it: %s", answer.Status)
	}
}

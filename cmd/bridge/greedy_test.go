package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// serving serves a handler on an address that it gives, as run does, after the server was changed.
func serving(t *testing.T, handler http.HandlerFunc, change func(*http.Server)) (address string) {
	t.Helper()
	on, err := listen("test", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		if change == nil {
			ended <- serveHTTP(ctx, on, handler)
			return
		}
		server := httpServer(ctx, handler)
		change(server)
		ended <- serveAs(ctx, server, on)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return on.Addr().String()
}

// greedy opens a connection and asks for something on it.
func greedy(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestWhoeverTakesNothingIsLetGo(t *testing.T) {
	gone := make(chan error, 1)
	address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		page := strings.Repeat("x", 1<<20)
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, page); err != nil {
				gone <- err
				return
			}
		}
	}, func(s *http.Server) { s.WriteTimeout /= 300 })
	greedy(t, address)
	select {
	case err := <-gone:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("its answer is kept")
	}
}

func TestEventsAreSentForLongerThanAnAnswerMayTake(t *testing.T) {
	address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		for range 3 {
			if err := errors.Join(control.SetWriteDeadline(time.Now().Add(time.Minute)), func() error { _, err := io.WriteString(w, "data: 1\n\n"); return err }(), control.Flush()); err != nil {
				t.Error(err)
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				t.Error("its context has ended")
			}
		}
	}, func(s *http.Server) { s.WriteTimeout, s.ReadTimeout = s.WriteTimeout/1000, s.ReadTimeout/1000 })
	answer, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || strings.Count(string(body), "data") != 3 {
		t.Errorf("%q, %v", body, err)
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	address := serving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }, nil)
	answered := func(conn net.Conn, within time.Duration) error {
		if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
			return err
		}
		_, err := bufio.NewReader(conn).ReadString('\n')
		return err
	}
	open := make([]net.Conn, mostConnections)
	for i := range open {
		open[i] = greedy(t, address)
		if err := answered(open[i], 10*time.Second); err != nil {
			t.Fatal(i, err)
		}
	}
	more := greedy(t, address)
	if err := answered(more, 200*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more than may be is answered: %v", err)
	}
	open[0].Close()
	if err := answered(more, 10*time.Second); err != nil {
		t.Errorf("one is free, and the next is not answered: %v", err)
	}
}

package service

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

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/listen"
)

// serving serves a handler on the address that it returns, as a service does, until the test ends. change may be nil.
func serving(t *testing.T, handler http.HandlerFunc, timings Timings, change func(*http.Server)) (address string) {
	t.Helper()
	on, err := listen.On("test", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	server := httpServer(ctx, handler, timings)
	if change != nil {
		change(server)
	}
	go func() { ended <- serve(ctx, on, server, timings.ShutdownTimeout) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return on.Addr().String()
}

// greedy opens a connection and asks for something on it.
func greedy(t *testing.T, address, path string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(bridgetest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestWhoeverTakesNothingIsLetGo(t *testing.T) {
	t.Parallel()
	gone := make(chan error, 1)
	address := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		page := strings.Repeat("x", 1<<20)
		for {
			if _, err := io.WriteString(w, page); err != nil {
				gone <- err
				return
			}
		}
	}, Timings{ReadHeader: time.Minute, Answer: 100 * time.Millisecond}, nil)
	greedy(t, address, "/")
	if err := <-gone; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestEventsAreSentForLongerThanAnAnswerMayTake(t *testing.T) {
	t.Parallel()
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
	}, Timings{ReadHeader: time.Minute, Answer: 30 * time.Millisecond}, nil)
	answer, err := http.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || strings.Count(string(body), "data") != 3 {
		t.Errorf("%q, %v", body, err)
	}
}

func TestWhoeverHoldsAllConnectionsKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	becameIdle := make(chan struct{}, maxConnections) // an answer is read before its connection counts as idle
	address := serving(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "here")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/busy" {
			<-r.Context().Done()
		}
	}, DefaultTimings, func(s *http.Server) {
		note := s.ConnState
		s.ConnState = func(conn net.Conn, state http.ConnState) {
			note(conn, state)
			if state == http.StateIdle {
				becameIdle <- struct{}{}
			}
		}
	})
	ask := func(path string) (net.Conn, *bufio.Reader) {
		t.Helper()
		conn := greedy(t, address, path)
		reader := bufio.NewReader(conn)
		for line := ""; line != "here\r\n"; {
			var err error
			if line, err = reader.ReadString('\n'); err != nil {
				t.Fatalf("%s is not answered: %v", path, err)
			}
		}
		return conn, reader
	}
	var busy, idle []net.Conn
	for range maxConnections - 2 {
		conn, _ := ask("/busy")
		busy = append(busy, conn)
	}
	for range 2 {
		conn, reader := ask("/")
		if _, err := reader.ReadString('\n'); err != nil { // the end of the last chunk
			t.Fatal(err)
		}
		<-becameIdle
		idle = append(idle, conn)
	}
	for range 3 {
		ask("/busy")
	}
	for name, conn := range map[string]net.Conn{"the first idle one": idle[0], "the second idle one": idle[1], "the first busy one": busy[0]} {
		if err := conn.SetReadDeadline(time.Now().Add(bridgetest.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s still has its place", name)
		}
	}
}

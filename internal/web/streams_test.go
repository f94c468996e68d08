package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/status"
)

// paper is a response that remembers when which event was written, in the time of a bubble.
type paper struct {
	header    http.Header
	written   []string
	deadlines int
}

func (p *paper) Header() http.Header { return p.header }
func (p *paper) WriteHeader(int)     {}
func (p *paper) FlushError() error   { return nil }

func (p *paper) SetWriteDeadline(time.Time) error {
	p.deadlines++
	return nil
}

func (p *paper) Write(b []byte) (int, error) {
	p.written = append(p.written, strings.SplitN(string(b), "\n", 2)[0][:6])
	return len(b), nil
}

// inBubble lets a stream run in fake time while during does what it does, and gives what was written.
func inBubble(t *testing.T, during func(source *fake)) (written []string) {
	synctest.Test(t, func(t *testing.T) {
		source := newFake(calm(time.Now().UTC()))
		p := &paper{header: http.Header{}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			Handler(source, Options{}).ServeHTTP(p, httptest.NewRequest("GET", "/events", nil).WithContext(ctx))
		}()
		during(source)
		cancel()
		<-done
		if p.deadlines != len(p.written) {
			t.Errorf("%d deadlines for %d events", p.deadlines, len(p.written))
		}
		written = p.written
	})
	return written
}

func TestPictureIsSentOnceASecondAtMost(t *testing.T) {
	written := inBubble(t, func(source *fake) {
		for i := range 350 { // one change every 10 ms for three seconds and a half
			source.change(func(s *status.Status, _ *status.Recent) {
				s.Feeds = append(s.Feeds[:0:0], s.Feeds...)
				s.Feeds[0].Rows = uint64(i)
			})
			time.Sleep(10 * time.Millisecond)
		}
	})
	if len(written) != 4 {
		t.Errorf("%d pictures in three seconds and a half", len(written))
	}
}

func TestQuietStreamBeats(t *testing.T) {
	written := inBubble(t, func(*fake) { time.Sleep(47 * time.Second) })
	if got := fmt.Sprint(written); got != "[data:  : stil : stil : stil]" {
		t.Errorf("written in 47 seconds of silence: %s", got)
	}
}

func TestChangeThatChangesNothingIsNotSent(t *testing.T) {
	written := inBubble(t, func(source *fake) {
		for range 5 {
			time.Sleep(2 * time.Second)
			source.change(func(*status.Status, *status.Recent) {})
		}
	})
	if len(written) != 1 {
		t.Errorf("%d pictures of which all are the same", len(written))
	}
}

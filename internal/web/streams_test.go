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
			Handler(source, Options{Poll: 5 * time.Minute}).ServeHTTP(p, httptest.NewRequest("GET", "/events", nil).WithContext(ctx))
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
		for range 70 {
			time.Sleep(500 * time.Millisecond)
			source.change(func(*status.Status, *status.Recent) {})
		}
	})
	if got := fmt.Sprint(written); got != "[data:  : stil : stil]" { // a page that hears nothing for 40 seconds gives the connection up
		t.Errorf("written in 35 seconds of changes that cannot be seen: %s", got)
	}
}

// TestVerdictIsSentWhenTheClockChangesIt: three intervals after the last poll, 40 s before, nothing else tells of the standstill.
func TestVerdictIsSentWhenTheClockChangesIt(t *testing.T) {
	written := inBubble(t, func(*fake) { time.Sleep(15*time.Minute - 33*time.Second) })
	if got := len(written); got != 1+57+1 || written[57] != ": stil" || written[58] != "data: " {
		t.Errorf("%d events, the last of them %v", got, written[max(0, got-2):])
	}
}

// TestPagesShareWhatTheySee: a hundred open pages cost the bridge one drawing a change.
func TestPagesShareWhatTheySee(t *testing.T) {
	source := &counting{fake: newFake(calm(time.Now().UTC()))}
	p := &picture{source: source}
	for range 100 {
		if _, err := p.parts(choice{}, source.Changed()); err != nil {
			t.Fatal(err)
		}
	}
	if source.drawn != 1 {
		t.Errorf("drawn %d times for pages that see the same", source.drawn)
	}
	source.change(func(s *status.Status, _ *status.Recent) { s.Feeds = s.Feeds[:1] })
	after, err := p.parts(choice{}, source.Changed())
	if err != nil || source.drawn != 2 || strings.Contains(string(after["feeds"]), "alarms") {
		t.Errorf("after a change: drawn %d times, %s, %v", source.drawn, after["feeds"], err)
	}
}

// counting counts how often its picture is drawn.
type counting struct {
	*fake
	drawn int
}

func (c *counting) Status() status.Status {
	c.drawn++
	return c.fake.Status()
}

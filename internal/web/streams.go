package web

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"saveris-bridge/internal/sleep"
)

// streams are the pages that are open.
type streams struct {
	picture *picture
	pace    pace
	slots   chan struct{}
}

// ServeHTTP keeps one page alive until it is closed, or takes nothing for too long.
func (s *streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, fmt.Sprintf("%d pages are open, which is as many as may be; /status.json still answers", cap(s.slots)), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return
	}
	one := &stream{writer: w, control: http.NewResponseController(w), pace: s.pace, sent: map[string][sha256.Size]byte{}}
	_ = one.run(r.Context(), s.picture, chosen(r.URL.Query())) // the reader is gone; there is nobody to tell
}

// stream is one open page, of one goroutine.
type stream struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	pace    pace
	sent    map[string][sha256.Size]byte // parts, as the page has them
	told    time.Time                    // when it was sent something last
}

// run sends the picture at once and whenever it changes, and returns the reason of the end.
func (s *stream) run(ctx context.Context, p *picture, c choice) error {
	for {
		changed := p.source.Changed() // before looking, so that nothing falls in between
		all, err := p.parts(c, changed)
		if err != nil {
			return err
		}
		judged, err := json.Marshal(p.verdict())
		if err != nil {
			return err
		}
		if err := s.picture(all, judged); err != nil {
			return err
		}
		if err := sleep.For(ctx, s.pace.gap); err != nil {
			return err
		}
		if err := s.wait(ctx, p, changed); err != nil {
			return err
		}
	}
}

// picture sends the parts that the page does not have yet, and the verdict where it is another.
func (s *stream) picture(all parts, judged json.RawMessage) error {
	news := map[string]any{}
	offer := func(name string, part json.RawMessage) {
		if sum := sha256.Sum256(part); sum != s.sent[name] {
			news[name], s.sent[name] = part, sum
		}
	}
	for name, part := range all {
		offer(name, part)
	}
	offer(judgement, judged)
	if len(news) == 0 {
		return nil
	}
	news["at"] = time.Now().UTC()
	data, err := json.Marshal(news)
	if err != nil {
		return err
	}
	return s.send("data: %s\n\n", data)
}

// judgement is the name of the part that time alone may change.
const judgement = "verdict"

// otherwise reports whether the verdict is another than the page has.
func (s *stream) otherwise(p *picture) bool {
	judged, err := json.Marshal(p.verdict())
	return err == nil && sha256.Sum256(judged) != s.sent[judgement]
}

// wait returns when something has changed, or the verdict has by the clock. Until then, and also where changes change nothing that is seen, it lets the page
// know that the connection lives.
func (s *stream) wait(ctx context.Context, p *picture, changed <-chan struct{}) error {
	look := time.NewTicker(s.pace.look)
	defer look.Stop()
	for {
		quiet := time.Until(s.told.Add(s.pace.beat))
		if quiet <= 0 {
			if err := s.send(": still here\nevent: beat\ndata: {\"at\":%q}\n\n", time.Now().UTC().Format(time.RFC3339Nano)); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			return nil
		case <-look.C:
			if s.otherwise(p) {
				return nil
			}
		case <-time.After(quiet):
		}
	}
}

// send writes one event, for which the reader has as long as patience lasts.
func (s *stream) send(format string, data any) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.pace.patience)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.writer, format, data); err != nil {
		return err
	}
	s.told = time.Now()
	return s.control.Flush()
}

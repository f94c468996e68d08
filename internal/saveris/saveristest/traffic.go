package saveristest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Exchange is one request and its answer, as both went over the wire.
type Exchange struct {
	Kind, Feed string // as Server.Count names them
	Version    int    // of the endpoint

	At      time.Time // of the request, by the vendor's clock
	Method  string
	Path    string // with the query
	Header  http.Header
	Sent    []byte
	Started bool // a query was started

	Status int // 0 where the connection was broken off
	Answer http.Header
	Body   []byte
}

// Traffic is what a server was asked and has answered, in the order of the answers.
type Traffic []Exchange

// Traffic returns what was exchanged so far. Without Config.Watch it is empty. It
// waits for answers that are on their way.
func (s *Server) Traffic() Traffic {
	s.answering.Lock()
	defer s.answering.Unlock()
	return slices.Clone(s.traffic)
}

// watch notes what goes through an exchange until end is called.
func (x *exchange) watch() (end func()) {
	x.s.answering.RLock()
	seen := &Exchange{Kind: x.op.kind, Feed: x.op.feed, Version: x.op.version, At: x.now,
		Method: x.r.Method, Path: x.r.URL.RequestURI(), Header: x.r.Header.Clone()}
	seen.Sent, _ = io.ReadAll(io.LimitReader(x.r.Body, 1<<20)) // also where nobody here would read it
	x.r.Body = io.NopCloser(bytes.NewReader(seen.Sent))
	w := &watched{ResponseWriter: x.w, seen: seen}
	x.w = w
	return func() {
		seen.Answer, seen.Started = x.w.Header().Clone(), x.started
		x.s.mu.Lock()
		x.s.traffic = append(x.s.traffic, *seen)
		x.s.mu.Unlock()
		x.s.answering.RUnlock()
	}
}

// watched is a writer of answers that notes them.
type watched struct {
	http.ResponseWriter
	seen *Exchange
}

// Unwrap is for http.ResponseController.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) WriteHeader(status int) {
	w.seen.Status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	w.seen.Body = append(w.seen.Body, p...)
	return w.ResponseWriter.Write(p)
}

// of returns the exchanges of a kind, and of a feed where one is named.
func (t Traffic) of(kind, feed string) Traffic {
	return slices.DeleteFunc(slices.Clone(t), func(e Exchange) bool { return e.Kind != kind || feed != "" && e.Feed != feed })
}

// with returns the exchanges that a condition holds for.
func (t Traffic) with(holds func(Exchange) bool) Traffic {
	return slices.DeleteFunc(slices.Clone(t), func(e Exchange) bool { return !holds(e) })
}

// any reports whether a condition holds for one of the exchanges.
func (t Traffic) any(holds func(Exchange) bool) bool { return slices.ContainsFunc(t, holds) }

// packed reports whether the body is compressed.
func (e Exchange) packed() bool { return bytes.HasPrefix(e.Body, []byte("\x1f\x8b")) }

// text is the body, unpacked.
func (e Exchange) text() string {
	if !e.packed() {
		return string(e.Body)
	}
	zip, err := gzip.NewReader(bytes.NewReader(e.Body))
	if err != nil {
		return ""
	}
	text, _ := io.ReadAll(zip) // what was cut is read as far as it goes
	return string(text)
}

// json is the body as an object.
func (e Exchange) json() map[string]any {
	var object map[string]any
	_ = json.Unmarshal([]byte(e.text()), &object)
	return object
}

// word is the status in a body, as it is spelled.
func (e Exchange) word() string {
	word, _ := e.json()["status"].(string)
	return word
}

func (e Exchange) says(word string) bool {
	return strings.EqualFold(strings.TrimSpace(e.word()), word)
}

// shape names the form of an error body as the switches do: 400B, 403A, 403, 500B, …
func (e Exchange) shape() string {
	status := strings.TrimSpace(http.StatusText(e.Status))
	switch {
	case status == "" || e.Status == http.StatusOK:
		return ""
	case len(e.Body) == 0:
		return number(int64(e.Status)).text
	case strings.Contains(e.Answer.Get("Content-Type"), "problem"):
		return number(int64(e.Status)).text + "A"
	}
	return number(int64(e.Status)).text + "B"
}

// files are the downloads of results of a feed, in CSV or JSON, that were answered in full.
func (t Traffic) files(feed, format string) Traffic {
	return t.of("download", feed).with(func(e Exchange) bool {
		path, _, _ := strings.Cut(e.Path, "?")
		return e.Status == http.StatusOK && strings.HasSuffix(path, "."+format)
	})
}

// texts are all files together.
func (t Traffic) texts(feed, format string) string {
	var b strings.Builder
	for _, e := range t.files(feed, format) {
		b.WriteString(e.text() + "\n")
	}
	return b.String()
}

// rows are the rows of all JSON files, whatever they are wrapped in.
func (t Traffic) rows(feed string) (rows []map[string]any) {
	for _, e := range t.files(feed, "json") {
		for d := json.NewDecoder(strings.NewReader(e.text())); ; {
			var value any
			if d.Decode(&value) != nil {
				break
			}
			rows = append(rows, rowsIn(value)...)
		}
	}
	return rows
}

func rowsIn(value any) (rows []map[string]any) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			rows = append(rows, rowsIn(one)...)
		}
	case map[string]any:
		if len(v) > 9 {
			return []map[string]any{v}
		}
		for _, one := range v {
			rows = append(rows, rowsIn(one)...)
		}
	}
	return rows
}

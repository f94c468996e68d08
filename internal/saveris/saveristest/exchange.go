package saveristest

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// scheme is who checks the credentials (document 3.2).
type scheme byte

const (
	schemeC scheme = iota // the gateway, against Cognito
	schemeJ               // a custom authorizer
)

// operation is what a request asks for.
type operation struct {
	kind    string // token, submit, poll, download, sync, options, unknown, retired, moved
	feed    string
	version int
	scheme  scheme
	takes   takes
	id      string // request_uuid
	file    string
}

// is reports whether on, as in "submit" or "submit.alarms", names the operation.
func (o operation) is(on string) bool {
	return on == "" || on == o.kind || on == o.kind+"."+o.feed
}

const filesPrefix = "/saveris-data-exports/exports/"

// route finds the operation of a request.
func (s *Server) route(r *http.Request, sw *Switches) operation {
	if rest, ok := strings.CutPrefix(r.URL.Path, filesPrefix); ok && r.Method == http.MethodGet {
		id, file, _ := strings.Cut(rest, "/")
		return operation{kind: "download", id: id, file: file, feed: s.feedOf(id)}
	}
	path, hop := strings.CutPrefix(r.URL.Path, movedTo)
	if sw.Redirect != "off" && (!hop || sw.RedirectTo == "loop") {
		return operation{kind: "moved"}
	}
	path = strings.TrimPrefix(path, "/") // a second slash is another path
	if path == "v1/token" {
		if r.Method == http.MethodPost {
			return operation{kind: "token"}
		}
		return operation{kind: "unknown"}
	}
	op, id, known := endpoint(path)
	op.id, op.kind = id, "unknown"
	switch {
	case !known:
	case r.Method == http.MethodOptions:
		op.kind = "options"
	case r.Method == http.MethodPost && id == "" && op.takes != takesNothing:
		op.kind = "submit"
	case r.Method == http.MethodGet && id != "":
		op.kind = "poll"
	case r.Method == http.MethodGet && (op.takes == takesNothing || op.undocumentedSync() && sw.Sync != "off"):
		op.kind = "sync"
	}
	if op.isRetired(sw) {
		op.kind = "retired"
	}
	return op
}

// undocumentedSync reports whether rows may be had here in one call, of which the document knows nothing.
func (o operation) undocumentedSync() bool {
	return o.version == 1 && (o.feed == FeedMeasurements || o.feed == FeedAlarms)
}

// exchange is one request on its way to an answer.
type exchange struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	now    time.Time // of the vendor's clock
	sw     *Switches
	faults *Faults
	op     operation
	fault  Fault

	started bool // a query
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	set := s.settings.Load()
	x := &exchange{s: s, w: w, r: r, now: s.cfg.Now(), sw: &set.sw, faults: &set.faults}
	x.op = s.route(r, x.sw)
	if s.cfg.Watch {
		defer x.watch()()
	}
	x.date()
	s.count(x.op)
	switch x.op.kind {
	case "moved":
		x.redirect()
		return
	case "options":
		x.options()
		return
	case "unknown":
		x.unknownPath()
		return
	case "retired":
		x.retired()
		return
	}
	x.announce()
	if s.throttled(x.now, x.sw) {
		x.tooMany(x.sw.Throttle, x.sw.ThrottleRetryAfter)
		return
	}
	x.fault = s.pickFault(x.op, set.faults)
	if !x.broken() {
		x.answer()
	}
}

// date sets the vendor's Date, which net/http would set to its own.
func (x *exchange) date() {
	text := x.now.UTC().Format(http.TimeFormat)
	switch x.sw.DateHeader {
	case "missing":
		x.w.Header()["Date"] = nil
		return
	case "frozen":
		text = x.s.began.UTC().Format(http.TimeFormat)
	case "garbage":
		text = "yesterday"
	}
	x.w.Header().Set("Date", text)
}

func (x *exchange) answer() {
	switch x.op.kind {
	case "token":
		x.login()
	case "download":
		x.download()
	default:
		if !x.authorized() {
			return
		}
		switch x.op.kind {
		case "submit":
			x.submit()
		case "poll":
			x.poll()
		case "sync":
			if x.op.takes == takesNothing {
				x.fleetSync()
			} else {
				x.sync()
			}
		}
	}
}

func (s *Server) count(op operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[op.kind]++
	if op.feed != "" {
		s.counts[op.kind+"."+op.feed]++
	}
}

// broken answers in place of the operation if a fault says so.
func (x *exchange) broken() bool {
	switch x.fault.Kind {
	case FaultTooMany:
		x.tooMany("Too Many Requests", x.fault.Wait)
	case FaultTooManyWait:
		x.tooMany("Too Many Requests", x.fault.wait(time.Second))
	case FaultInternal:
		if x.op.kind == "download" {
			x.s3(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.", "")
		} else {
			x.backendError(http.StatusInternalServerError, "Unexpected error.")
		}
	case FaultUnavailable:
		if x.op.kind == "download" {
			x.s3(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", "")
		} else {
			x.page(http.StatusServiceUnavailable)
		}
	case FaultBadGateway:
		x.page(http.StatusBadGateway)
	case FaultTimeout:
		x.gatewayTimeout()
	case FaultReset:
		x.reset()
	case FaultHang:
		x.hang()
	default:
		return false
	}
	return true
}

// options is the gateway's CORS mock (document 4.5).
func (x *exchange) options() {
	h := x.w.Header()
	h.Set("Access-Control-Allow-Origin", "https://api-docs.eu.i.savr.saveris.net")
	h.Set("Access-Control-Allow-Methods", "*")
	h.Set("Access-Control-Allow-Headers", "Content-Type,X-Amz-Date,Authorization,X-Api-Key,X-Amz-Security-Token")
	x.ok([]byte("{}"))
}

func (x *exchange) ok(body []byte) { x.reply(http.StatusOK, "application/json", body) }

// reply writes a whole answer, slowly under FaultSlow.
func (x *exchange) reply(status int, contentType string, body []byte) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	x.write(body)
}

// write reports whether all of body was written; under FaultSlow it goes out in
// ten pieces.
func (x *exchange) write(body []byte) bool {
	if x.fault.Kind == FaultSlow {
		pause := x.fault.wait(2*time.Second) / 10
		for size := len(body)/10 + 1; len(body) > size; body = body[size:] {
			if _, err := x.w.Write(body[:size]); err != nil {
				return false
			}
			http.NewResponseController(x.w).Flush()
			if !x.pause(pause) {
				return false
			}
		}
	}
	_, err := x.w.Write(body)
	return err == nil
}

// pause waits in real time; false if client or server gave up.
func (x *exchange) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
	case <-x.s.done:
	}
	return false
}

// hang never answers; the connection ends with the client's patience.
func (x *exchange) hang() {
	select {
	case <-x.r.Context().Done():
	case <-x.s.done:
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection with a TCP reset.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}

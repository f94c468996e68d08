package saveristest

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// export is one started query. The second block is guarded by Server.mu.
type export struct {
	id      string
	op      operation
	query   query
	created time.Time
	ready   time.Time
	never   bool   // runs for ever
	failure string // cause; empty = it will succeed
	empty   bool   // range.too_long=empty and the like

	missed    int      // downloads that found nothing, for file.appears
	files     int      // how many result files; -1 = not decided yet
	objects   bool     // one row a file
	urls      []string // of the first completed answer, for poll.fresh_urls=no
	forgotten bool
}

// submit answers the POST of an export (document 6).
func (x *exchange) submit() {
	body, detail := x.jsonBody()
	if detail == "" {
		detail = validate(body, x.op.takes)
	}
	if detail != "" && (x.typed() || body == nil) {
		x.badBody(detail)
		return
	}
	e := x.newExport()
	if !x.fillQuery(e, body) {
		return
	}
	if x.lostPost(e) {
		return
	}
	answer := toJSON(map[string]string{"status": x.word(x.sw.PostStatus), "request_uuid": e.id})
	x.keep(e)
	x.ok(answer)
}

// lostPost answers 504, with or without a started query.
func (x *exchange) lostPost(e *export) bool {
	x.s.mu.Lock()
	other := x.s.counts["submit"]%2 == 1
	x.s.mu.Unlock()
	started := x.fault.Kind == FaultTimeoutStart || other && x.sw.Post504 == "started"
	if started {
		x.keep(e)
	}
	if started || other && x.sw.Post504 == "lost" {
		x.gatewayTimeout()
		return true
	}
	return false
}

// newExport draws id and running time. Ids are random, not seeded: a restarted
// vendor must not know the ids of the one before.
func (x *exchange) newExport() *export {
	var b [24]byte
	rand.Read(b[:])
	e := &export{
		id: uuid(binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:16])),
		op: x.op, created: x.now, files: -1,
	}
	low, high, _ := parseLatency(x.sw.QueryLatency)
	e.never = high < 0
	e.ready = x.now.Add(low + time.Duration(share(binary.LittleEndian.Uint64(b[16:]))*float64(max(0, high-low))))
	if x.fault.Kind == FaultQueryError {
		e.failure = "Query failed."
	}
	return e
}

// fillQuery reads the body into e; false if it was answered with an error.
func (x *exchange) fillQuery(e *export, body map[string]any) bool {
	text := func(object map[string]any, name string) string { s, _ := object[name].(string); return s }
	e.query = query{feed: x.op.feed, version: x.op.version, asOf: x.now}
	if x.op.takes.ranged() {
		from, until, err := timeRange(text(body, "date_time_from"), text(body, "date_time_until"), x.now)
		if err != nil {
			x.backendError(http.StatusBadRequest, err.Error())
			return false
		}
		e.query.from, e.query.until = from, until
	}
	options, _ := body["options"].(map[string]any)
	switch format := text(options, "result_file_format"); format {
	case "", "CSV":
		e.query.csv = true
	case "JSON":
	default: // real, but columnar and binary: nobody here reads them
		e.failure = "Format " + format + " is not offered by the simulator."
	}
	x.s.keepFiles(&e.query, e.id)
	if x.op.takes.ranged() && !x.checkRange(e) {
		return false
	}
	odata, _ := body["odata"].(map[string]any)
	return !x.op.takes.odata() || x.checkOData(e, odata)
}

// checkRange applies the range switches; false if it answered.
func (x *exchange) checkRange(e *export) bool {
	rule, message := x.rangeRule(e.query.from, e.query.until)
	switch rule {
	case "Error":
		e.failure = message
	case "empty":
		e.empty = true
	}
	return !x.shape(rule, message)
}

// rangeRule says what a range of this length is answered with.
func (x *exchange) rangeRule(from, until time.Time) (rule, message string) {
	switch length := until.Sub(from); {
	case length <= 0:
		return x.sw.RangeReversed, "Invalid request: date_time_from must be before date_time_until."
	case length > rangeMax:
		return x.sw.RangeTooLong, "Invalid request: the range must not exceed 7 days."
	case length < rangeMin:
		return x.sw.RangeTooShort, "Invalid request: the range must be at least 5 minutes."
	}
	return "accepted", ""
}

func (x *exchange) checkOData(e *export, odata map[string]any) bool {
	bad := unknownColumn(x.sw, x.op, odata)
	if bad == "" {
		choice, _ := odata["$select"].(string)
		e.query.choice = identifiers(choice)
		return true
	}
	message := fmt.Sprintf("Invalid request: unknown column %s.", bad)
	if x.sw.ODataBadColumn == "Error" {
		e.failure = message
		return true
	}
	return !x.shape(x.sw.ODataBadColumn, message)
}

// keep remembers the export and drops those that nobody can ask for any more.
func (x *exchange) keep(e *export) {
	x.started = true
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	for id, old := range x.s.exports {
		if x.now.Sub(old.created) > x.sw.RequestLife+x.sw.URLLife {
			delete(x.s.exports, id)
		}
	}
	x.s.exports[e.id] = e
	running := 0
	for _, e := range x.s.exports {
		if e.never || x.now.Before(e.ready) {
			running++
		}
	}
	x.s.mostRunning = max(x.s.mostRunning, running)
}

// MostRunning returns how many queries have run at the same time at most.
func (s *Server) MostRunning() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mostRunning
}

// ForgetRequests makes every request_uuid that was given out so far an unknown
// one. Files that have a link already stay.
func (s *Server) ForgetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.exports {
		e.forgotten = true
	}
}

func (s *Server) feedOf(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.exports[id]; e != nil {
		return e.op.feed
	}
	return ""
}

// lookup finds the export of a poll; nil if it is unknown, too old or of another path.
func (x *exchange) lookup() *export {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	e := x.s.exports[x.op.id]
	if e == nil {
		return nil
	}
	if x.fault.Kind == FaultForgotten {
		e.forgotten = true
	}
	other := e.op.feed != x.op.feed || e.op.version != x.op.version
	if e.forgotten || x.now.Sub(e.created) >= x.sw.RequestLife || other && x.sw.RequestOther == "unknown" {
		return nil
	}
	return e
}

// poll answers the GET of an export.
func (x *exchange) poll() {
	e := x.lookup()
	switch {
	case e == nil:
		x.unknownRequest()
	case e.never || x.now.Before(e.ready):
		x.waiting()
	case e.failure != "":
		x.failedQuery(e.failure)
	default:
		x.completed(e)
	}
}

func (x *exchange) unknownRequest() {
	const message = "Request not found."
	switch x.sw.RequestUnknown {
	case "403":
		x.denied()
	case "404":
		x.backendError(http.StatusNotFound, message)
	case "500":
		x.backendError(http.StatusInternalServerError, message)
	case "Error":
		x.failedQuery(message)
	default:
		x.backendError(http.StatusBadRequest, message)
	}
}

func (x *exchange) waiting() {
	var members []string
	switch word := x.sw.PollWaitingWord; word {
	case "absent":
	case "unknown":
		members = append(members, `"status": "`+x.word("Preparing")+`"`)
	default:
		members = append(members, `"status": "`+x.word(word)+`"`)
	}
	if x.sw.PendingDataURLs != "missing" {
		members = append(members, `"data_urls": `+x.sw.PendingDataURLs)
	}
	x.ok([]byte("{" + strings.Join(members, ", ") + "}"))
}

func (x *exchange) failedQuery(cause string) {
	if x.sw.QueryFailure == "500B" {
		x.backendError(http.StatusInternalServerError, cause)
		return
	}
	body := `{"status": "` + x.word(x.sw.QueryFailure) + `"`
	if x.sw.QueryFailText != "absent" {
		body += `, "` + x.sw.QueryFailText + `": ` + string(appendString(nil, cause))
	}
	x.ok([]byte(body + "}"))
}

// completed lists the files (document 6).
func (x *exchange) completed(e *export) {
	urls := x.links(e)
	body := map[string]any{"status": x.word("Completed")}
	name, value := x.shapeLinks(urls)
	body[name] = value
	if len(urls) == 0 {
		switch x.sw.EmptyResult {
		case "missing":
			delete(body, name)
		case "null":
			body[name] = nil
		}
	}
	if x.sw.MetadataURL == "present" {
		body["metadata_url"] = x.link(e.id, "result.csv.metadata")
	}
	if x.sw.XFileContent == "present" {
		body["x-file-content"] = map[string]string{"uuid": uuidOf(1)}
	}
	answer := toJSON(body)
	x.ok(answer)
}

// shapeLinks is the member of a completed answer that holds the links.
func (x *exchange) shapeLinks(urls []string) (name string, value any) {
	each := func(wrap func(i int, url string) any) (list []any) {
		list = []any{}
		for i, url := range urls {
			list = append(list, wrap(i, url))
		}
		return list
	}
	switch x.sw.CompletedLinks {
	case "string":
		return "data_urls", strings.Join(urls, ", ")
	case "object":
		object := map[string]string{}
		for i, url := range urls {
			object[strconv.Itoa(i)] = url
		}
		return "data_urls", object
	case "objects":
		return "data_urls", each(func(i int, url string) any { return map[string]any{"href": url, "part": i} })
	case "camel":
		return "dataUrls", urls
	case "nested":
		return "result", map[string]any{"files": each(func(_ int, url string) any { return map[string]any{"location": map[string]string{"url": url}} })}
	case "other_name":
		return "files", urls
	case "keys":
		return "data_urls", each(func(i int, _ string) any { return map[string]any{"bucket": "saveris-data-exports", "key": i} })
	default:
		return "data_urls", urls
	}
}

// links signs one link a file, in no order unless file.order=sorted.
func (x *exchange) links(e *export) []string {
	n, _ := x.fileCount(e)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if e.urls != nil && x.sw.PollFreshURLs == "no" {
		return e.urls
	}
	urls := []string{}
	for i := range n {
		urls = append(urls, x.link(e.id, fileName(i, n, e.query.csv)))
	}
	if x.sw.FileOrder == "shuffled" && n > 1 {
		turn := int(e.query.salt % uint64(n))
		urls = append(slices.Clone(urls[turn:]), urls[:turn]...)
		slices.Reverse(urls)
	}
	e.urls = urls
	return urls
}

// word spells a status.
func (x *exchange) word(text string) string {
	switch x.sw.StatusCase {
	case "lower":
		return strings.ToLower(text)
	case "padded":
		return " " + text + "  "
	}
	return text
}

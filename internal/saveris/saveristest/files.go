package saveristest

import (
	"bytes"
	"crypto/hmac"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// objectsMax is the most rows that json.layout=object spreads over files of one
// row each; above it the files are lines.
const objectsMax = 100

// fileCount decides once how many files the result has, and whether each holds
// a single object.
func (x *exchange) fileCount(e *export) (n int, objects bool) {
	x.s.mu.Lock()
	n, objects = e.files, e.objects
	x.s.mu.Unlock()
	if n >= 0 {
		return n, objects
	}
	rows := 0
	if !e.empty {
		rows = x.s.atLeast(e.query, x.sw, objectsMax+1)
	}
	n = x.filesFor(e, rows)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if e.files < 0 {
		e.files, e.objects = n, !e.query.csv && x.sw.JSONLayout == "object" && rows <= objectsMax
	}
	return e.files, e.objects
}

func (x *exchange) filesFor(e *export, rows int) int {
	switch {
	case rows == 0 && (x.sw.EmptyResult == "header-only" || x.sw.EmptyResult == "blank"):
		return 1
	case rows == 0:
		return 0
	case !e.query.csv && x.sw.JSONLayout == "object" && rows <= objectsMax:
		return rows
	case x.sw.FileCount == "n":
		return x.sw.FileMax
	case x.sw.FileCount == "1" || e.query.csv:
		return 1
	}
	return 1 + int(mix(e.query.salt)%uint64(x.sw.FileMax))
}

// fileName is result.csv for one file, as in the vendor's example.
func fileName(i, n int, csv bool) string {
	ending := ".json"
	if csv {
		ending = ".csv"
	}
	if n == 1 {
		return "result" + ending
	}
	return fmt.Sprintf("result-%d%s", i, ending)
}

// link signs the address of a file, in the form of S3's pre-signed links; the
// signature is the server's own. The host is the one the client knows us by: the
// address we listen on may be of no use to it.
func (x *exchange) link(id, file string) string {
	path := filesPrefix + id + "/" + file
	q := url.Values{
		"X-Amz-Algorithm":      {"AWS4-HMAC-SHA256"},
		"X-Amz-Date":           {x.now.UTC().Format("20060102T150405Z")},
		"X-Amz-Expires":        {strconv.Itoa(int(x.sw.URLLife / time.Second))},
		"X-Amz-Security-Token": {strconv.FormatInt(x.s.linkEpoch.Load(), 10)},
		"X-Amz-SignedHeaders":  {"host"},
	}
	q.Set("X-Amz-Signature", x.s.sign(path+"?"+q.Encode()))
	return "http://" + x.r.Host + path + "?" + q.Encode()
}

// ExpireLinks makes every link that was given out so far an expired one.
func (s *Server) ExpireLinks() { s.linkEpoch.Add(1) }

// download answers the GET of a file as S3 does (document 13.4).
func (x *exchange) download() {
	if x.r.Header.Get("Authorization") != "" && x.sw.URLRejectsAuth == "yes" {
		x.s3(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified", "")
		return
	}
	if !x.linkGood() {
		return
	}
	x.s.mu.Lock()
	e := x.s.exports[x.op.id]
	x.s.mu.Unlock()
	if e == nil || x.fault.Kind == FaultNoSuchKey {
		x.s3(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "<Key>"+x.r.URL.Path[1:]+"</Key>")
		return
	}
	if x.notYet(e) {
		return
	}
	if strings.HasSuffix(x.op.file, ".metadata") {
		x.reply(http.StatusOK, "application/octet-stream", []byte("\x0a\x08metadata\x12\x00"))
		return
	}
	x.file(e)
}

// notYet answers the first downloads of an export as if its files were still to come.
func (x *exchange) notYet(e *export) bool {
	x.s.mu.Lock()
	e.missed++
	missed := e.missed
	x.s.mu.Unlock()
	switch {
	case missed > 2 || x.sw.FileAppears == "at once":
		return false
	case x.sw.FileAppears == "404 first":
		x.s3(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "<Key>"+x.r.URL.Path[1:]+"</Key>")
	default:
		x.s3(http.StatusForbidden, "AccessDenied", "Access Denied", "")
	}
	return true
}

// linkGood checks signature and life of the link, and answers if they are bad.
func (x *exchange) linkGood() bool {
	q := x.r.URL.Query()
	signature := q.Get("X-Amz-Signature")
	q.Del("X-Amz-Signature")
	if !hmac.Equal([]byte(signature), []byte(x.s.sign(x.r.URL.Path+"?"+q.Encode()))) {
		x.s3(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.", "")
		return false
	}
	signed, _ := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	life, _ := strconv.Atoi(q.Get("X-Amz-Expires"))
	ends := signed.Add(time.Duration(life) * time.Second)
	epoch := strconv.FormatInt(x.s.linkEpoch.Load(), 10)
	if x.fault.Kind != FaultExpiredLink && x.now.Before(ends) && q.Get("X-Amz-Security-Token") == epoch {
		return true
	}
	if x.sw.URLDeath == "ExpiredToken" {
		x.s3(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.", "")
		return false
	}
	x.s3(http.StatusForbidden, "AccessDenied", "Request has expired", fmt.Sprintf(
		"<X-Amz-Expires>%d</X-Amz-Expires><Expires>%s</Expires><ServerTime>%s</ServerTime>",
		life, ends.Format(time.RFC3339), x.now.UTC().Format(time.RFC3339)))
	return false
}

// file builds and sends one file. It is built in memory: S3 always names a length.
func (x *exchange) file(e *export) {
	n, objects := x.fileCount(e)
	q, body, rows := e.query, []byte(nil), &tally{}
	q.objects = objects
	zip := x.zipped(e) && x.sw.FileForm == "text"
	if !e.empty && n > 0 {
		i := x.fileNumber(n)
		body, rows = x.s.cfg.Cache.file(q, i, n, zip, func() ([]byte, *tally) { return x.s.render(q, x.sw, x.faults, i, n, zip) })
	}
	if len(body) == 0 && x.sw.EmptyResult != "blank" {
		out := sink{zipped: zip}
		out.write(emptyFile(q, x.sw))
		body = out.bytes()
	}
	if x.sw.FileForm != "text" {
		body, rows = disguise(x.sw.FileForm, body), &tally{}
	}
	if len(body) > 0 && zip && x.sw.GzipTail != "none" {
		body = tailed(x.sw.GzipTail, body)
	}
	if len(body) > 0 && zip && x.sw.FileGzip == "content-encoding" {
		x.w.Header().Set("Content-Encoding", "gzip")
	}
	contentType := "application/octet-stream"
	if e.query.csv && !zip {
		contentType = "text/csv"
	}
	x.deliver(body, contentType, e.op.feed, rows)
}

// fileNumber reads the number in result-2.json; a single file is number 0.
func (x *exchange) fileNumber(n int) int {
	name, _, _ := strings.Cut(x.op.file, ".")
	i, err := strconv.Atoi(strings.TrimPrefix(name, "result-"))
	if err != nil || i >= n {
		return 0
	}
	return i
}

// zipped decides about compression.
func (x *exchange) zipped(e *export) bool {
	switch x.sw.FileGzip {
	case "never":
		return false
	case "always", "content-encoding":
		return true
	case "mixed":
		return (spreadOf(x.op.file)^e.query.salt)&1 == 0
	}
	return !e.query.csv
}

// deliver sends rows and records them once their last byte has left.
func (x *exchange) deliver(body []byte, contentType, feed string, rows *tally) {
	switch x.fault.Kind {
	case FaultTruncate:
		body, rows = body[:insideRow(body)], nil
	case FaultCut:
		x.cut(body, contentType)
		return
	}
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(http.StatusOK)
	last := max(0, len(body)-1)
	if !x.write(body[:last]) {
		return
	}
	x.s.finishing.RLock()
	defer x.s.finishing.RUnlock()
	control := http.NewResponseController(x.w)
	control.SetWriteDeadline(time.Now().Add(5 * time.Second)) // Served waits for this
	_, err := x.w.Write(body[last:])
	if err == nil && control.Flush() == nil && rows != nil && x.s.cfg.Record {
		x.s.record(feed, rows)
	}
	control.SetWriteDeadline(time.Time{})
}

// insideRow is where a body of lines can end so that everybody can see that it is not whole: early in a row.
func insideRow(body []byte) int {
	from := bytes.LastIndexByte(body[:len(body)*2/3], '\n') + 1
	until := len(body)
	if end := bytes.IndexByte(body[from:], '\n'); end >= 0 {
		until = from + end
	}
	return from + (until-from)/3
}

// cut promises the whole body, sends half of it and drops the connection.
func (x *exchange) cut(body []byte, contentType string) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	x.w.WriteHeader(http.StatusOK)
	x.w.Write(body[:len(body)/2])
	http.NewResponseController(x.w).Flush()
	panic(http.ErrAbortHandler)
}

package saveristest

import (
	"net/http"
	"strconv"
	"time"
)

// newest are the versions of the export endpoints that the document does not call deprecated (4.2).
var newest = map[string]int{FeedMeasurements: 2, FeedAlarms: 3}

// isRetired reports whether the switch takes an export endpoint away.
func (o operation) isRetired(sw *Switches) bool {
	switch sw.Retired {
	case "newest":
		return o.version == newest[o.feed]
	case "older":
		return o.version != newest[o.feed]
	case "all", o.feed:
		return true
	}
	return false
}

// retired answers in place of an endpoint that is gone.
func (x *exchange) retired() {
	if x.sw.RetiredAnswer == "410" {
		x.fail(http.StatusGone, "application/json", `{"message":"Gone"}`)
		return
	}
	x.unknownPath()
}

// When endpoints are said to have been deprecated, and to end.
var (
	deprecatedAt = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	sunsetAt     = time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
)

// announce sets the headers of endpoints that will end: the document declares them on operations that it calls deprecated,
// without values (4.1).
func (x *exchange) announce() {
	if x.op.kind == "download" {
		return
	}
	old := x.op.kind == "sync" || x.op.feed != "" && x.op.version != newest[x.op.feed]
	h := x.w.Header()
	switch how := x.sw.Deprecation; {
	case how == "true", how == "document" && old:
		h.Set("Deprecation", "true")
	case how == "@":
		h.Set("Deprecation", "@"+strconv.FormatInt(deprecatedAt.Unix(), 10))
	case how == "date":
		h.Set("Deprecation", deprecatedAt.Format(http.TimeFormat))
	}
	switch how := x.sw.Sunset; {
	case how == "date", how == "document" && old:
		h.Set("Sunset", sunsetAt.Format(http.TimeFormat))
	case how == "garbage":
		h.Set("Sunset", "next year, perhaps")
	}
}

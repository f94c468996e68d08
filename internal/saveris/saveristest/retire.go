package saveristest

import (
	"net/http"
	"strconv"
	"time"
)

// newest are the versions of the export endpoints that the document does not call deprecated (4.2), and newestSync those of
// the answers in one call, which all are (4.3).
var (
	newest = map[string]int{FeedMeasurements: 2, FeedAlarms: 3, FeedTasks: 3, FeedProperties: 3, FeedDeviceStatus: 4, FeedSensorStatus: 4,
		FeedEquipments: 4, FeedTenants: 3, FeedLocations: 1, FeedMeasuringObjects: 1}
	newestSync = map[string]int{FeedProperties: 1, FeedDeviceStatus: 2, FeedSensorStatus: 2, FeedEquipments: 2, FeedTenants: 3}
)

// isRetired reports whether a switch takes an endpoint away.
func (o operation) isRetired(sw *Switches) bool {
	how, last := sw.Retired, newest[o.feed]
	switch {
	case o.kind == "sync" && o.takes == takesNothing:
		how, last = sw.SyncRetired, newestSync[o.feed]
	case o.kind != "submit" && o.kind != "poll":
		return false
	}
	switch how {
	case "newest":
		return o.version == last
	case "older":
		return o.version != last
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
// without values (4.1), but for two.
func (x *exchange) announce() {
	if x.op.kind == "download" {
		return
	}
	old := x.op.kind == "sync" || x.op.feed != "" && x.op.version != newest[x.op.feed]
	if x.op.kind != "sync" && x.op.version == 3 && (x.op.feed == FeedDeviceStatus || x.op.feed == FeedSensorStatus) {
		old = false
	}
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

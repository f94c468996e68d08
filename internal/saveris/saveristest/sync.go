package saveristest

import "net/http"

// sync answers GET /v1/measurements and GET /v1/alarms with date_time_from and
// date_time_until in the query. The vendor's general page describes such calls,
// the document of 2026-09 has none: sync=off is what a deployment without them
// does, and the same as for an unknown path.
func (x *exchange) sync() {
	form := x.r.URL.Query()
	from, until, err := timeRange(form.Get("date_time_from"), form.Get("date_time_until"), x.now)
	if err != nil {
		x.backendError(http.StatusBadRequest, err.Error())
		return
	}
	q := query{feed: x.op.feed, version: 2, from: from, until: until, asOf: x.now, salt: uint64(x.now.UnixNano()), turn: x.s.turns.next(x.op.feed)}
	if x.sw.SyncColumns == "v1" {
		q.version = 1
	}
	rule, message := x.rangeRule(from, until)
	if rule == "Error" {
		rule = "500B"
	}
	if x.shape(rule, message) {
		return
	}
	x.syncRows(q, rule == "empty")
}

func (x *exchange) syncRows(q query, empty bool) {
	sw := *x.sw
	sw.JSONLayout, sw.FileNewline = "array", "no"
	body, rows := []byte(nil), &tally{}
	if !empty {
		body, rows = x.s.render(q, &sw, x.faults, 0, 1, false)
	}
	if len(body) == 0 {
		body = []byte("[]")
	}
	if x.sw.Sync == "object" {
		body = append(append([]byte(`{"`+q.feed+`": `), body...), '}')
	}
	if len(body) > x.sw.SyncLimit {
		x.problem(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "Request Too Long", nil)
		return
	}
	x.deliver(body, "application/json", q.feed, rows)
}

package saveris

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// list is a synchronous answer that has begun.
type list struct {
	io.Closer
	op   string
	rows *decoder
}

// prepareSync asks for the window in one GET. The vendor's document of 2026-09 has no such endpoint, his general pages do.
func (c *Client) prepareSync(ctx context.Context, q *Query) (*Result, error) {
	from, until := q.bounds()
	op := "read " + string(q.Feed)
	known, _ := c.syncs.Load(q.Feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: "/v1/" + string(q.Feed),
		trial: known != syncOffered && c.cfg.Sync != SyncAlways, query: url.Values{"date_time_from": {from}, "date_time_until": {until}}})
	if err != nil {
		return nil, tooLarge(err)
	}
	d, err := openList(ans.Body, q.Feed)
	if err != nil {
		ans.Body.Close()
		return nil, c.readError(ctx, op, err)
	}
	asked, _ := c.clock.vendorTime(ans.sent)
	return &Result{Endpoint: "/v1/" + string(q.Feed), AskedAt: asked, Route: RouteSync, client: c, query: *q, list: &list{ans.Body, op, d}}, nil
}

// readList reads the rows of a synchronous answer.
func (r *Result) readList(ctx context.Context, each func(*Row) error) (int, error) {
	n, err := r.list.rows.readList(each)
	if err != nil {
		err = r.client.readError(ctx, r.list.op, err)
		if errors.Is(err, ErrNotUnderstood) { // an export may do better, but rows of this were handed over
			r.client.syncs.Store(r.query.Feed, syncMissing)
		}
		return 0, err
	}
	r.client.syncs.Store(r.query.Feed, syncOffered)
	return n, nil
}

// What is known of a feed's synchronous endpoint; nothing until it has been tried.
const (
	syncOffered = "offered"
	syncMissing = "missing"
)

// tooLarge says what a 413 means.
func tooLarge(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusRequestEntityTooLarge {
		e.Err = ErrTooLarge
	}
	return err
}

// exportInstead reports whether an export may do what the synchronous route did not, and remembers where there is no such
// route at all, or none for this user. That costs one request: any answer to the first one is final but for those that
// speak of the window or of the moment.
func (c *Client) exportInstead(feed Feed, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	known, _ := c.syncs.Load(feed)
	offered := known == syncOffered
	switch {
	case e.noSuchPath(), e.Status == http.StatusNotFound, errors.Is(err, errNoList),
		e.Status == http.StatusForbidden && e.Kind != "WAF_FILTERED", !offered && e.Status < 500 && !e.ofTheMoment():
		c.syncs.Store(feed, syncMissing)
		return true
	}
	return (e.Status >= 400 || e.withoutList()) && (!offered || e.Status != http.StatusUnauthorized)
}

// withoutList: an answer that is neither a list nor a refusal, like 204, which says nothing of the window.
func (e *Error) withoutList() bool { return e.Status > http.StatusOK && e.Status < 300 }

package saveris

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// sync asks for the window in one GET. The vendor's document of 2026-09 has no such endpoint, his general pages do.
func (c *Client) sync(ctx context.Context, q *Query, each func(*Row) error) (Answer, error) {
	from, until := q.bounds()
	op := "read " + string(q.Feed)
	known, _ := c.syncs.Load(q.Feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: "/v1/" + string(q.Feed),
		trial: known != syncOffered && c.cfg.Sync != SyncAlways, query: url.Values{"date_time_from": {from}, "date_time_until": {until}}})
	if err != nil {
		return Answer{}, tooLarge(err)
	}
	defer ans.Body.Close()
	asked, _ := c.clock.tell(ans.sent)
	waited := false
	n, err := decodeList(ans.Body, q.Feed, func(row *Row) error {
		if !waited { // not before the first row: an answer that holds none may lead to an export, which waits for a slot
			if err := q.ready(ctx); err != nil {
				return err
			}
			waited = true
		}
		return each(row)
	})
	if err != nil {
		return Answer{}, c.readError(ctx, op, err)
	}
	c.syncs.Store(q.Feed, syncOffered)
	return Answer{Endpoint: "/v1/" + string(q.Feed), AskedAt: asked, Route: RouteSync, Rows: n}, nil
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
	case errors.Is(err, ErrNotUnderstood) && !errors.Is(err, errNoList): // rows of it were handed over: not in this call
		c.syncs.Store(feed, syncMissing)
		return false
	case e.noSuchPath(), e.Status == http.StatusNotFound, errors.Is(err, errNoList),
		e.Status == http.StatusForbidden && e.Kind != "WAF_FILTERED", !offered && e.Status < 500 && !e.ofTheMoment():
		c.syncs.Store(feed, syncMissing)
		return true
	}
	return e.Status >= 400 && (!offered || e.Status != http.StatusUnauthorized)
}

// readError is the failure of reading an answer's or a file's rows.
func (c *Client) readError(ctx context.Context, op string, err error) error {
	var mine callerError
	switch {
	case errors.As(err, &mine):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return c.broken(op, err)
	}
}

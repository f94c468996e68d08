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
	ans, err := c.call(ctx, call{op: op, method: http.MethodGet, path: "/v1/" + string(q.Feed),
		query: url.Values{"date_time_from": {from}, "date_time_until": {until}}})
	if err != nil {
		return Answer{}, tooLarge(err)
	}
	defer ans.Body.Close()
	asked, _ := c.clock.tell(ans.sent)
	waited := false
	n, err := decodeList(ans.Body, func(row *Row) error {
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
	return Answer{AskedAt: asked, Route: RouteSync, Rows: n}, nil
}

// tooLarge says what a 413 means.
func tooLarge(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusRequestEntityTooLarge {
		e.Err = ErrTooLarge
	}
	return err
}

// exportInstead tells whether an export may do what the synchronous route did not, and remembers where there is no such
// route at all, or none for this user. Any answer but a refused login is worth an export: 413 above all, and a time-out of the gateway.
func (c *Client) exportInstead(feed Feed, err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Status == http.StatusForbidden && e.Kind != "WAF_FILTERED", e.Status == http.StatusNotFound,
		e.Status == http.StatusMethodNotAllowed, errors.Is(err, errNoList):
		c.noSync.Store(feed, true)
		return true
	}
	return e.Status >= 400 && e.Status != http.StatusUnauthorized
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

package saveris

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// export is one running export of the vendor.
type export struct {
	feed    Feed
	path    string // of the endpoint that it was submitted to: it is polled there and nowhere else (document, 4.1)
	uuid    string
	askedAt time.Time     // vendor's clock
	asked   time.Time     // local clock
	waited  time.Duration // how long the vendor made us wait since, which does not count
	key     string        // of its window
	stored  bool          // in Config.Requests
	kept    chan struct{} // closed once that was tried; nil where an earlier process did it
}

// export reads the window by an export. One that was not ready before, or that a dead process left, is adopted; one that
// turns out to be forgotten is submitted once more.
func (c *Client) export(ctx context.Context, q *Query, each func(*Row) error) (Answer, error) {
	q.queued(true)
	found := make(chan export, 1) // it is looked up while a slot is waited for
	go func() { found <- c.find(ctx, q) }()
	if err := c.begin(ctx, q.Background); err != nil {
		return Answer{}, err
	}
	q.queued(false)
	defer c.end(q.Background)
	if x, ok := c.adopt(<-found, q); ok {
		ans, err := c.finish(ctx, x, q, each)
		if err == nil || ours(ctx, err) || errors.Is(err, ErrNotReady) || errors.Is(err, errLost) {
			return ans, err
		}
	}
	for n := 0; ; n++ {
		asked := time.Now()
		x, err := c.submit(ctx, q)
		if err != nil {
			c.exported(ctx, asked, err)
			return Answer{}, err
		}
		ans, err := c.finish(ctx, x, q, each)
		if n > 0 || !errors.Is(err, errForgotten) {
			return ans, err
		}
	}
}

// begin waits until one more export may be in flight: of all processes where it can wait, of this one in any case.
func (c *Client) begin(ctx context.Context, background bool) error {
	if err := c.budget.acquire(ctx, background); err != nil {
		return err
	}
	err := c.slots.take(ctx, background)
	if err != nil {
		c.budget.release(background)
	}
	return err
}

func (c *Client) end(background bool) {
	c.slots.give(background)
	c.budget.release(background)
}

// ours reports whether it was not the export that failed: then it stays remembered.
func ours(ctx context.Context, err error) bool {
	var mine callerError
	var held *throttledError
	return ctx.Err() != nil || errors.As(err, &mine) || errors.As(err, &held)
}

// finish waits for an export and reads its files.
func (c *Client) finish(ctx context.Context, x export, q *Query, each func(*Row) error) (Answer, error) {
	links, err := c.ready(ctx, &x, q)
	if errors.Is(err, ErrNotReady) {
		c.late.keep(x)
		return Answer{}, err
	}
	n := 0
	if err == nil {
		if errReady := q.ready(ctx); errReady != nil {
			err = callerError{errReady}
		}
	}
	if err == nil {
		n, err = c.readFiles(ctx, x, q, links, each)
	}
	c.exported(ctx, x.asked, err)
	if err == nil || !ours(ctx, err) {
		c.drop(ctx, x)
	}
	if x.kept != nil {
		<-x.kept
	}
	if err != nil {
		return Answer{}, err
	}
	return Answer{Endpoint: x.path, AskedAt: x.askedAt, Route: RouteExport, Rows: n}, nil
}

// submitTo starts an export at an endpoint; trial says that nobody knows yet whether it is there.
func (c *Client) submitTo(ctx context.Context, q *Query, path string, trial bool) (export, error) {
	op := "submit " + string(q.Feed)
	ans, err := c.call(ctx, call{op: op, method: http.MethodPost, path: path, body: q.body(c.cfg.Format), trial: trial})
	if err != nil {
		return export{}, tooLarge(err)
	}
	body, err := readStatus(ans.Response)
	if err != nil {
		return export{}, c.readError(ctx, op, err)
	}
	if body.failed() {
		return export{}, c.queryFailed(op, body)
	}
	if !isRequest(body.RequestUUID) {
		return export{}, &Error{Op: op, Status: ans.StatusCode, Text: "the answer has no request_uuid: " + c.said(body)}
	}
	x := export{feed: q.Feed, path: path, uuid: body.RequestUUID, asked: ans.sent, key: c.key(q), stored: c.stores(q)}
	x.askedAt, _ = c.clock.tell(ans.sent)
	if x.stored {
		x.kept = make(chan struct{})
		go func() { // the vendor does not wait for the broker
			defer close(x.kept)
			c.keep(ctx, x)
		}()
	}
	return x, nil
}

// body is what a submission says. Both bounds of a window are in it, always; a snapshot has none (document, 5).
func (q *Query) body(format Format) []byte {
	var b struct {
		From    string `json:"date_time_from,omitempty"`
		Until   string `json:"date_time_until,omitempty"`
		Options struct {
			Format Format `json:"result_file_format"`
		} `json:"options"`
	}
	if !isSnapshot(q.Feed) {
		b.From, b.Until = q.bounds()
	}
	b.Options.Format = format
	text, err := json.Marshal(b)
	if err != nil {
		panic("saveris: internal error: " + err.Error())
	}
	return text
}

// isRequest keeps everything out of the poll's path that is no id.
func isRequest(uuid string) bool {
	return uuid != "" && len(uuid) <= 64 && word(uuid) == uuid
}

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
	feed       Feed
	path       string // of the endpoint that it was submitted to: it is polled there and nowhere else (document, 4.1)
	uuid       string
	askedAt    time.Time     // vendor's clock
	askedLocal time.Time     // local clock
	waited     time.Duration // how long the vendor made us wait since, which does not count
	key        string        // of its window
	stored     bool          // in Config.Requests
	kept       chan struct{} // closed once that was tried; nil where an earlier process did it
}

// prepareExport gets an export of the window ready. One that was not ready before, or that a dead process left, is adopted.
func (c *Client) prepareExport(ctx context.Context, q *Query) (*Result, error) {
	q.onQueue(true)
	found := make(chan export, 1) // it is looked up while a slot is waited for
	go func() { found <- c.find(ctx, q) }()
	if err := c.takeSlot(ctx, q.Background); err != nil {
		return nil, err
	}
	q.onQueue(false)
	r := &Result{Route: RouteExport, client: c, query: *q}
	if x, ok := c.adopt(<-found, q); ok {
		r.export = &x
	}
	if err := r.prepare(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// prepare waits until the export in hand is ready. Where there is none, or it fails and another may do better, one is submitted.
func (r *Result) prepare(ctx context.Context) error {
	for {
		if r.export == nil {
			asked := time.Now()
			x, err := r.client.submit(ctx, &r.query)
			if err != nil {
				r.client.exported(outcome(ctx, err), asked)
				return err
			}
			r.export = &x
			r.submitted++
		}
		links, err := r.client.ready(ctx, r.export, &r.query)
		if err == nil {
			r.links, r.AskedAt, r.Endpoint = links, r.export.askedAt, r.export.path
			return nil
		}
		if errors.Is(err, ErrNotReady) {
			r.client.notReady.keep(*r.export)
			r.export = nil
			return err
		}
		if err := r.fail(ctx, err); err != nil {
			return err
		}
	}
}

// fail ends the export in hand, and returns nil where another one is worth asking for: in place of an adopted one, or once of
// one that the vendor has forgotten.
func (r *Result) fail(ctx context.Context, err error) error {
	r.end(ctx, err)
	again := r.submitted == 0 || r.submitted == 1 && errors.Is(err, errForgotten)
	if notExportsFault(ctx, err) || errors.Is(err, errLost) || !again {
		return err
	}
	return nil
}

// end reports how the export in hand ended, and has it forgotten unless the fault was not its own.
func (r *Result) end(ctx context.Context, err error) {
	x := r.export
	r.export = nil
	r.client.exported(outcome(ctx, err), x.askedLocal)
	if err == nil || !notExportsFault(ctx, err) {
		r.client.drop(ctx, *x)
	}
	x.waitKept()
}

// waitKept waits until remembering the export was tried.
func (x *export) waitKept() {
	if x.kept != nil {
		<-x.kept
	}
}

// takeSlot waits until one more export may be in flight: of all processes where it can wait, of this one in any case.
func (c *Client) takeSlot(ctx context.Context, background bool) error {
	if err := c.budget.acquire(ctx, background); err != nil {
		return err
	}
	err := c.slots.acquire(ctx, background)
	if err != nil {
		c.budget.release(background)
	}
	return err
}

func (c *Client) freeSlot(background bool) {
	c.slots.release(background)
	c.budget.release(background)
}

// notExportsFault reports whether it was not the export that failed: then it stays remembered.
func notExportsFault(ctx context.Context, err error) bool {
	var mine callerError
	var held *throttledError
	return ctx.Err() != nil || errors.As(err, &mine) || errors.As(err, &held)
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
		return export{}, &Error{Op: op, Status: ans.StatusCode, Text: "the answer has no request_uuid: " + c.shown(body)}
	}
	x := export{feed: q.Feed, path: path, uuid: body.RequestUUID, askedLocal: ans.sent, key: c.key(q), stored: c.stores(q)}
	x.askedAt, _ = c.clock.vendorTime(ans.sent)
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

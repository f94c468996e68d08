package saveris

import (
	"context"
	"errors"
	"time"
)

// Result is a window whose rows can be read: its export is prepared, or its synchronous answer has begun. An export holds its
// slot until Close. One goroutine uses a Result.
type Result struct {
	AskedAt  time.Time // the vendor's clock at the moment of asking, UTC, up to a second early; of an adopted export, when it was submitted
	Route    Route
	Endpoint string // path that it came from

	client    *Client
	query     Query
	list      *list   // the synchronous answer; nil = an export
	export    *export // in hand; nil once it has ended
	links     []string
	submitted int // exports
	closed    bool
}

// Prepare asks for a window and waits until its rows can be read. It waits for a slot, and for the vendor to prepare the
// export. The Result must be closed. Errors as of Client.Rows.
func (c *Client) Prepare(ctx context.Context, q Query) (*Result, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	if _, err := c.Now(ctx); err != nil {
		return nil, err
	}
	known, _ := c.syncs.Load(q.Feed)
	if q.Feed != Tasks && (c.cfg.Sync == SyncAlways || known != syncMissing && c.cfg.Sync == SyncAuto) {
		r, err := c.prepareSync(ctx, &q)
		if err == nil || c.cfg.Sync == SyncAlways || !c.exportInstead(q.Feed, err) {
			return r, err
		}
	}
	return c.prepareExport(ctx, &q)
}

// Rows hands every row to each, in no order, closes the Result and returns how many rows there were, counting a file that was
// read twice once. A file that broke off is read again from its start, and an export that is forgotten meanwhile is asked for
// once more (AskedAt is that one's then): a row may be handed over more than once, and after an error the caller discards what
// it got. An error of each ends it and is returned as it is; other errors as of Client.Rows.
func (r *Result) Rows(ctx context.Context, each func(*Row) error) (int, error) {
	defer r.Close()
	read := r.readFiles
	if r.list != nil {
		read = r.readList
	}
	n, err := read(ctx, r.client.limited(each))
	var mine callerError
	if errors.As(err, &mine) {
		return 0, mine.error
	}
	return n, err
}

// readFiles reads the files of an export.
func (r *Result) readFiles(ctx context.Context, each func(*Row) error) (int, error) {
	for {
		n, err := r.client.downloadAll(ctx, *r.export, &r.query, r.links, each)
		if err == nil {
			r.end(ctx, nil)
			return n, nil
		}
		if err := r.fail(ctx, err); err != nil {
			return 0, err
		}
		if err := r.prepare(ctx); err != nil {
			return 0, err
		}
	}
}

func (r *Result) answer(rows int) Answer {
	return Answer{Endpoint: r.Endpoint, AskedAt: r.AskedAt, Route: r.Route, Rows: rows}
}

// Close gives up what has not been read: the next Prepare of the same window may adopt its export. It may be called again.
func (r *Result) Close() {
	if r.closed {
		return
	}
	r.closed = true
	if r.list != nil {
		r.list.Close()
		return
	}
	if r.export != nil {
		r.client.exported(Abandoned, r.export.askedLocal)
		r.export.waitKept()
	}
	r.client.freeSlot(r.query.Background)
}

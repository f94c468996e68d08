package poller

import (
	"errors"
	"fmt"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// ErrRejected says that most of what the vendor shows cannot be events: the format has changed, or this is not the vendor.
var ErrRejected = errors.New("more than half of the rows cannot be events")

// minRejected is how many rows have to be rejected before their share counts: a bad row alone in a quiet window is no sign
// that the vendor has changed its format.
const minRejected = 20

// rejects watches the share of rejected rows in a window and, for a feed whose windows hold few rows, over the last ones.
type rejects struct {
	seen          map[string]bool // ids of rejected rows: a window is read more than once
	rejected, new int             // rows stored lately, of which rejected
}

// memory is how many rows "lately" are.
const memory = 200

// check refuses a window that holds too many rejected rows.
func (r *rejects) check(feed schema.Feed, got *reading) error {
	bad, fresh := got.of(checkpoint.RejectedDay), 0
	for _, event := range bad {
		if !r.seen[event.ID] {
			fresh++
		}
	}
	rejected, rows := r.rejected+fresh, r.new+fresh+got.rows-got.rejected
	if len(bad) >= minRejected && len(bad)*2 > got.rows {
		rejected, rows = len(bad), got.rows
	}
	if fresh == 0 || rejected < minRejected || rejected*2 <= rows {
		return nil
	}
	return fmt.Errorf("%w: %d of the last %d %s, this one because %s", ErrRejected, rejected, rows, feed, bad[len(bad)-1].Reason())
}

// stored takes over what a window that was not refused has brought.
func (r *rejects) stored(got *reading, rejected, all int) {
	if r.seen == nil || len(r.seen) > memory {
		r.seen = map[string]bool{}
	}
	for _, event := range got.of(checkpoint.RejectedDay) {
		r.seen[event.ID] = true
	}
	r.rejected, r.new = r.rejected+rejected, r.new+all
	if r.new > memory {
		r.rejected, r.new = r.rejected/2, r.new/2
	}
}

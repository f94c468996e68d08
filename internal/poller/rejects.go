package poller

import (
	"errors"
	"fmt"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// ErrRejected says that most of what the vendor shows cannot be read, or that nothing of it can be an event: the format has
// changed, or this is not the vendor.
var ErrRejected = errors.New("the rows are not what they should be")

const (
	// minRejected is how many rows have to be bad before their share counts: a bad row alone in a quiet window is no sign that
	// the vendor has changed its format.
	minRejected = 20
	// memory is how many rows "lately" are.
	memory = 200
	// barren is how long a feed may have nothing but rejected rows, in windows each of which is too small to tell.
	barren = 24 * time.Hour
)

// rejects watches what cannot be read, in a window and, for a feed whose windows hold few rows, over the last ones. Rows that
// can be read and yet be no events stop a feed only where there is no event beside them: they may be all of one site's, and
// one site's garbage must not stop the others.
type rejects struct {
	seen         map[string]bool // ids of rejected rows: a window is read more than once
	unread, rows int             // rows stored lately, of which no columns could be read
	fruitful     time.Time       // when a window was read last that had an event, or the first one, by the vendor's clock
	bare         int             // rejected rows stored since
}

// check refuses a window that holds too many bad rows.
func (r *rejects) check(feed schema.Feed, got *buffer) error {
	bad := got.eventsOf(checkpoint.RejectedDay)
	fresh := r.unseen(bad)
	if fresh == 0 {
		return nil
	}
	reason := bad[len(bad)-1].Reason()
	if n, of := r.unreadable(got, fresh); n >= minRejected && n*2 > of {
		return fmt.Errorf("%w: %d of the last %d %s cannot be read, this one because %s", ErrRejected, n, of, feed, reason)
	}
	if n := r.withoutEvent(got, len(bad), fresh); n >= minRejected {
		return fmt.Errorf("%w: not one of the last %d %s can be an event, this one because %s", ErrRejected, n, feed, reason)
	}
	return nil
}

// unreadable counts the rows that cannot be read, of how many: of the window where it has enough of them, else of the last
// ones.
func (r *rejects) unreadable(got *buffer, fresh int) (n, of int) {
	if n = len(got.unread); n >= minRejected && n*2 > got.rows {
		return n, got.rows
	}
	return r.unread + r.unseenUnread(got), r.rows + fresh + got.rows - got.rejected
}

func (r *rejects) unseenUnread(got *buffer) (n int) {
	for _, id := range got.unread {
		if !r.seen[id] {
			n++
		}
	}
	return n
}

// withoutEvent counts the rejected rows beside which there is no event.
func (r *rejects) withoutEvent(got *buffer, bad, fresh int) int {
	switch {
	case got.rows > got.rejected:
		return 0
	case bad >= minRejected:
		return bad
	case !r.fruitful.IsZero() && got.cover.ReadAt.Sub(r.fruitful) >= barren:
		return r.bare + fresh
	}
	return 0
}

func (r *rejects) unseen(bad []schema.Event) (n int) {
	for i := range bad {
		if !r.seen[bad[i].ID] {
			n++
		}
	}
	return n
}

// stored takes over what a window that was not refused has brought: so many new events, so many of them rejected.
func (r *rejects) stored(got *buffer, rejected, all int) {
	r.unread, r.rows = r.unread+min(rejected, r.unseenUnread(got)), r.rows+all
	if r.rows > memory {
		r.unread, r.rows = r.unread/2, r.rows/2
	}
	if r.seen == nil || len(r.seen) > memory {
		r.seen = map[string]bool{}
	}
	for _, event := range got.eventsOf(checkpoint.RejectedDay) {
		r.seen[event.ID] = true
	}
	r.bare += rejected
	if got.rows > got.rejected || r.fruitful.IsZero() {
		r.fruitful, r.bare = got.cover.ReadAt, 0
	}
}

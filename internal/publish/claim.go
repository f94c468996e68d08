package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// claim makes the prefix that of our account before anything else is written there. Where it is empty it does so by a record
// that covers nothing, on the page of the first feed's rejected rows: all who come at once want to write it as the first one on
// that page, whatever feeds they have, so one of them does and the others find whose the prefix is. Where it is of another
// login of our account, each feed's newest record is stored again in our name.
func (w *Writer) claim(ctx context.Context) error {
	a := w.Accounts
	if a == nil {
		return nil
	}
	a.claiming.Lock()
	defer a.claiming.Unlock()
	for !a.claimed {
		others, heads, err := a.others(ctx)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return others[0]
		}
		if err = w.take(ctx, heads); errors.Is(err, errConflict) {
			a.forget()
			continue
		}
		if err != nil {
			return fmt.Errorf("claim the prefix for account %s: %w", a.own, err)
		}
		a.claimed = true
	}
	return nil
}

// take writes what claims a prefix with these newest records. It ends in conflict where they are not the newest ones any more.
func (w *Writer) take(ctx context.Context, heads map[schema.Feed]checkpoint.Head) error {
	if len(heads) == 0 {
		return w.claimEmpty(ctx)
	}
	for _, feed := range slices.Backward(Feeds) { // the readings last, which have rows to be known by: it may end in between
		if head := heads[feed]; head.Seq > 0 && head.Account != w.Accounts.own {
			other, end := w.of(feed)
			_, err := other.adopt(ctx, func(string) {}) // what is not known is an error
			if end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// others returns the newest records as they were when somebody looked last, and those among them whose account is not known.
func (a *Accounts) others(ctx context.Context) (others []*AnotherAccount, heads map[schema.Feed]checkpoint.Head, err error) {
	if a.Newest() == nil {
		if others, err = a.Look(ctx); err != nil {
			return nil, nil, err
		}
	}
	heads = a.Newest()
	for _, head := range heads {
		if !a.knows(head.Account) {
			others = append(others, a.ofRecord(head))
		}
	}
	return others, heads, nil
}

// forget has the next one look again.
func (a *Accounts) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heads = nil
}

// of returns a writer of another feed, and what ends it.
func (w *Writer) of(feed schema.Feed) (other *Writer, end func()) {
	options := w.Options
	options.Feed, options.OnRecord, options.OnForeign = feed, nil, nil
	if on := w.Accounts.OnRecord; on != nil {
		options.OnRecord = func(r checkpoint.RecordMessage) { on(feed, r) }
	}
	other = NewWriter(w.js, w.config, options)
	return other, other.send.end
}

func (w *Writer) claimEmpty(ctx context.Context) error {
	first, end := w.of(Feeds[0])
	defer end()
	if first.Feed == w.Feed { // of one stream both need not look at the end
		defer func() { w.lookedOn, w.soundUntil = first.lookedOn, first.soundUntil }()
	}
	page := checkpoint.Head{Record: checkpoint.Record{Version: checkpoint.Version, Feed: string(first.Feed), Day: checkpoint.RejectedDay}}
	err := first.storeAlone(ctx, page)
	if !errors.Is(err, errConflict) {
		return err
	}
	there, lookErr := first.book.Heads(ctx, []string{checkpoint.RejectedDay})
	if lookErr != nil || there[0].Seq > 0 {
		return cmp.Or(lookErr, err)
	}
	page.Last = there[0].Last // somebody else's message stands there
	return first.storeAlone(ctx, page)
}

// storeAlone stores a record in the place of the newest one of its page, without events. A torn batch is finished first: behind the
// record nobody would look for it.
func (w *Writer) storeAlone(ctx context.Context, next checkpoint.Head) error {
	if _, err := w.finishTornAnew(ctx); err != nil {
		return err
	}
	b, err := w.batch(next.Last, next.Record)
	if err != nil {
		return err
	}
	b.tail = w.soundUntil
	seq, err := w.send.send(ctx, b)
	if err != nil {
		return err
	}
	w.noteRecord(b, seq)
	w.reportRecord()
	return nil
}

// Adopt makes the feed's coverage that of our account, whoever's it was: the feed's newest record is stored again in our name,
// and vouches for all before it. It returns the record as it was before; a zero Seq says that there is none, and nothing is
// done where it is ours already. Whoever calls it answers for it that both accounts are one.
func (w *Writer) Adopt(ctx context.Context) (was checkpoint.Head, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adopt(ctx, w.Accounts.Trust)
}

// adopt hands each account that it takes for ours to trust.
func (w *Writer) adopt(ctx context.Context, trust func(account string)) (was checkpoint.Head, err error) {
	for {
		was, err = w.stream.Newest(ctx)
		if err != nil || was.Seq == 0 || was.Account == w.Accounts.Own() {
			return was, err
		}
		if trust(was.Account); !w.Accounts.knows(was.Account) {
			return was, w.Accounts.ofRecord(was)
		}
		if _, err = w.checkStream(ctx); err != nil {
			return was, err
		}
		if err = w.storeAlone(ctx, was); !errors.Is(err, errConflict) {
			return was, err
		}
	}
}

// Uncover makes a span of a day uncovered, so that whoever looks for gaps finds one, and returns what had been covered of it.
// What is stored stays stored.
func (w *Writer) Uncover(ctx context.Context, day string, span checkpoint.Span) (cut []checkpoint.Interval, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		pages, err := w.book.Heads(ctx, []string{day})
		if err != nil {
			return nil, err
		}
		page := pages[0]
		if err := w.Accounts.admit(ctx, w.Feed, page); err != nil {
			return nil, err
		}
		if cut = checkpoint.Within(page.Covered, span); len(cut) == 0 {
			return nil, nil
		}
		if _, err = w.checkStream(ctx); err != nil {
			return nil, err
		}
		page.Covered = checkpoint.Uncover(page.Covered, span)
		if err = w.storeAlone(ctx, page); !errors.Is(err, errConflict) {
			return cut, err
		}
	}
}

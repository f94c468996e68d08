package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// commitCall is one call of Commit or CommitFor, and what it has done so far.
type commitCall struct {
	why    string
	day    string
	events []schema.Event
	cover  *checkpoint.Interval
	result Result
}

// first returns the id of the first event, which is the same when the call is repeated; "" where there is none.
func (c *commitCall) first() string {
	if len(c.events) == 0 {
		return ""
	}
	return c.events[0].ID
}

// Commit stores those events of a day that the day's page does not hold and then marks the interval as covered; a nil
// interval covers nothing. The events must all belong to the day, in the order in which they are to be stored.
//
// It may be called again with the same arguments after any error, and has to be until it succeeds: what was stored is
// recognised. A context that ends lets the batch in hand finish.
func (w *Writer) Commit(ctx context.Context, day string, events []schema.Event, cover *checkpoint.Interval) (Result, error) {
	return w.CommitFor(ctx, "", day, events, cover)
}

// maxConflicts is how often a commit meets other writers before it leaves the waiting to its caller.
const maxConflicts = 50

// CommitFor is Commit, and its batches name why their rows were read.
func (w *Writer) CommitFor(ctx context.Context, why, day string, events []schema.Event, cover *checkpoint.Interval) (Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.reportRecord()
	c := &commitCall{why: why, day: day, events: events, cover: cover}
	for began := time.Now(); ; {
		err := w.tryCommit(ctx, c)
		smaller := w.shrink(err) // where no answer came in time, for the caller's next try
		switch {
		case err == nil:
			return c.result, nil
		case smaller && jsapi.HasCode(err, jsapi.CodeBatchTooLarge): // at once: the server has dropped it
		case jsapi.HasCode(err, jsapi.CodeManyBatches) && time.Since(began) < w.send.timeout:
			if err := sleep.For(ctx, rand.N(100*time.Millisecond)); err != nil {
				return c.result, err
			}
		case errors.Is(err, errConflict):
			if c.result.Conflicts++; c.result.Conflicts >= maxConflicts {
				w.underWay = "" // the server has taken so much since: what the lost connection carried has arrived
				return c.result, err
			}
			time.Sleep(rand.N(10 * time.Millisecond)) // or two writers in step would meet again
		default:
			return c.result, w.diagnose(ctx, err)
		}
	}
}

// tryCommit brings the page up to date and commits what it does not hold.
func (w *Writer) tryCommit(ctx context.Context, c *commitCall) error {
	known := w.soundUntil
	lastSequence, end := w.checkStreamBeside(ctx)
	defer end()
	if err := w.claim(ctx); err != nil {
		return err
	}
	if _, err := w.finishTorn(ctx); err != nil {
		return err
	}
	page, err := w.page(ctx, c.day)
	if err != nil {
		return err
	}
	last, err := lastSequence()
	if err != nil {
		return err
	}
	finished, err := w.finishTornElsewhere(ctx, known, last)
	if err == nil && finished {
		page, err = w.page(ctx, c.day)
	}
	if err == nil {
		err = w.carryLowWatermark(ctx, page)
	}
	if err != nil {
		return err
	}
	w.confirm(page, c)
	news := page.New(c.events)
	if err = w.repair(ctx, page, c); err == nil {
		err = w.commitNews(ctx, page, c, news, c.cover)
	}
	if err != nil {
		return fmt.Errorf("commit %s.%s: %w", w.Feed, c.day, fewMessages(err))
	}
	return nil
}

// commitNews stores news in as many batches as it takes; the last one covers. While the server stores one batch the next
// one is staged: all of it is sent but the record, which has to name the sequence of the record before it. A context that
// ends lets the batch in hand finish.
func (w *Writer) commitNews(ctx context.Context, page *checkpoint.Page, c *commitCall, news checkpoint.News, cover *checkpoint.Interval) error {
	if err := w.send.begin(); err != nil {
		return err
	}
	var inHand *batch // committed, and not acknowledged yet
	record, tail := page.Record, uint64(0)
	if w.underWay != "" { // what it leaves half stored must not come between the last look at the stream's end and this
		tail = w.soundUntil
	}
	for ; len(news.Events) > 0 || cover != nil; tail = 0 {
		n, covers := len(news.Events), cover
		if room := w.limit - 2; n > room {
			n, covers = room, nil
		}
		next, err := w.stage(ctx, c, record, news, n, covers, tail)
		if err != nil {
			return cmp.Or(w.awaitAck(ctx, page, c, inHand), err)
		}
		if err := w.awaitAck(ctx, page, c, inHand); err != nil {
			w.send.abandon(next)
			return err
		}
		next.after = page.Last
		if err := w.send.commit(next); err != nil {
			return w.noteUnacked(next, err)
		}
		inHand, record = next, next.record
		if news.Events, news.Entries = news.Events[n:], news.Entries[n:]; len(news.Events) == 0 && covers != nil {
			cover = nil
		}
	}
	return w.awaitAck(ctx, page, c, inHand)
}

// stage sends a batch of the first n of news, all but its record, which follows another. With a tail the stream has to end there.
func (w *Writer) stage(ctx context.Context, c *commitCall, record checkpoint.Record, news checkpoint.News, n int, cover *checkpoint.Interval, tail uint64) (*batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := w.batch(0, w.following(record, news, n, cover)) // behind which sequence is known when it is committed
	if err != nil {
		return nil, err
	}
	b.why, b.first, b.tail, b.connection = c.why, c.first(), tail, w.lookedOn
	b.events, b.entries, b.again = news.Events[:n], news.Entries[:n], news.Again
	return b, w.send.stage(b)
}

// awaitAck waits for the answer to the batch in hand, nil if there is none, and takes its result over into the page.
func (w *Writer) awaitAck(ctx context.Context, page *checkpoint.Page, c *commitCall, inHand *batch) error {
	if inHand == nil {
		return nil
	}
	seq, err := w.send.answer(ctx, inHand)
	if err != nil {
		return w.noteUnacked(inHand, err)
	}
	page.Apply(inHand.entries, inHand.record, seq)
	w.noteRecord(inHand, seq)
	if w.underWay == inHand.recordSubject { // which expects another record
		w.underWay = ""
	}
	w.missing.Store(nil)
	w.limit = min(w.most, 2*w.limit)
	w.noteStored(inHand, &c.result)
	return nil
}

// noteUnacked remembers a batch that may be stored though its answer was lost, and returns the error. A conflict is an answer.
func (w *Writer) noteUnacked(b *batch, err error) error {
	if len(b.events) > 0 && !errors.Is(err, errConflict) && !jsapi.HasCode(err, jsapi.CodeManyBatches) {
		b.events = slices.Clone(b.events) // a caller that does not repeat the call may fill its own anew
		w.unacked, w.underWay = b, b.recordSubject
	}
	return err
}

// confirm counts the unacked batch where its record is the newest one of the page: the stream holds it. That is looked at when its
// call is repeated. Where another record has been stored behind it by then, its events are known to the page like anybody's.
func (w *Writer) confirm(page *checkpoint.Page, c *commitCall) {
	if b := w.unacked; b != nil && b.first == c.first() && b.record.Batch == page.Record.Batch {
		w.unacked, w.newest = nil, b.stored(page.Seq)
		w.noteStored(b, &c.result)
	}
}

// following returns the record that follows when the first n of news have been stored.
func (w *Writer) following(record checkpoint.Record, news checkpoint.News, n int, cover *checkpoint.Interval) checkpoint.Record {
	if news.Again {
		return record.Again(n)
	}
	next := record.Next(news.Entries[:n], cover, w.Ages)
	next.Late += checkpoint.Late(news.Events[:min(n, len(news.Events))], record.Covered, w.Now())
	return next
}

// shrink makes the next batch smaller where this one was too much: for the server, whose operator allows less than others,
// or for a slow link, which could not carry it in time.
func (w *Writer) shrink(err error) bool {
	tooLarge := jsapi.HasCode(err, jsapi.CodeBatchTooLarge)
	slow := errors.Is(err, ErrUnanswered) || jsapi.HasCode(err, jsapi.CodeBatchIncomplete)
	if !tooLarge && !slow || w.limit == minBatch {
		return false
	}
	w.limit = max(minBatch, w.limit/2)
	if tooLarge {
		w.most = w.limit
	}
	return true
}

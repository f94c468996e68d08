package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/sleep"
)

// Writer commits the events of one feed. It may be used by many goroutines; it commits one page at a time.
type Writer struct {
	Options
	js     jetstream.JetStream
	config Config

	mu         sync.Mutex // holds a page from its reading to its commit
	book       *checkpoint.Book
	send       *sender
	limit      int                       // messages a batch at present
	most       int                       // and at most
	looked     uint64                    // the connection, counted from 1, on which the stream's end was looked at
	whole      uint64                    // sequence at which no torn batch ends: of this writer's last record, or of the last look
	begin      time.Time                 // see Begin
	why        string                    // of the call that is under way, like owner
	owner      string                    // id of its first event, which is the same when it is repeated
	gone       atomic.Pointer[time.Time] // since when a stream is away; nil = none is
	unanswered *batch                    // the last one whose answer was lost
	newest     checkpoint.StoredRecord   // that the call which is under way has stored; without a sequence it has stored none
}

// Options say how a feed is written.
type Options struct {
	Feed    schema.Feed
	Name    string          // who writes: goes into every record
	Mode    schema.Mode     // of the events' messages; a stream may hold both
	LiveAge time.Duration   // older than this when it is stored, an event goes to the history lane
	Ages    checkpoint.Ages // at which intervals are read again; decides which of them are joined in a record
	// Accounts says whose coverage counts, and is shared by all writers of a process; nil = everybody's.
	Accounts *Accounts
	// Now is the vendor's clock, which decides the lane.
	Now func() time.Time
	// Stored is called with every batch of a commit that is known to be stored, once; nil = none. Of a batch whose answer was lost
	// that is known where no other record has followed its own by the time that the commit is repeated. It holds up the writer.
	Stored func(Batch)
	// OnRecord is called with the newest record that a call has stored, once for each page and call. It holds up the writer; nil =
	// none.
	OnRecord func(checkpoint.StoredRecord)
	// OnForeign is called with somebody else's message in the stream whenever it is passed over; nil = nobody is told.
	OnForeign func(checkpoint.Foreign)
	// OnStranger is called when somebody else has answered what JetStream was asked or sent, which counts for nothing; nil = nobody
	// is told. Many goroutines call it.
	OnStranger func(subject string, answer []byte)
	// Pages is how many days' ids are kept in memory at most, 0 = 12.
	Pages int
	// Repair has a commit store once more what the index of its day lists and the stream lacks, as far as its events are that.
	Repair bool
	// Altered is told by a commit that repairs of an event that cannot be put back, since the row of that id has other content
	// now; nil = nobody is. It may be told several times.
	Altered func(day string, lost checkpoint.Lacking, id string)
	// Trouble returns why the store of the broker cannot be written, which errors say then; nil where no reason is known. Nil =
	// none ever is.
	Trouble func() error
	// Timeout is how long the broker may take for a batch before it counts as unanswered, 0 = 15 s.
	Timeout time.Duration
}

// NewWriter readies a feed on streams that Open has readied.
func NewWriter(js jetstream.JetStream, config Config, options Options) *Writer {
	stream := checkpoint.NewStream(js, config.Names.Stream(options.Feed), config.Names.Prefix, string(options.Feed))
	book := checkpoint.NewBook(stream)
	book.Pages = options.Pages
	w := &Writer{
		Options: options, js: js, config: config,
		book: book, send: newSender(js, cmp.Or(options.Timeout, defaultTimeout)), limit: maxBatch, most: maxBatch,
	}
	stream.OnForeign = func(f checkpoint.Foreign) {
		if w.OnForeign != nil {
			w.OnForeign(f)
		}
	}
	w.send.stranger = func(subject string, answer []byte) {
		if w.OnStranger != nil {
			w.OnStranger(subject, answer)
		}
	}
	stream.OnStranger = w.send.stranger
	return w
}

// maxConflicts is how often a commit meets other writers before it leaves the waiting to its caller.
const maxConflicts = 50

// Result counts what a commit did.
type Result struct {
	Stored      int // events
	Corrections int // of those
	Repaired    int // of those stored, what had been stored before and was removed
	Known       int // rows that were stored before, or came twice
	Conflicts   int // times that another writer had changed the page
}

// Add returns the sum of two results.
func (r Result) Add(o Result) Result {
	return Result{r.Stored + o.Stored, r.Corrections + o.Corrections, r.Repaired + o.Repaired, r.Known + o.Known, r.Conflicts + o.Conflicts}
}

func (r *Result) add(b *batch) {
	r.Stored += len(b.events)
	if b.again {
		r.Repaired += len(b.events)
	}
	for i := range b.events {
		if b.events[i].Correction() {
			r.Corrections++
		}
	}
}

// Commit stores those events of a day that the day's page does not hold and then marks the interval as covered; a nil
// interval covers nothing. The events must all belong to the day, in the order in which they are to be stored.
//
// It may be called again with the same arguments after any error, and has to be until it succeeds: what was stored is
// recognised. A context that ends lets the batch in hand finish.
func (w *Writer) Commit(ctx context.Context, day string, events []schema.Event, cover *checkpoint.Interval) (Result, error) {
	return w.CommitFor(ctx, "", day, events, cover)
}

// CommitFor is Commit, and its batches say what their rows were read for.
func (w *Writer) CommitFor(ctx context.Context, why, day string, events []schema.Event, cover *checkpoint.Interval) (result Result, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.why, w.owner = why, ""
	defer w.handOver()
	if len(events) > 0 {
		w.owner = events[0].ID
	}
	fit, end := w.fitting(ctx)
	defer end()
	if err := w.claim(ctx); err != nil {
		return result, w.mend(ctx, err)
	}
	began := time.Now()
	_, err = w.finishTorn(ctx)
	for jsapi.HasCode(err, jsapi.CodeManyBatches) && time.Since(began) < w.send.timeout && sleep.For(ctx, rand.N(100*time.Millisecond)) == nil {
		_, err = w.finishTorn(ctx)
	}
	if err != nil {
		return result, w.mend(ctx, err)
	}
	for first := true; ; first = false {
		page, err := w.page(ctx, day)
		if err != nil {
			return result, w.mend(ctx, err)
		}
		last, err := fit()
		if err != nil {
			return result, w.mend(ctx, err)
		}
		if first {
			finished, err := w.endsWhole(ctx, last)
			if err == nil && finished {
				page, err = w.page(ctx, day)
			}
			if err != nil {
				return result, w.mend(ctx, err)
			}
		}
		if err := w.inherit(ctx, page); err != nil {
			return result, err
		}
		w.confirm(page, &result)
		news := page.New(events)
		if first { // after a conflict, our own events of the batches before it would be counted as known
			result.Known = max(0, news.Known-result.Stored) // what has been confirmed is not known, it is ours
		}
		if err = w.repair(ctx, page, events, &result); err == nil {
			err = w.commitNews(ctx, page, news, cover, &result)
		}
		switch {
		case err == nil:
			result.Known = max(0, result.Known-result.Repaired)
			return result, nil
		case w.shrink(err) && jsapi.HasCode(err, jsapi.CodeBatchTooLarge):
			continue
		case jsapi.HasCode(err, jsapi.CodeManyBatches) && time.Since(began) < w.send.timeout:
			if err := sleep.For(ctx, rand.N(100*time.Millisecond)); err != nil {
				return result, err
			}
			continue
		case !errors.Is(err, errConflict):
			return result, w.mend(ctx, fmt.Errorf("commit %s.%s: %w", w.Feed, day, fewMessages(err)))
		}
		if result.Conflicts++; result.Conflicts >= maxConflicts {
			return result, fmt.Errorf("commit %s.%s: %w", w.Feed, day, err)
		}
		time.Sleep(rand.N(10 * time.Millisecond)) // or two writers in step would meet again
	}
}

// commitNews stores news in as many batches as it takes; the last one covers. While the server stores one batch the next
// one is sent to it, all but the record, which has to name the sequence of the record before it. A context that ends lets
// the batch in hand finish.
func (w *Writer) commitNews(ctx context.Context, page *checkpoint.Page, news checkpoint.News, cover *checkpoint.Interval, result *Result) error {
	if err := w.send.begin(); err != nil {
		return err
	}
	var inHand *batch
	record := page.Record
	for len(news.Events) > 0 || cover != nil {
		if err := ctx.Err(); err != nil {
			return cmp.Or(w.settle(ctx, page, inHand, result), err)
		}
		n, last := len(news.Events), cover
		if room := w.limit - 2; n > room {
			n, last = room, nil
		}
		next, err := w.batch(page.Last, w.following(record, news, n, last))
		if err == nil {
			next.events, next.entries, next.again = news.Events[:n], news.Entries[:n], news.Again
			err = w.send.stage(next)
		}
		if err != nil {
			return cmp.Or(w.settle(ctx, page, inHand, result), err)
		}
		if err := w.settle(ctx, page, inHand, result); err != nil {
			w.send.abandon(next)
			return err
		}
		next.after = page.Last
		if err := w.send.commit(next); err != nil {
			return w.lost(next, err)
		}
		inHand, record = next, next.record
		if news.Events, news.Entries = news.Events[n:], news.Entries[n:]; len(news.Events) == 0 && last != nil {
			cover = nil
		}
	}
	return w.settle(ctx, page, inHand, result)
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

// settle waits for the batch in hand, nil if there is none, and takes its result over into the page.
func (w *Writer) settle(ctx context.Context, page *checkpoint.Page, inHand *batch, result *Result) error {
	if inHand == nil {
		return nil
	}
	seq, err := w.send.answer(ctx, inHand)
	if err != nil {
		return w.lost(inHand, err)
	}
	page.Stored(inHand.entries, inHand.record, seq)
	w.ends(inHand, seq)
	w.gone.Store(nil)
	w.limit = min(w.most, 2*w.limit)
	w.stored(inHand, result)
	return nil
}

// shrink makes the next batch smaller where this one was too much: for the server, whose operator allows less than others,
// or for a slow link, which could not carry it in time.
func (w *Writer) shrink(err error) bool {
	tooLarge := jsapi.HasCode(err, jsapi.CodeBatchTooLarge)
	slow := errors.Is(err, context.DeadlineExceeded) || jsapi.HasCode(err, jsapi.CodeBatchIncomplete)
	if !tooLarge && !slow || w.limit == minBatch {
		return false
	}
	w.limit = max(minBatch, w.limit/2)
	if tooLarge {
		w.most = w.limit
	}
	return true
}

// fitting begins to ask whether the stream fits, beside what a commit reads: a broker may be far away. Answer waits for the
// answer, and end ends it.
func (w *Writer) fitting(ctx context.Context) (answer func() (last uint64, err error), end func()) {
	ctx, cancel := context.WithCancel(ctx)
	answered := make(chan struct{})
	var last uint64
	var err error
	go func() { defer close(answered); last, err = w.fits(ctx) }()
	answer = func() (uint64, error) { <-answered; return last, err }
	return answer, func() { cancel(); <-answered }
}

// fits returns an Unfit where somebody has edited the stream so that it cannot hold the feed any more. It is asked before each
// commit: without the transform a batch would be stored where nobody looks for it. Last is the sequence of the stream's last message.
func (w *Writer) fits(ctx context.Context) (last uint64, err error) {
	info, err := w.book.Info(ctx)
	if err == nil {
		err = w.config.CheckStream(w.Feed, info.Config)
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", w.config.Names.Stream(w.Feed), err)
	}
	return info.State.LastSeq, nil
}

// page loads a day's page. It fails with an AnotherAccount where its coverage does not count for ours.
func (w *Writer) page(ctx context.Context, day string) (*checkpoint.Page, error) {
	page, err := w.book.Page(ctx, day)
	if err != nil {
		return nil, err
	}
	return page, w.Accounts.admit(ctx, w.Feed, checkpoint.Placed{Record: page.Record, Seq: page.Seq})
}

// batch makes a batch without events that stores a record behind the last message on its page's subject, 0 = there is none.
func (w *Writer) batch(after uint64, next checkpoint.Record) (*batch, error) {
	next.Batch, next.Writer, next.Account = newBatchID(), w.Name, w.Accounts.Own()
	data, err := next.Encode()
	if err != nil {
		return nil, err
	}
	names := w.config.Names
	return &batch{
		stream: names.Stream(w.Feed), indexSubject: names.ingest(names.index(w.Feed, next.Day)),
		recordSubject: names.ingest(names.record(w.Feed, next.Day)), storedRecord: names.record(w.Feed, next.Day),
		record: next, data: data, after: after, mode: w.Mode, now: w.Now(), liveAge: w.LiveAge,
		why: w.why, owner: w.owner, begun: time.Now(),
	}, nil
}

// ErrAway says that there is no connection to NATS at present. It comes back by itself.
var ErrAway = errors.New("NATS is not connected")

// removalTime is for how long a stream has to be away before it is created again. nats-server 2.15 answers the deletion of a
// stream while it is still removing files: a stream of that name that is created at once may lose its own, and never stores again.
const removalTime = time.Second

// goneFor reports whether a stream has been away for so long since it was first missed, and then begins anew. What was missed
// more than a minute ago, or before the last commit, was another time.
func (w *Writer) goneFor(d time.Duration) bool {
	now, since := time.Now(), w.gone.Load()
	if since == nil || now.Sub(*since) > time.Minute {
		w.gone.CompareAndSwap(since, &now)
		return false
	}
	return now.Sub(*since) >= d && w.gone.CompareAndSwap(since, nil)
}

// mend readies the streams again where one has disappeared, and gives the error back, with its cause where that is known.
func (w *Writer) mend(ctx context.Context, err error) error {
	if w.Trouble != nil {
		if cause := w.Trouble(); cause != nil {
			err = fmt.Errorf("%w: %w", cause, err)
		}
	}
	if !w.js.Conn().IsConnected() {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	if errors.Is(err, nats.ErrNoResponders) || jsapi.HasCode(err, jetstream.JSErrCodeStreamNotFound) {
		if !w.goneFor(removalTime) {
			return err
		}
		if again := Open(ctx, w.js, w.config); again != nil {
			return fmt.Errorf("%w; ready the streams again: %w", err, again)
		}
	}
	return err
}

// LookForForeign calls OnForeign with what somebody else has stored in the stream from a sequence on, as checkpoint.Stream.Look
// does, and returns the sequence to go on from. It may be called beside everything else.
func (w *Writer) LookForForeign(ctx context.Context, from uint64) (next uint64, err error) {
	return w.book.Look(ctx, from, mostForeign)
}

// mostForeign is how many of somebody else's messages are named at once.
const mostForeign = 100

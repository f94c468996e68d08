package publish

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// Writer commits the events of one feed. It may be used by many goroutines; it commits one page at a time.
type Writer struct {
	Options
	js     jetstream.JetStream
	config Config

	mu         sync.Mutex // holds a page from its reading to its commit
	stream     *checkpoint.Stream
	book       *checkpoint.Book
	send       *sender
	limit      int                       // messages a batch at present
	most       int                       // and at most
	lookedOn   uint64                    // the connection, counted from 1, on which the stream's end was looked at
	soundUntil uint64                    // sequence at which no torn batch ends: of this writer's last record, or of the last look
	tornAt     uint64                    // sequence of the end of a torn batch whose day cannot be read
	tornSince  time.Time                 // when that was seen first
	begin      time.Time                 // see SetLowWatermark
	missing    atomic.Pointer[time.Time] // since when a stream is missing; nil = none is
	unacked    *batch                    // the last one whose answer was lost
	underWay   string                    // subject of the record of a batch that the server may still be about to store, "" for none
	newest     checkpoint.RecordMessage  // that the call which is under way has stored; without a sequence it has stored none
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
	// OnStored is called with every batch of a commit that is known to be stored, once; nil = none. Of a batch whose answer was lost
	// that is known where no other record has followed its own by the time that the commit is repeated. It holds up the writer.
	OnStored func(Batch)
	// OnRecord is called with the newest record that a call has stored, once for each page and call. It holds up the writer; nil =
	// none.
	OnRecord func(checkpoint.RecordMessage)
	// OnForeign is called with somebody else's message in the stream whenever it is passed over; nil = not at all.
	OnForeign func(checkpoint.ForeignMessage)
	// OnForeignAnswer is called when somebody else has answered what JetStream was asked or sent, which counts for nothing; nil = not
	// at all. Many goroutines call it.
	OnForeignAnswer func(subject string, answer []byte)
	// Pages is how many days' ids are kept in memory at most, 0 = 12.
	Pages int
	// Repair has a commit store once more what the index of its day lists and the stream lacks, as far as its events are that.
	Repair bool
	// OnAltered is called by a commit that repairs with an event that cannot be put back, since the row of that id has other content
	// now, maybe several times; nil = not at all.
	OnAltered func(day string, lost checkpoint.Lacking, id string)
	// Trouble returns why the store of the broker cannot be written, which errors say then; nil where no reason is known. Nil =
	// none ever is.
	Trouble func() error
	// Timeout is how long the broker may take for a batch before it counts as unanswered, 0 = 15 s.
	Timeout time.Duration
}

// NewWriter returns the writer of a feed. Its stream has to exist by the first commit: Open makes those of all feeds.
func NewWriter(js jetstream.JetStream, config Config, options Options) *Writer {
	stream := checkpoint.NewStream(js, config.Names.Stream(options.Feed), config.Names.Prefix, string(options.Feed))
	book := checkpoint.NewBook(stream)
	book.Pages = options.Pages
	w := &Writer{
		Options: options, js: js, config: config,
		stream: stream, book: book, send: newSender(js, cmp.Or(options.Timeout, defaultTimeout)), limit: maxBatch, most: maxBatch,
	}
	stream.OnForeign = func(f checkpoint.ForeignMessage) {
		if w.OnForeign != nil {
			w.OnForeign(f)
		}
	}
	w.send.foreignAnswer = func(subject string, answer []byte) {
		if w.OnForeignAnswer != nil {
			w.OnForeignAnswer(subject, answer)
		}
	}
	stream.OnForeignAnswer = w.send.foreignAnswer
	return w
}

// Result counts what a commit did.
type Result struct {
	Stored      int // events
	Corrections int // of those
	Repaired    int // of those stored, what had been stored before and was removed
	Conflicts   int // times that another writer had changed the page
}

// Add returns the sum of two results.
func (r Result) Add(o Result) Result {
	return Result{r.Stored + o.Stored, r.Corrections + o.Corrections, r.Repaired + o.Repaired, r.Conflicts + o.Conflicts}
}

// checkStreamBeside begins to ask whether the stream fits, beside what a commit reads: a broker may be far away. Answer waits for the
// answer, and end ends it.
func (w *Writer) checkStreamBeside(ctx context.Context) (answer func() (last uint64, err error), end func()) {
	ctx, cancel := context.WithCancel(ctx)
	answered := make(chan struct{})
	var last uint64
	var err error
	go func() { defer close(answered); last, err = w.checkStream(ctx) }()
	answer = func() (uint64, error) { <-answered; return last, err }
	return answer, func() { cancel(); <-answered }
}

// checkStream returns an Unfit where somebody has edited the stream so that it cannot hold the feed any more. It is asked before each
// try of a commit: without the transform a batch would be stored where nobody looks for it. Last is the sequence of the stream's last message.
func (w *Writer) checkStream(ctx context.Context) (last uint64, err error) {
	info, err := w.stream.Info(ctx)
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
	return page, w.Accounts.admit(ctx, w.Feed, checkpoint.Head{Record: page.Record, Seq: page.Seq})
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
		begun: time.Now(),
	}, nil
}

// LookForForeign calls OnForeign with what somebody else has stored in the stream from a sequence on, as checkpoint.Stream.Look
// does, and returns the sequence to go on from. It may be called beside everything else.
func (w *Writer) LookForForeign(ctx context.Context, from uint64) (next uint64, err error) {
	return w.stream.Look(ctx, from, MostForeign)
}

// MostForeign is how many of somebody else's messages in a stream are named one by one.
const MostForeign = 100

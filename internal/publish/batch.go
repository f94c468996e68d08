package publish

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// maxBatch is how many messages the server takes in one atomic batch unless its operator set less.
const maxBatch = 1000

// minBatch holds one event, the index and the record.
const minBatch = 3

// defaultTimeout bounds a batch from its first message to the answer. The server drops a batch that was idle for 10 s.
const defaultTimeout = 15 * time.Second

// ErrUnanswered says that NATS is connected and has not answered a batch, which may be stored all the same. nats-server answers
// none whose stream it cannot write.
var ErrUnanswered error = &hint.Error{Err: errors.New("NATS has not answered"), Hint: jsapi.DiskHint}

// lastAnswer is how long the answer to the batch in hand is waited for once the context has ended.
const lastAnswer = 3 * time.Second

// errConflict says that the page is not what this process knew.
var errConflict = errors.New("another writer has changed the page")

// batch is all that one commit stores.
type batch struct {
	stream        string
	events        []schema.Event
	entries       []checkpoint.Entry // what the index lists: the events, or those that stand at the stream's end already
	again         bool               // they are listed once more
	indexSubject  string
	record        checkpoint.Record
	recordSubject string
	storedRecord  string // where the stream puts the record
	data          []byte // of the record
	after         uint64 // sequence that the last message on the record's subject has to have
	tail          uint64 // sequence that the stream's last message has to have, 0 = any
	mode          schema.Mode
	now           time.Time // the vendor's, which decides the lane
	liveAge       time.Duration
	why           string    // what its rows were read for
	first         string    // id of the first event of the commit that made it
	begun         time.Time // when it was made, by our clock
	connection    uint64    // on which the stream's end was looked at for it, counted from 1; 0 = it expects its tail
	reconnects    uint64    // of the connection when its first message was sent
	batched       bool      // it is sent as an atomic batch, whose id the answer names; else its record is a message alone
	staged        bool      // messages before its last one were sent, the first of which is answered too
}

// newBatchID makes an id of 26 characters that never comes twice.
func newBatchID() string { return rand.Text() }

// sender sends batches on one connection. A batch goes in two steps, so that the next one can be on its way while the
// server stores this one: stage sends all but its record, and nothing is stored; commit sends the record, which stores it.
type sender struct {
	nc      *nats.Conn
	timeout time.Duration
	last    time.Duration  // how long an answer is waited for once the context has ended
	headers schema.Headers // of events in binary mode
	few     nats.Header    // of events in structured mode
	msg     nats.Msg       // filled anew for every event, with one of these
	seqNo   []string       // the value of Nats-Batch-Sequence, reused
	numbers []string       // from 1 on, as texts
	data    []byte

	inbox         string
	answers       *nats.Subscription
	early         map[string][]*nats.Msg              // answers that came while another one was waited for
	domain        string                              // whose JetStream has to answer, "" = any
	foreignAnswer func(subject string, answer []byte) // is called with answers that are not JetStream's
}

func newSender(js jetstream.JetStream, timeout time.Duration) *sender {
	return &sender{
		nc: js.Conn(), timeout: timeout, last: lastAnswer, headers: schema.Headers{Map: map[string][]string{}}, domain: js.Options().Domain,
		few: nats.Header{schema.KeyStructured: {schema.TypeStructured}}, seqNo: []string{""}, early: map[string][]*nats.Msg{},
		foreignAnswer: func(string, []byte) {},
	}
}

// send stores a batch and returns the sequence of its record.
func (s *sender) send(ctx context.Context, b *batch) (uint64, error) {
	if err := s.begin(); err != nil {
		return 0, err
	}
	if err := s.stage(b); err != nil {
		return 0, err
	}
	if err := s.commit(b); err != nil {
		return 0, err
	}
	return s.answer(ctx, b)
}

// begin forgets the answers to batches that were given up.
func (s *sender) begin() (err error) {
	clear(s.early)
	if s.answers == nil {
		s.inbox = s.nc.NewInbox()
		s.answers, err = s.nc.SubscribeSync(s.inbox + ".*")
	}
	return err
}

// end undoes begin.
func (s *sender) end() {
	if s.answers != nil {
		_ = s.answers.Unsubscribe() // of a connection that is closed: it has none any more
		s.answers = nil
	}
}

// stage sends a batch's events and index. A batch that is given up then is dropped by the server. It fails with
// jsapi.ErrReconnected where the stream's end was looked at on another connection.
func (s *sender) stage(b *batch) error {
	b.reconnects = s.nc.Stats().Reconnects
	if b.connection > 0 && b.connection != b.reconnects+1 {
		return jsapi.ErrReconnected
	}
	if len(b.entries) == 0 {
		return nil
	}
	b.batched, b.staged = true, true
	s.msg.Header = s.headers.Map
	if b.mode == schema.Structured {
		s.msg.Header = s.few
	}
	s.msg.Header["Nats-Batch-Id"] = []string{b.record.Batch}
	s.msg.Header["Nats-Batch-Sequence"] = s.seqNo
	recorded := time.Now().Truncate(time.Millisecond)
	for i := range b.events {
		if err := s.stageEvent(b, i, recorded); err != nil {
			return err
		}
	}
	return s.nc.PublishMsg(s.indexMsg(b))
}

// stageEvent sends the i-th event. The first message of a batch is answered: with nothing, or with the reason why this
// stream takes no batch.
func (s *sender) stageEvent(b *batch, i int, recorded time.Time) error {
	event := &b.events[i]
	lane := laneOf(event, b.now, b.liveAge)
	if b.mode == schema.Structured {
		s.data = event.AppendStructured(s.data[:0], lane, recorded)
	} else {
		s.headers.Set(event, lane, recorded)
		s.data = event.AppendData(s.data[:0])
	}
	if i == len(s.numbers) {
		s.numbers = append(s.numbers, strconv.Itoa(i+1))
	}
	s.seqNo[0] = s.numbers[i]
	s.msg.Subject, s.msg.Data, s.msg.Reply = event.Ingest(lane), s.data, ""
	if i == 0 {
		s.msg.Reply = s.stageReply(b)
		b.expectTail(s.msg.Header)
		defer delete(s.msg.Header, expectedLast)
	}
	return s.nc.PublishMsg(&s.msg)
}

func (s *sender) indexMsg(b *batch) *nats.Msg {
	body := make([]byte, 0, len(b.entries)*checkpoint.EntrySize)
	for _, e := range b.entries {
		body = append(body, e[:]...)
	}
	msg := &nats.Msg{Subject: b.indexSubject, Data: body, Header: nats.Header{
		"Nats-Batch-Id":       {b.record.Batch},
		"Nats-Batch-Sequence": {strconv.Itoa(len(b.events) + 1)},
		"Saveris-Events":      {strconv.Itoa(len(b.entries))},
	}}
	if len(b.events) == 0 { // it is the first message
		msg.Reply = s.stageReply(b)
	}
	if b.again {
		msg.Header[checkpoint.HeaderAgain] = msg.Header["Saveris-Events"]
	}
	if len(b.events) == 0 {
		b.expectTail(msg.Header)
	}
	return msg
}

const expectedLast = "Nats-Expected-Last-Sequence"

// expectTail makes the server refuse the batch if something has been stored behind the tail; only the first message of a
// batch may say so.
func (b *batch) expectTail(header nats.Header) {
	if b.tail > 0 {
		header[expectedLast] = []string{strconv.FormatUint(b.tail, 10)}
	}
}

// expectRecord makes the server refuse the batch if the day's last record is another one than the writer has read. Before
// 2.12.15 it would look at the subject that the record is published on, which has no messages.
func (b *batch) expectRecord(header nats.Header) {
	header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(b.after, 10)}
	header["Nats-Expected-Last-Subject-Sequence-Subject"] = []string{b.storedRecord}
}

// commit sends the record of a batch that has been staged: the server stores all of it or nothing.
func (s *sender) commit(b *batch) error {
	if b.reconnects != s.nc.Stats().Reconnects {
		return jsapi.ErrReconnected
	}
	header := nats.Header{"Nats-Expected-Stream": {b.stream}}
	b.expectRecord(header)
	if len(b.entries) == 0 {
		b.expectTail(header)
	} else {
		header["Nats-Batch-Id"] = []string{b.record.Batch}
		header["Nats-Batch-Sequence"] = []string{strconv.Itoa(len(b.events) + 2)}
		header["Nats-Batch-Commit"] = []string{"1"}
	}
	return s.nc.PublishMsg(&nats.Msg{Subject: b.recordSubject, Reply: s.commitReply(b), Data: b.data, Header: header})
}

// abandon has the server forget a batch that has been staged and will not be committed, by a gap in its sequence. It would
// do so by itself ten seconds later, and takes only so many unfinished batches.
func (s *sender) abandon(b *batch) {
	if len(b.entries) == 0 {
		return
	}
	_ = s.nc.PublishMsg(&nats.Msg{Subject: b.recordSubject, Data: b.data, Header: nats.Header{ // an error: it forgets it anyway
		"Nats-Batch-Id":       {b.record.Batch},
		"Nats-Batch-Sequence": {strconv.Itoa(len(b.events) + 3)},
	}})
}

// waiting returns the context in which the answer to a batch is waited for: when ctx ends, for lastAnswer more, and no longer than the
// connection lasts on which it was sent.
func (s *sender) waiting(ctx context.Context, b *batch) (wait context.Context, end func()) {
	connected, stop := jsapi.UntilReconnected(context.WithoutCancel(ctx), s.nc, b.reconnects)
	wait, cancel := context.WithTimeout(connected, s.timeout)
	ended := context.AfterFunc(ctx, func() { time.AfterFunc(s.last, cancel) })
	return wait, func() { ended(); cancel(); stop() }
}

// answer waits until the server has stored a batch and returns the sequence of its last message. It fails with ErrUnanswered where
// no answer comes in time, and with ErrDisconnected where there is no connection by then.
func (s *sender) answer(ctx context.Context, b *batch) (uint64, error) {
	wait, end := s.waiting(ctx, b)
	defer end()
	var seq uint64
	var err error
	if b.staged {
		_, err = s.await(wait, s.stageReply(b), b)
	}
	if err == nil {
		seq, err = s.await(wait, s.commitReply(b), b)
	}
	switch {
	case !errors.Is(err, context.DeadlineExceeded):
		return seq, err
	case !s.nc.IsConnected():
		return 0, fmt.Errorf("%w: no answer within %v: %w", ErrDisconnected, s.timeout, err)
	}
	return 0, fmt.Errorf("%w within %v: %w", ErrUnanswered, s.timeout, err)
}

// The subjects that the server answers a batch on.
func (s *sender) stageReply(b *batch) string  { return s.inbox + ".s" + b.record.Batch }
func (s *sender) commitReply(b *batch) string { return s.inbox + ".c" + b.record.Batch }

// await returns the sequence that the server's answer on a subject bears, 0 where the answer is empty: it goes on. Everybody who
// hears a request may answer it, before the server and as often as he likes; what is not JetStream's answer to the batch is passed
// over.
func (s *sender) await(ctx context.Context, subject string, b *batch) (seq uint64, err error) {
	for {
		for len(s.early[subject]) > 0 {
			msg := s.early[subject][0]
			s.early[subject] = s.early[subject][1:]
			ack, named := readAck(msg.Data)
			switch {
			case len(msg.Data) == 0 && msg.Header.Get("Status") == "503":
				return 0, nats.ErrNoResponders
			case len(msg.Data) == 0 && subject == s.stageReply(b):
				return 0, nil
			case named && ack.answers(b, s.domain):
				return ack.result()
			}
			s.foreignAnswer(b.recordSubject, msg.Data)
		}
		msg, err := s.answers.NextMsgWithContext(ctx)
		if err != nil {
			return 0, jsapi.OrReconnected(ctx, err)
		}
		s.early[msg.Subject] = append(s.early[msg.Subject], msg)
	}
}

// ack is the server's answer to a stored message or batch.
type ack struct {
	Error  *jetstream.APIError `json:"error"`
	Stream string              `json:"stream"`
	Domain string              `json:"domain"`
	Seq    uint64              `json:"seq"`
	Batch  string              `json:"batch"`
}

// readAck reads an answer, and reports whether it names a stream, as all of JetStream's do.
func readAck(answer []byte) (a ack, named bool) {
	err := json.Unmarshal(answer, &a)
	return a, err == nil && a.Stream != ""
}

// answers reports whether the answer is to a batch.
func (a ack) answers(b *batch, domain string) bool {
	switch {
	case a.Stream != b.stream:
		return false
	case a.Error != nil:
		return true
	case domain != "" && a.Domain != domain, a.Seq <= b.after:
		return false
	case !b.batched:
		return a.Batch == ""
	}
	return a.Batch == b.record.Batch
}

// result is the sequence of what was stored last, or why nothing was.
func (a ack) result() (seq uint64, err error) {
	switch {
	case a.Error == nil:
		return a.Seq, nil
	case jsapi.Conflict(a.Error):
		return 0, fmt.Errorf("%w: %w", errConflict, a.Error)
	}
	return 0, a.Error
}

// CheckBatches returns an ErrUnfit where the server takes fewer messages in a batch than the bridge needs. It asks by the last
// message of a batch that nobody has begun, which no server stores. Where nobody answers, the first commit finds out.
func (c Config) CheckBatches(ctx context.Context, js jetstream.JetStream, feed schema.Feed) error {
	s := newSender(js, serverAnswer)
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	b := &batch{stream: c.Names.Stream(feed), recordSubject: c.Names.ingest(c.Names.record(feed, "check")), record: checkpoint.Record{Batch: newBatchID()}}
	err := s.nc.PublishMsg(&nats.Msg{Subject: b.recordSubject, Reply: s.commitReply(b), Header: nats.Header{
		"Nats-Batch-Id": {b.record.Batch}, "Nats-Batch-Sequence": {strconv.Itoa(minBatch)}, "Nats-Expected-Stream": {"none"}, // or what knows nothing of batches would store it
	}})
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err = s.await(wait, s.commitReply(b), b)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case jsapi.HasCode(err, jsapi.CodeBatchTooLarge):
		return fewMessages(err)
	}
	return nil
}

// fewMessages marks the refusal of a batch that is as small as one can be; all other errors stay as they are.
func fewMessages(err error) error {
	if !jsapi.HasCode(err, jsapi.CodeBatchTooLarge) {
		return err
	}
	return unfitf("the server allows fewer than %d messages in a batch (jetstream { limits { batch { max_msgs } } }): %w", minBatch, err)
}

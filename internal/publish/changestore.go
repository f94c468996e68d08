package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/schema"
)

// change is an event that is stored only where the newest message on its subject is the one that it follows.
type change interface {
	ID() string
	Subject(prefix string) string
	Ingest(prefix string) string
	Follows() uint64 // a sequence, 0 for none
	Message(mode schema.Mode, baseURL string, recorded time.Time) (header map[string][]string, body []byte)
}

// changeStore stores the events of a feed each of which follows the one before it on its subject, each exactly once. One goroutine at a
// time may use it.
type changeStore struct {
	Mode    schema.Mode
	BaseURL string        // the vendor's, without the version part
	Timeout time.Duration // how long the broker may take for a batch before it counts as unanswered, 0 = 15 s
	// OnForeign is called with somebody else's message whenever it is passed over; OnForeignAnswer when somebody else has answered.
	OnForeign       func(checkpoint.ForeignMessage)
	OnForeignAnswer func(subject string, answer []byte)
	// OnTooLarge is called with each event that is larger than a message may be, with its subject and the reason: it is left out, and the
	// others are stored. nil = such an event is an error like any other.
	OnTooLarge func(subject string, err error)

	js     jetstream.JetStream
	config Config
	names  Names
	feed   schema.Feed
	stream *checkpoint.Stream
	send   *sender
	most   int               // messages in a batch
	behind map[string]uint64 // last sequences of subjects whose last message is somebody else's
	newest stored            // of ours

	missing time.Time // since when the stream is not there; zero where it is
}

// stored is an event of ours in the stream.
type stored struct {
	seq uint64
	id  string
}

func (c *changeStore) init(js jetstream.JetStream, config Config, feed schema.Feed) {
	*c = changeStore{
		js: js, config: config, names: config.Names, feed: feed, send: newSender(js, defaultTimeout), most: maxBatch, behind: map[string]uint64{}, Mode: schema.Binary,
		stream: checkpoint.NewStream(js, config.Names.Stream(feed), config.Names.Prefix, string(feed)),
	}
	c.stream.OnForeign = func(f checkpoint.ForeignMessage) {
		if c.OnForeign != nil {
			c.OnForeign(f)
		}
	}
	c.send.foreignAnswer = func(subject string, answer []byte) {
		if c.OnForeignAnswer != nil {
			c.OnForeignAnswer(subject, answer)
		}
	}
	c.stream.OnForeignAnswer = c.send.foreignAnswer
}

// load calls each with the newest event on every subject of the feed, oldest first. Id returns the id of one.
func (c *changeStore) load(ctx context.Context, each func(checkpoint.StoredEvent) (id string, err error)) error {
	clear(c.behind)
	c.newest = stored{}
	if err := c.routed(ctx); err != nil {
		return err
	}
	err := c.stream.Latest(ctx, func(e checkpoint.StoredEvent, last uint64) error {
		if e.Seq != last {
			c.behind[e.Subject] = last
		}
		if e.Seq == 0 {
			return nil
		}
		id, err := each(e)
		if err == nil && e.Seq > c.newest.seq {
			c.newest = stored{e.Seq, id}
		}
		return err
	})
	if err != nil {
		return c.diagnose(ctx, fmt.Errorf("read the newest %s: %w", c.feed, err))
	}
	return nil
}

// routed returns an error where the stream, as it is by now, does not store what it is sent where it is looked for: it would be stored again
// and again.
func (c *changeStore) routed(ctx context.Context) error {
	info, err := c.stream.Info(ctx)
	if err := c.diagnose(ctx, err); err != nil {
		return err
	}
	var unfit *Unfit
	if err := c.config.CheckStream(c.feed, info.Config); errors.As(err, &unfit) && unfit.Routes {
		return err
	}
	return nil
}

// stands reports whether the stream still ends with what was loaded or stored last; if not, it was made anew, has lost its tail or
// got more, and has to be loaded.
func (c *changeStore) stands(ctx context.Context, id func(checkpoint.StoredEvent) (string, error)) (bool, error) {
	e, err := c.stream.NewestEvent(ctx, c.names.Prefix+"."+string(c.feed)+".>")
	if err := c.diagnose(ctx, err); err != nil {
		return false, err
	}
	if e.Seq == 0 || e.Seq != c.newest.seq {
		return e.Seq == c.newest.seq, nil
	}
	has, err := id(e)
	return err == nil && has == c.newest.id, nil
}

// store stores n events of different subjects, in their order, and calls done with each and the sequence of its message once it is stored.
// See Changes.Store.
func (c *changeStore) store(ctx context.Context, n int, event func(i int) change, done func(i int, sequence uint64)) error {
	c.send.timeout = cmp.Or(c.Timeout, defaultTimeout)
	defer c.send.end()
	for at, most := 0, c.most; at < n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		some := make([]change, min(most, n-at))
		for i := range some {
			some[i] = event(at + i)
		}
		last, err := c.batch(ctx, some)
		switch {
		case halve(&c.most, err):
			most = c.most
			continue
		case tooLarge(err) && len(some) > 1: // one of them
			most = len(some) / 2
			continue
		case errors.Is(err, errTooLarge) && c.OnTooLarge != nil:
			c.OnTooLarge(some[0].Subject(c.names.Prefix), err)
			at, most = at+1, c.most
			continue
		case err != nil:
			return c.diagnose(ctx, fmt.Errorf("store %d %s: %w", len(some), c.feed, err))
		}
		c.missing = time.Time{}
		for i, e := range some {
			delete(c.behind, e.Subject(c.names.Prefix))
			done(at+i, last-uint64(len(some)-1-i))
		}
		c.newest = stored{last, some[len(some)-1].ID()}
		at, most = at+len(some), c.most
	}
	return nil
}

// errTooLarge: a message is larger than the connection or the stream takes.
var errTooLarge = errors.New("it is too large for a message")

// tooLarge reports whether one of the messages of a batch may be too large: of all but the first and the last the server says only that the
// batch lacks them.
func tooLarge(err error) bool {
	return errors.Is(err, errTooLarge) || jsapi.HasCode(err, jsapi.CodeBatchIncomplete)
}

// batch stores changes in one atomic batch and returns the sequence of the last one.
func (c *changeStore) batch(ctx context.Context, changes []change) (last uint64, err error) {
	if err := c.send.begin(); err != nil {
		return 0, err
	}
	recorded := time.Now().Truncate(time.Millisecond)
	messages := make([]*nats.Msg, len(changes))
	for i := range changes {
		messages[i] = c.message(changes[i], recorded)
		if size, most := messages[i].Size()+roomForBatch, c.js.Conn().MaxPayload(); most > 0 && int64(size) > most {
			return 0, fmt.Errorf("%w: %d bytes, max_payload is %d", errTooLarge, size, most)
		}
	}
	last, err = c.send.messages(ctx, c.names.Stream(c.feed), messages)
	if jsapi.HasCode(err, jsapi.CodeMessageTooLarge) {
		err = fmt.Errorf("%w: %w", errTooLarge, err)
	}
	return last, err
}

// roomForBatch is more than the headers take that a message has as one of a batch.
const roomForBatch = 256

// message makes the message of a change, which the server refuses where the last one on its subject is not the one that the change follows.
func (c *changeStore) message(e change, recorded time.Time) *nats.Msg {
	header, body := e.Message(c.Mode, c.BaseURL, recorded)
	subject := e.Subject(c.names.Prefix)
	after := max(e.Follows(), c.behind[subject])
	msg := &nats.Msg{Subject: e.Ingest(c.names.Prefix), Data: body, Header: nats.Header{}}
	for key, values := range header {
		msg.Header[key] = slices.Clone(values)
	}
	msg.Header["Nats-Expected-Stream"] = []string{c.names.Stream(c.feed)}
	msg.Header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(after, 10)}
	msg.Header["Nats-Expected-Last-Subject-Sequence-Subject"] = []string{subject}
	return msg
}

// diagnose names a connection that is down, which the log has already, and makes the stream again where somebody has removed it, and it
// has been missing since long enough. No error says that it is there.
func (c *changeStore) diagnose(ctx context.Context, err error) error {
	if err == nil {
		c.missing = time.Time{}
		return nil
	}
	if errors.Is(err, ErrDisconnected) {
		return err
	}
	if disconnected(c.js.Conn(), err) {
		return fmt.Errorf("%w: %w", ErrDisconnected, err)
	}
	if !jsapi.Missing(err) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		c.missing = time.Time{}
		return err
	}
	if c.missing.IsZero() {
		c.missing = time.Now()
	}
	if time.Since(c.missing) >= removalTime {
		c.missing = time.Time{}
		if again := c.config.ensureStream(ctx, c.js, c.feed); again != nil {
			return fmt.Errorf("%w; make the stream again: %w", err, again)
		}
	}
	return err
}

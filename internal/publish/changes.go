package publish

import (
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

// ErrConflict says that the stream holds something else than the writer has read: it has to be read again.
var ErrConflict = errors.New("another writer has stored a change meanwhile")

// Changes stores what changes in the fleet, each change exactly once, and reads what is stored. One goroutine at a time may use it.
type Changes struct {
	Mode    schema.Mode
	BaseURL string // the vendor's, without the version part
	// OnForeign is called with somebody else's message whenever it is passed over; OnForeignAnswer when somebody else has answered.
	OnForeign       func(checkpoint.ForeignMessage)
	OnForeignAnswer func(subject string, answer []byte)

	js     jetstream.JetStream
	config Config
	names  Names
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

// NewChanges makes what stores changes of the fleet in its stream.
func NewChanges(js jetstream.JetStream, config Config) *Changes {
	c := &Changes{
		js: js, config: config, names: config.Names, send: newSender(js, defaultTimeout), most: maxBatch, behind: map[string]uint64{}, Mode: schema.Binary,
		stream: checkpoint.NewStream(js, config.Names.Stream(schema.Devices), config.Names.Prefix, string(schema.Devices)),
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
	return c
}

// Load calls each with the newest change of every thing, oldest first. An error of each ends it and is returned as it is.
func (c *Changes) Load(ctx context.Context, each func(schema.StoredFleetChange, uint64) error) error {
	clear(c.behind)
	c.newest = stored{}
	err := c.stream.Latest(ctx, func(e checkpoint.StoredEvent, last uint64) error {
		if e.Seq != last {
			c.behind[e.Subject] = last
		}
		if e.Seq == 0 {
			return nil
		}
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		if err != nil {
			return err // it was read before
		}
		if e.Seq > c.newest.seq {
			c.newest = stored{e.Seq, change.ID}
		}
		return each(change, e.Seq)
	})
	if err != nil {
		return c.diagnose(ctx, fmt.Errorf("read the changes of the fleet: %w", err))
	}
	return nil
}

// Stands reports whether the stream still ends with what was loaded or stored last; if not, it was made anew, has lost its tail or
// got more, and has to be loaded.
func (c *Changes) Stands(ctx context.Context) (bool, error) {
	e, err := c.stream.NewestEvent(ctx, c.names.Prefix+"."+string(schema.Devices)+".>")
	if err != nil {
		return false, c.diagnose(ctx, err)
	}
	if e.Seq == 0 || e.Seq != c.newest.seq {
		return e.Seq == c.newest.seq, nil
	}
	change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
	return err == nil && change.ID == c.newest.id, nil
}

// Store stores changes of different things, in their order, and calls done with each and the sequence of its message once it is stored.
// It fails with ErrConflict where a subject's last message is another one than the change follows. After any error the stream may
// hold more than done was called for, and has to be loaded again before anything else is stored. A context that ends lets the
// batch in hand finish.
func (c *Changes) Store(ctx context.Context, changes []schema.FleetChange, done func(i int, sequence uint64)) error {
	defer c.send.end()
	for at := 0; at < len(changes); {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(c.most, len(changes)-at)
		last, err := c.batch(ctx, changes[at:at+n])
		if jsapi.HasCode(err, jsapi.CodeBatchTooLarge) && c.most > 1 {
			c.most = max(1, c.most/2)
			continue
		}
		if err != nil {
			return c.diagnose(ctx, fmt.Errorf("store %d changes of the fleet: %w", n, err))
		}
		for i := range n {
			change := &changes[at+i]
			delete(c.behind, change.Subject(c.names.Prefix))
			done(at+i, last-uint64(n-1-i))
		}
		c.newest = stored{last, changes[at+n-1].ID()}
		at += n
	}
	return nil
}

// batch stores changes in one atomic batch and returns the sequence of the last one.
func (c *Changes) batch(ctx context.Context, changes []schema.FleetChange) (last uint64, err error) {
	if err := c.send.begin(); err != nil {
		return 0, err
	}
	b := &batch{
		stream: c.names.Stream(schema.Devices), record: checkpoint.Record{Batch: newBatchID()}, recordSubject: changes[0].Ingest(c.names.Prefix),
		entries: make([]checkpoint.Entry, 1), // it has messages before the one that commits it
	}
	recorded := time.Now().Truncate(time.Millisecond)
	for i := range changes {
		msg := c.message(&changes[i], recorded)
		msg.Header["Nats-Batch-Id"] = []string{b.record.Batch}
		msg.Header["Nats-Batch-Sequence"] = []string{strconv.Itoa(i + 1)}
		switch i {
		case len(changes) - 1:
			msg.Header["Nats-Batch-Commit"] = []string{"1"}
			msg.Reply = c.send.commitReply(b)
		case 0:
			msg.Reply = c.send.stageReply(b)
		}
		if err := c.send.nc.PublishMsg(msg); err != nil {
			return 0, err
		}
	}
	return c.answer(ctx, b, len(changes))
}

// answer waits until the server has stored a batch of n messages. The first one of several is answered too.
func (c *Changes) answer(ctx context.Context, b *batch, n int) (last uint64, err error) {
	if n > 1 {
		last, err = c.send.answer(ctx, b)
	} else {
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.send.timeout)
		defer cancel()
		defer context.AfterFunc(ctx, func() { time.AfterFunc(lastAnswer, cancel) })()
		last, err = c.send.await(wait, c.send.commitReply(b), b)
	}
	if errors.Is(err, errConflict) {
		return 0, fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return last, err
}

// message makes the message of a change, which the server refuses where the last one on its subject is not the one that the change follows.
func (c *Changes) message(change *schema.FleetChange, recorded time.Time) *nats.Msg {
	header, body := change.Message(c.Mode, c.BaseURL, recorded)
	subject := change.Subject(c.names.Prefix)
	after := max(change.Before, c.behind[subject])
	msg := &nats.Msg{Subject: change.Ingest(c.names.Prefix), Data: body, Header: nats.Header{}}
	for key, values := range header {
		msg.Header[key] = slices.Clone(values)
	}
	msg.Header["Nats-Expected-Stream"] = []string{c.names.Stream(schema.Devices)}
	msg.Header["Nats-Expected-Last-Subject-Sequence"] = []string{strconv.FormatUint(after, 10)}
	msg.Header["Nats-Expected-Last-Subject-Sequence-Subject"] = []string{subject}
	return msg
}

// diagnose names a connection that is down, which the log has already, and makes the stream again where somebody has removed it.
func (c *Changes) diagnose(ctx context.Context, err error) error {
	if !c.js.Conn().IsConnected() {
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
		if again := c.config.ensureStream(ctx, c.js, schema.Devices); again != nil {
			return fmt.Errorf("%w; make the stream again: %w", err, again)
		}
	}
	return err
}

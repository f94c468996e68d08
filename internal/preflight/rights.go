package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// allow is the hint where a message to a subject was refused.
func (c *checkup) allow(err error, subject string) string {
	if errors.Is(err, natsconn.ErrNoAnswers) {
		return "let the account subscribe to " + cmp.Or(c.nc.Opts.InboxPrefix, "_INBOX") + ".>, or set NATS_INBOX_PREFIX to what it may subscribe to"
	}
	return "let the account publish to " + subject
}

// checkRights tries everything else that run will ask of the server in the course of time, in words that change nothing.
func checkRights(ctx context.Context, c *checkup) Finding {
	var missing []string
	for _, call := range []string{"STREAM.MSG.GET.", "DIRECT.GET.", "CONSUMER.CREATE.", "CONSUMER.MSG.NEXT.", "CONSUMER.DELETE."} {
		for _, feed := range publish.StreamFeeds {
			if err := c.mayCall(ctx, call, c.broker.Names.Stream(feed)); err != nil {
				missing = append(missing, c.api(call+">"))
				break
			}
		}
	}
	if len(missing) > 0 {
		return fail(fmt.Errorf("%w: the account lacks rights", natsconn.ErrUnusable), "let the account publish to "+strings.Join(missing, ", "))
	}
	if names := c.api("STREAM.NAMES"); natsconn.Forbidden(c.may(ctx, names)) {
		return warn(c.allow(nil, names), "the account may read the streams, but not look for others: there is no replay, and nobody says which stream has subjects of the bridge's")
	}
	return ok("the account may read the streams")
}

// mayCall reports whether the server forbids a call about a stream; what else it answers does not matter.
func (c *checkup) mayCall(ctx context.Context, call, stream string) error {
	if strings.HasPrefix(call, "CONSUMER.") {
		stream += ".saveris-bridge-check"
	}
	return c.may(ctx, c.api(call+stream))
}

// may asks something in words that no server understands, and returns its refusal, if it is for want of a right.
func (c *checkup) may(ctx context.Context, subject string) error {
	return natsconn.Refused(ctx, c.nc, &nats.Msg{Subject: subject, Data: []byte("{")})
}

// mayAsk reports whether a stream can be asked for. The library would wait for an answer that never comes.
func (c *checkup) mayAsk(ctx context.Context, stream string) *Finding {
	subject := c.api("STREAM.INFO." + stream)
	if err := natsconn.Refused(ctx, c.nc, &nats.Msg{Subject: subject}); err != nil {
		f := fail(err, c.allow(err, subject))
		return &f
	}
	return nil
}

// mayCreate asks for a stream in words that no server understands: the refusal shows that the account may ask.
// By is the command that creates it.
func (c *checkup) mayCreate(ctx context.Context, stream, by string) Finding {
	subject := c.api("STREAM.CREATE." + stream)
	if _, err := natsconn.Probe(ctx, c.nc, &nats.Msg{Subject: subject, Data: []byte("{")}); err != nil {
		return fail(fmt.Errorf("it does not exist, and cannot be created: %w", err), c.allow(err, subject)+", or create it")
	}
	return ok("does not exist yet, %s creates it", by)
}

// fatal says that nothing goes without what a Finding is about.
func fatal(f Finding) Finding {
	if f.Err == nil {
		return f
	}
	return fail(fmt.Errorf("%w: %w", natsconn.ErrUnusable, f.Err), f.Hint)
}

// mayStore reports whether all that belongs into a feed's stream may be sent to it.
func (c *checkup) mayStore(ctx context.Context, feed schema.Feed) *Finding {
	subjects := c.broker.Names.Subjects(feed)
	var missing []string
	var refused error
	for _, subject := range subjects {
		if err := mayPublish(ctx, c.nc, strings.TrimSuffix(subject, ">")+"check"); err != nil {
			missing, refused = append(missing, subject), err
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case len(subjects):
		missing = []string{c.broker.Names.Ingest() + ".>"}
	}
	f := fail(fmt.Errorf("%w: publish to %s: %w", natsconn.ErrUnusable, c.broker.Names.Stream(feed), refused), "let the account publish to "+strings.Join(missing, ", "))
	return &f
}

// mayPublish publishes a message that no stream takes, because it names another one than it goes to, and returns the server's refusal,
// if it is for want of a right.
func mayPublish(ctx context.Context, nc *nats.Conn, subject string) error {
	return natsconn.Refused(ctx, nc, &nats.Msg{Subject: subject, Header: nats.Header{jetstream.ExpectedStreamHeader: {"saveris-bridge-check"}}})
}

// api is where this connection's JetStream takes a call.
func (c *checkup) api(call string) string { return jsapi.Subject(c.js.Options(), call) }

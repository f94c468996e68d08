package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errNoAnswers says that the account may not receive what the server answers.
var errNoAnswers = errors.New("answers cannot be received")

// forbidden tells whether an error is a refusal by the server for want of a right.
func forbidden(err error) bool { return errors.Is(err, nats.ErrPermissionViolation) }

// noInbox tells whether an error is a refusal of the subscription on which answers come: the bridge has no others.
func noInbox(err error) bool {
	return forbidden(err) && strings.Contains(err.Error(), "Violation for Subscription")
}

// allow is the hint where a message to a subject was refused.
func (c *checkup) allow(err error, subject string) string {
	if errors.Is(err, errNoAnswers) {
		return "let the account subscribe to " + cmp.Or(c.nc.Opts.InboxPrefix, "_INBOX") + ".>, or set NATS_INBOX_PREFIX to what it may subscribe to"
	}
	return "let the account publish to " + subject
}

// checkRights tries everything else that run will ask of the server in the course of time, in words that change nothing.
func checkRights(config publish.Config) func(context.Context, *checkup) finding {
	return func(ctx context.Context, c *checkup) finding {
		var missing []string
		for _, call := range []string{"STREAM.MSG.GET.", "DIRECT.GET.", "CONSUMER.CREATE.", "CONSUMER.MSG.NEXT.", "CONSUMER.DELETE."} {
			for _, feed := range publish.Feeds {
				if err := c.mayCall(ctx, call, config.Names.Stream(feed)); err != nil {
					missing = append(missing, c.api(call+">"))
					break
				}
			}
		}
		if len(missing) > 0 {
			return failing(fmt.Errorf("%w: the account lacks rights", errNATS), "let the account publish to "+strings.Join(missing, ", "))
		}
		if names := c.api("STREAM.NAMES"); forbidden(c.may(ctx, names)) {
			return warning(c.allow(nil, names), "the account may read the streams, but not look for others: there is no replay, and nobody says which stream has subjects of the bridge's")
		}
		return fine("the account may read the streams")
	}
}

// mayCall tells whether the server forbids a call about a stream; what else it answers does not matter.
func (c *checkup) mayCall(ctx context.Context, call, stream string) error {
	if strings.HasPrefix(call, "CONSUMER.") {
		stream += ".saveris-bridge-check"
	}
	return c.may(ctx, c.api(call+stream))
}

// may asks something in words that no server understands, and gives its refusal, if it is for want of a right.
func (c *checkup) may(ctx context.Context, subject string) error {
	if _, err := probe(ctx, c.nc, &nats.Msg{Subject: subject, Data: []byte("{")}); forbidden(err) {
		return err
	}
	return nil
}

// mayAsk tells whether a stream can be asked for. The library would wait for an answer that never comes.
func (c *checkup) mayAsk(ctx context.Context, stream string) *finding {
	subject := c.api("STREAM.INFO." + stream)
	if _, err := probe(ctx, c.nc, &nats.Msg{Subject: subject}); forbidden(err) {
		f := failing(err, c.allow(err, subject))
		return &f
	}
	return nil
}

// mayCreate asks for a stream in words that no server understands: the refusal shows that the account may ask.
func (c *checkup) mayCreate(ctx context.Context, stream string) finding {
	subject := c.api("STREAM.CREATE." + stream)
	if _, err := probe(ctx, c.nc, &nats.Msg{Subject: subject, Data: []byte("{")}); err != nil {
		return failing(fmt.Errorf("it does not exist, and cannot be created: %w", err), c.allow(err, subject)+", or create it")
	}
	return fine("does not exist yet, run creates it")
}

// needed says that nothing goes without what a finding is about.
func needed(f finding) finding {
	if f.err != nil {
		f.err = fmt.Errorf("%w: %w", errNATS, f.err)
	}
	return f
}

// mayStore tells whether all that belongs into a feed's stream may be sent to it.
func (c *checkup) mayStore(ctx context.Context, config publish.Config, feed schema.Feed) *finding {
	subjects := config.Names.Subjects(feed)
	var missing []string
	var refused error
	for _, subject := range subjects {
		if err := mayPublish(ctx, c.nc, strings.TrimSuffix(subject, ">")+"check"); forbidden(err) {
			missing, refused = append(missing, subject), err
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case len(subjects):
		missing = []string{config.Names.Ingest() + ".>"}
	}
	f := failing(fmt.Errorf("%w: publish to %s: %w", errNATS, config.Names.Stream(feed), refused), "let the account publish to "+strings.Join(missing, ", "))
	return &f
}

// mayPublish publishes a message that the server must refuse, because it names another stream than the one it goes to.
// Where no stream has the subject, there is nobody to answer.
func mayPublish(ctx context.Context, nc *nats.Conn, subject string) error {
	_, err := probe(ctx, nc, &nats.Msg{Subject: subject, Header: nats.Header{jetstream.ExpectedStreamHeader: {"saveris-bridge-check"}}})
	return err
}

// api is where this connection's JetStream takes a call.
func (c *checkup) api(call string) string { return apiSubject(c.js.Options(), call) }

// apiSubject is where JetStream takes a call, in a domain or under a prefix too.
func apiSubject(o jetstream.JetStreamOptions, call string) string {
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + call
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "." + call
	}
	return "$JS.API." + call
}

// probe sends a message that changes nothing and wants an answer, whatever it is. A server that forbids it says so
// before it answers the flush, so a refusal needs no waiting.
func probe(ctx context.Context, nc *nats.Conn, m *nats.Msg) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, natsAnswer)
	defer cancel()
	m.Reply = nc.NewRespInbox()
	var answers *nats.Subscription
	err := refusedBy(ctx, nc, func() (err error) {
		answers, err = nc.SubscribeSync(m.Reply)
		return err
	})
	if answers != nil {
		defer func() { _ = answers.Unsubscribe() }()
	}
	if forbidden(err) {
		return nil, fmt.Errorf("%w: %w", errNoAnswers, err)
	}
	if err == nil {
		err = refusedBy(ctx, nc, func() error { return nc.PublishMsg(m) })
	}
	if err != nil {
		return nil, err
	}
	return answers.NextMsgWithContext(ctx) // nats.ErrNoResponders where nobody listens
}

// refusedBy does something and gives the server's refusal of it, if there is one.
func refusedBy(ctx context.Context, nc *nats.Conn, do func() error) error {
	before := nc.LastError()
	if err := do(); err != nil {
		return err
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	if last := nc.LastError(); last != before && forbidden(last) {
		return last
	}
	return nil
}

// refusal gives the server's refusal in the place of the timeout that it looks like.
func refusal(nc *nats.Conn, err error) error {
	if err == nil {
		return nil
	}
	if last := nc.LastError(); errors.Is(err, context.DeadlineExceeded) && errors.Is(last, nats.ErrPermissionViolation) {
		return last
	}
	return err
}

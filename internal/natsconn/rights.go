package natsconn

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// ErrNoAnswers means that the account may not receive what the server answers.
var ErrNoAnswers = errors.New("answers cannot be received")

// Forbidden reports whether an error is a refusal by the server for want of a right.
func Forbidden(err error) bool { return errors.Is(err, nats.ErrPermissionViolation) }

// NoInbox reports whether an error is a refusal of the subscription on which answers come: the bridge has no others.
func NoInbox(err error) bool {
	return Forbidden(err) && strings.Contains(err.Error(), "Violation for Subscription")
}

// Probe sends a message that changes nothing and returns the answer, for which it waits AnswerWait at most. It sets the reply of m.
// A server that forbids it says so before it answers the flush, so a refusal needs no waiting.
func Probe(ctx context.Context, nc *nats.Conn, m *nats.Msg) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, AnswerWait)
	defer cancel()
	answers, err := ask(ctx, nc, m)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answers.Unsubscribe() }()
	return answers.NextMsgWithContext(ctx) // nats.ErrNoResponders where nobody listens
}

// Refused sends a message that changes nothing and returns the server's refusal of it for want of a right, nil where there is none. It
// waits for no answer: behind a leaf node there is none where nobody listens.
func Refused(ctx context.Context, nc *nats.Conn, m *nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, AnswerWait)
	defer cancel()
	answers, err := ask(ctx, nc, m)
	if err == nil {
		_ = answers.Unsubscribe()
	}
	if Forbidden(err) {
		return err
	}
	return nil
}

// ask sends a message and returns where its answers come.
func ask(ctx context.Context, nc *nats.Conn, m *nats.Msg) (answers *nats.Subscription, err error) {
	m.Reply = nc.NewRespInbox()
	err = RefusedBy(ctx, nc, func() (err error) {
		answers, err = nc.SubscribeSync(m.Reply)
		return err
	})
	if Forbidden(err) {
		err = fmt.Errorf("%w: %w", ErrNoAnswers, err)
	}
	if err == nil {
		err = RefusedBy(ctx, nc, func() error { return nc.PublishMsg(m) })
	}
	if err != nil && answers != nil {
		_ = answers.Unsubscribe()
	}
	return answers, err
}

// RefusedBy does something on a connection and returns the server's refusal of it, if there is one, or the error of do.
func RefusedBy(ctx context.Context, nc *nats.Conn, do func() error) error {
	before := nc.LastError()
	if err := do(); err != nil {
		return err
	}
	if err := nc.FlushWithContext(ctx); err != nil {
		return err
	}
	if last := nc.LastError(); last != before && Forbidden(last) {
		return last
	}
	return nil
}

// Refusal returns the server's refusal in the place of the timeout that it looks like, any other error as it is.
func Refusal(nc *nats.Conn, err error) error {
	if err == nil {
		return nil
	}
	if last := nc.LastError(); errors.Is(err, context.DeadlineExceeded) && errors.Is(last, nats.ErrPermissionViolation) {
		return last
	}
	return err
}

// untilForbidden returns a context that ends with the server's refusal, as its cause, of anything that a connection does: a
// request that was refused has no answer, and would be waited for.
func untilForbidden(ctx context.Context, nc *nats.Conn) (allowed context.Context, end func()) {
	allowed, refuse := context.WithCancelCause(ctx)
	handler := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if Forbidden(err) {
			refuse(err)
		}
		if handler != nil {
			handler(nc, sub, err)
		}
	})
	return allowed, func() { nc.SetErrorHandler(handler); refuse(nil) }
}

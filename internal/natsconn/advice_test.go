package natsconn

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"saveris-bridge/internal/hint"

	"github.com/nats-io/nats.go/jetstream"
)

func TestAWrongKindOfPortHasItsHint(t *testing.T) {
	for want, err := range map[string]error{
		"leave NATS_TLS_FIRST": tls.RecordHeaderError{}, "no WebSocket is served there": errors.New("malformed HTTP response"),
		"set NATS_TLS_FIRST=true": io.EOF,
	} {
		if advice := Hint(fmt.Errorf("%w: %w", ErrUnusable, err)); !strings.Contains(advice, want) {
			t.Errorf("%v: hint %q, want %q", err, advice, want)
		}
	}
}

// TestWhatSomebodyElseAnsweredIsKnownForIt where it cannot be passed over: by a status that follows the streams.
func TestWhatSomebodyElseAnsweredIsKnownForIt(t *testing.T) {
	for name, err := range map[string]error{
		"a word": json.Unmarshal([]byte("+OK"), new(any)), "of no consumer": jetstream.ErrConsumerCreationResponseEmpty, "of no stream": jetstream.ErrInvalidJetStreamResponse,
	} {
		if advice := Hint(fmt.Errorf("%w: %w: follow: %w", ErrUnusable, context.DeadlineExceeded, err)); advice != ForeignAnswerHint {
			t.Errorf("%s: %q", name, advice)
		}
	}
}

func TestAnUnusableServerHasTheCodeOfNATSUnlessTheErrorHasAnother(t *testing.T) {
	own := &hint.Error{Err: errors.New("x"), Code: hint.Settings, Hint: "own"}
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, 0, ""},
		{errors.New("x"), 0, ""},
		{fmt.Errorf("%w: x", ErrUnusable), hint.NATS, "bridge check tells more"},
		{fmt.Errorf("%w: %w", ErrUnusable, own), hint.Settings, "own"},
		{fmt.Errorf("%w: %w", ErrUnusable, &hint.Error{Err: own.Err, Hint: "no code"}), hint.NATS, "no code"},
	} {
		if code, text := Advice(c.err); code != c.code || text != c.text {
			t.Errorf("%v: got %d %q, want %d %q", c.err, code, text, c.code, c.text)
		}
	}
}

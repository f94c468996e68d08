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
		if advice := Hint(fmt.Errorf("%w: %w: follow: %w", ErrUnusable, context.DeadlineExceeded, err)); advice != StrangerHint {
			t.Errorf("%s: %q", name, advice)
		}
	}
}

// Package jsapi knows how the JetStream API is spoken by hand: how its subjects begin, and what its errors mean.
package jsapi

import (
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Subject returns the subject on which JetStream takes a call such as STREAM.NAMES, in a domain or under a prefix too.
func Subject(o jetstream.JetStreamOptions, call string) string {
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + call
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "." + call
	}
	return "$JS.API." + call
}

// HasCode reports whether the server answered with an error of this code.
func HasCode(err error, code jetstream.ErrorCode) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == code
}

// Missing reports whether an error says that there is no stream, or no bucket any more.
func Missing(err error) bool {
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders) || HasCode(err, jetstream.JSErrCodeStreamNotFound)
}

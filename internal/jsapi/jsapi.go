// Package jsapi speaks the JetStream API by hand: where its subjects begin, whose answers count, and what its errors mean and
// ask people to do.
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

// Conflict reports whether the server refused a message because the last one, of the stream or on its subject, is not the one that was
// expected. The second code says that a write to the subject is under way, which takes its time where the stream is replicated.
func Conflict(err error) bool {
	return HasCode(err, jetstream.JSErrCodeStreamWrongLastSequence) || HasCode(err, jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Codes of nats-server 2.15 that the client library has no names for.
const (
	CodeBatchIncomplete = 10176 // it was idle for too long, or messages of it were lost or refused
	CodeMessageTooLarge = 10054
	CodeBatchTooLarge   = 10199
	CodeManyBatches     = 10210 // others have as many begun as the server allows

	codeExceeded     = 10002
	codeInsufficient = 10023
	CodeMaxStreams   = 10027 // of the account or the server
)

// StreamsHint is what to do where the account or the server allows no more streams.
const StreamsHint = "raise max_streams, or take away what nobody needs: the bridge makes 5 streams and 7 buckets, which are streams too"

// DiskHint is what to do where a server is connected and does not store: nats-server answers nothing once its disk was full.
const DiskHint = "is the disk of the NATS server full? Its log and /healthz say so: free space there and restart it, it stores nothing before; the bridge goes on by itself then, and nothing is lost"

// Hint returns what to do about an error of the JetStream API, by its code; empty where that does not say.
func Hint(err error) string {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return ""
	}
	switch refused.ErrorCode {
	case CodeBatchIncomplete:
		return DiskHint
	case CodeBatchTooLarge:
		return "the NATS server takes fewer messages in a batch than the three that the bridge needs: raise jetstream { limits { batch { max_msgs } } }"
	case CodeManyBatches:
		return "others have begun as many batches as the NATS server allows: raise jetstream { limits { batch { max_inflight_per_stream, max_inflight_total } } }; the bridge goes on by itself then"
	case jetstream.JSErrCodeMaximumConsumersLimit:
		return "others have all consumers that the stream may have: take some away, or raise max_consumers of the stream or the account (where neither has one, default_max_consumers of the server counts); the bridge goes on by itself then"
	case CodeMaxStreams:
		return StreamsHint
	case codeInsufficient, codeExceeded:
		return "the storage that the NATS server or the account allows is used up: raise max_file_store or the account's limit; the bridge goes on by itself then"
	}
	return ""
}

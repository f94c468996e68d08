package natsconn

import (
	"encoding/json"
	"errors"
	"io/fs"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/listen"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ForeignAnswerHint is what to do where somebody else answers for JetStream.
const ForeignAnswerHint = "find who subscribes to all subjects of this account (\">\") and replies to them: nats server report connections --account shows who is connected; the bridge goes on, but slower"

// Hint returns what to do about an error of NATS: the advice that it has, or what the errors of the libraries ask for.
func Hint(err error) string {
	if text := jsapi.Hint(err); text != "" {
		return text
	}
	if _, text := hint.Of(err); text != "" {
		return text
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return "check NATS_CREDS, NATS_NKEY, NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_CONTEXT"
	case NoInbox(err):
		return "let the account subscribe to its inbox, _INBOX.> or what NATS_INBOX_PREFIX says; bridge check names each right that is missing"
	case errors.Is(err, nats.ErrPermissionViolation):
		return "let the account publish and subscribe as docs/operate.md says under Rights; bridge check names each right that is missing"
	case NoTLS(err):
		return "the server does not begin with TLS: leave NATS_TLS_FIRST (tls_first of a context) away, or begin NATS_URL with ws:// if it was wss://"
	case NoWebSocket(err):
		return "no WebSocket is served there: begin NATS_URL with nats:// or tls://, or name the port of the server's websocket"
	case TLSRefused(err), errors.Is(err, nats.ErrTLS), errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return "check NATS_CA, NATS_CERT and NATS_KEY, and whether the URL begins with tls://"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "check the files that NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT and NATS_KEY name"
	case Silent(err):
		return "something listens there and does not say what it is: if it is a NATS server that waits for TLS first, set NATS_TLS_FIRST=true; at its port for WebSocket NATS_URL begins with ws:// or wss://"
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return "check NATS_URL and whether the server runs; without NATS_URL the bridge brings a server of its own"
	case errors.Is(err, jetstream.ErrInvalidJetStreamResponse), errors.Is(err, jetstream.ErrConsumerCreationResponseEmpty), errors.As(err, &syntax):
		return ForeignAnswerHint
	case JetStreamOff(err):
		return "switch JetStream on in the server and for this account"
	}
	return "bridge check tells more"
}

// Advice returns the exit code and the hint of an error: those that it carries, else those of NATS where it is an ErrUnusable, else zero.
func Advice(err error) (code int, text string) {
	code, text = hint.Of(err)
	if code == 0 && errors.Is(err, ErrUnusable) {
		return hint.NATS, Hint(err)
	}
	return code, text
}

// advised adds to an error of NATS what to do.
func advised(err error) error { return hint.Else(err, hint.NATS, Hint(err)) }

// NotListening adds to the error of the embedded server's address what to do where it is taken: whoever has it may be a NATS server.
func NotListening(err *listen.Error) error {
	if !err.Taken() {
		return err
	}
	return &hint.Error{Err: err, Code: hint.NATS, Hint: "choose another " + err.Name + "; if a NATS server runs there, NATS_URL lets the bridge use it"}
}

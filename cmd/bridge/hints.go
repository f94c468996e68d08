package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// vendorHint says what to do about an error of the vendor's side.
func vendorHint(err error) string {
	var proxy *saveris.ProxyError
	var vendor *saveris.Error
	var refused *loginError
	login := "user name and password, or the key"
	if errors.As(err, &refused) {
		login = refused.login
	}
	switch {
	case errors.Is(err, saveris.ErrRefused) && errors.As(err, &vendor) && vendor.Status == http.StatusForbidden && !loggingIn(vendor):
		return "the login works, but this data is refused: the account of " + login + " needs the licence for the Data API"
	case errors.Is(err, saveris.ErrRefused):
		return "check " + login + ": they must be of the region and environment that are set (SAVERIS_REGION, SAVERIS_ENV), and the account needs the licence for the Data API"
	case errors.Is(err, saveris.ErrUntrusted):
		return "nothing was sent: check SAVERIS_URL and the clock of this machine; where a proxy opens TLS on the way, name its authority by SSL_CERT_FILE"
	case errors.Is(err, saveris.ErrAddress) && errors.As(err, &vendor) && vendor.Status >= 300 && vendor.Status < 400:
		return "check SAVERIS_URL: if the host that is named is the vendor's new address, set it; if it is a login page of your own network, let the bridge through"
	case errors.Is(err, saveris.ErrRetired):
		return "look for a newer release of the bridge; this one retries by itself, in case the vendor brings the endpoint back"
	case errors.Is(err, saveris.ErrAddress):
		return "check SAVERIS_URL, or SAVERIS_REGION and SAVERIS_ENV: the URL stands without a version part"
	case errors.Is(err, saveris.ErrNotUnderstood):
		return "nothing of it counts as read: look whether a proxy answers in his place; if it is the vendor himself, he has changed what he sends, and a newer bridge is needed"
	case errors.Is(err, saveris.ErrNotReady):
		return "the vendor takes long to prepare exports; run waits for them as long as SAVERIS_EXPORT_TIMEOUT says, and shows since when"
	case errors.Is(err, saveris.ErrTooLarge):
		return "the vendor cannot prepare that much at once; run asks for smaller windows by itself"
	case (errors.Is(err, saveris.ErrUnresolved) || errors.Is(err, saveris.ErrUnreachable)) && errors.As(err, &vendor) && vendor.Op == "download":
		return "the files lie on a host of their own (S3), which the network has to let through too; docs/configuration.md lists all hosts under Hosts and proxies"
	case errors.Is(err, saveris.ErrUnresolved):
		return "check the network and its DNS, and SAVERIS_REGION, SAVERIS_ENV and SAVERIS_URL, which it is made of"
	case errors.As(err, &proxy) && proxy.Status == 0:
		return "check HTTPS_PROXY (HTTP_PROXY for an http:// address), and whether the proxy runs"
	case errors.As(err, &proxy) && proxy.Status == http.StatusProxyAuthRequired, errors.As(err, &vendor) && vendor.Status == http.StatusProxyAuthRequired:
		return "the proxy wants a login: HTTPS_PROXY=http://user:password@host:port, special characters as %40"
	case errors.As(err, &proxy):
		return "let the proxy pass the vendor's hosts; docs/configuration.md lists them under Hosts and proxies"
	case errors.As(err, &vendor) && vendor.Status >= 500:
		return "the vendor has trouble; run keeps retrying by itself"
	case errors.As(err, &vendor) && vendor.Status == 429:
		return "the vendor throttles this account; run waits as long as he says"
	case errors.As(err, &vendor) && vendor.Status == 0:
		return "check the network, its firewall, and whether a proxy is needed (HTTPS_PROXY); docs/configuration.md lists all hosts"
	}
	return ""
}

// loggingIn reports whether an error is of the login itself, and not of what was asked for with it.
func loggingIn(e *saveris.Error) bool { return e.Op == "log in" || e.Op == "try the API key" }

// edit is the command that has a stream take what the bridge publishes.
func edit(u *publish.Unfit) string {
	want, command := u.Want, "nats stream edit "+u.Want.Name+" --force"
	if u.Routes {
		command += fmt.Sprintf(" --subjects='%s' --transform-source='%s' --transform-destination='%s' %s",
			strings.Join(want.Subjects, ","), want.SubjectTransform.Source, want.SubjectTransform.Destination, republishing(want))
	}
	if u.Atomic {
		command += " --allow-batch"
	}
	return command
}

// feedHint says what to do about an error that keeps a feed from being stored, where a person has to do something.
func feedHint(err error) string {
	switch {
	case errors.Is(err, publish.ErrUnusable), errors.Is(err, nats.ErrPermissionViolation):
		return natsHint(err)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return "the bridge makes the stream again by itself, and reads again what it held; find out who removed it"
	}
	return ""
}

// republish is the command that has a stream show its live events to subscribers, as want does.
func republish(want jetstream.StreamConfig) string {
	return fmt.Sprintf("nats stream edit %s --force %s", want.Name, republishing(want))
}

func republishing(want jetstream.StreamConfig) string {
	return fmt.Sprintf("--republish-source='%s' --republish-destination='%s'", want.RePublish.Source, want.RePublish.Destination)
}

// bucketHint says what to do where a bucket that the bridge can do without is not as it should be, or cannot be had.
func bucketHint(err error, name string) string {
	if errors.Is(err, publish.ErrForeign) {
		return "all else goes on; once whoever manages " + name + " has taken it away, the bridge makes its own"
	}
	return natsHint(err)
}

// storingHint says what to do where a NATS server of another's does not store what it is sent; empty where that is not so.
func storingHint(err error) string {
	const incomplete, insufficient, exceeded, tooLarge, tooMany, consumers = 10176, 10023, 10002, 10199, 10210, 10026 // codes of nats-server
	var refused *jetstream.APIError
	var code jetstream.ErrorCode
	if errors.As(err, &refused) {
		code = refused.ErrorCode
	}
	switch {
	case errors.Is(err, publish.ErrUnanswered), code == incomplete:
		return "is the disk of the NATS server full? Its log and /healthz say so: free space there and restart it, it stores nothing before; the bridge goes on by itself then, and nothing is lost"
	case code == tooLarge:
		return "the NATS server takes fewer messages in a batch than the three that the bridge needs: raise jetstream { limits { batch { max_msgs } } }"
	case code == tooMany:
		return "others have begun as many batches as the NATS server allows: raise jetstream { limits { batch { max_inflight_per_stream, max_inflight_total } } }; the bridge goes on by itself then"
	case code == consumers:
		return "others have all consumers that the stream, the account or the server allows: take some away, or raise max_consumers; the bridge goes on by itself then"
	case code == insufficient, code == exceeded:
		return "the storage that the NATS server or the account allows is used up: raise max_file_store or the account's limit; the bridge goes on by itself then"
	}
	return ""
}

// natsHint says what to do about an error of NATS.
func natsHint(err error) string {
	var overlap *publish.Overlap
	var unfit *publish.Unfit
	var nowhere *natsconn.NoJetStream
	var syntax *json.SyntaxError
	if hint := storingHint(err); hint != "" {
		return hint
	}
	switch {
	case errors.As(err, &unfit) && !unfit.Others && unfit.Routes != unfit.Atomic: // with both it never was a bridge's
		return "what it holds stays as it is: " + edit(unfit)
	case errors.As(err, &unfit):
		return "alter the stream, or choose another BRIDGE_PREFIX; bridge check names each difference"
	case errors.As(err, &overlap):
		return "take the subjects away from that stream, or choose another BRIDGE_PREFIX"
	case errors.Is(err, publish.ErrNeedsMaxBytes):
		return "set BRIDGE_MAX_BYTES to what each stream may take, such as 10GB"
	case errors.Is(err, publish.ErrNoRoom):
		return "each stream that the bridge creates reserves BRIDGE_MAX_BYTES for each of its replicas: set less, or raise the limits of the account or the server"
	case errors.Is(err, publish.ErrSmallMessages):
		return fmt.Sprintf("raise max_payload to %d (1 MiB) or more wherever it is lower: for the server, the account, the user", publish.MinPayload)
	case errors.Is(err, publish.ErrFewConsumers):
		return fmt.Sprintf("raise max_consumers of the account to %d or more", publish.MinConsumers)
	case errors.Is(err, publish.ErrUnusable):
		return "bridge check shows what has to be changed on the server; another BRIDGE_PREFIX makes streams of other names"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrAccountAuthExpired):
		return "check NATS_CREDS, NATS_NKEY, NATS_USER and NATS_PASSWORD, NATS_TOKEN or NATS_CONTEXT"
	case natsconn.NoInbox(err):
		return "let the account subscribe to its inbox, _INBOX.> or what NATS_INBOX_PREFIX says; bridge check names each right that is missing"
	case errors.Is(err, nats.ErrPermissionViolation):
		return "let the account publish and subscribe as docs/operate.md says under Rights; bridge check names each right that is missing"
	case natsconn.NoTLS(err):
		return "the server does not begin with TLS: leave NATS_TLS_FIRST (tls_first of a context) away, or begin NATS_URL with ws:// if it was wss://"
	case natsconn.NoWebSocket(err):
		return "no WebSocket is served there: begin NATS_URL with nats:// or tls://, or name the port of the server's websocket"
	case natsconn.TLSRefused(err), errors.Is(err, nats.ErrTLS), errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted):
		return "check NATS_CA, NATS_CERT and NATS_KEY, and whether the URL begins with tls://"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return "check the files that NATS_CREDS, NATS_NKEY, NATS_CA, NATS_CERT and NATS_KEY name"
	case natsconn.Silent(err):
		return "something listens there and does not say what it is: if it is a NATS server that waits for TLS first, set NATS_TLS_FIRST=true; at its port for WebSocket NATS_URL begins with ws:// or wss://"
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout):
		return "check NATS_URL and whether the server runs; without NATS_URL the bridge brings a server of its own"
	case errors.As(err, &nowhere):
		return "correct " + nowhere.Setting + ", or leave it away: no JetStream answers there, or it is off for this account"
	case errors.Is(err, jetstream.ErrInvalidJetStreamResponse), errors.Is(err, jetstream.ErrConsumerCreationResponseEmpty), errors.As(err, &syntax):
		return strangerAnswersHint
	case natsconn.JetStreamOff(err):
		return "switch JetStream on in the server and for this account"
	}
	return "bridge check tells more"
}

// listenHint says what to do about an address that cannot be listened on.
func listenHint(e *listen.Error) string {
	switch {
	case e.Taken() && errors.Is(e.Err, natsd.ErrListen):
		return "choose another " + e.Name + "; if a NATS server runs there, NATS_URL lets the bridge use it"
	case e.Taken():
		return "something else listens there: stop it, or choose another " + e.Name
	}
	return e.Name + " has to be an address of this machine, with a port that this user may listen on"
}

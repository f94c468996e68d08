package natsconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// AccessOf returns the way to NATS. Variables win over the context: a login of theirs replaces the context's whole login,
// so that two ways are never mixed.
func AccessOf(s config.NATS) (Access, error) {
	var a Access
	if s.NATSContext != "" {
		var err error
		if a, err = ReadContext(s.NATSContext); err != nil {
			return Access{}, fmt.Errorf("%w: %w", ErrContext, err)
		}
	}
	if len(s.NATSURL) > 0 {
		a.URL = strings.Join(s.NATSURL, ",")
	}
	if s.NATSCreds != "" || s.NATSNKey != "" || s.NATSUser != "" || s.NATSToken.Set() {
		a.Creds, a.NKey, a.User = s.NATSCreds, s.NATSNKey, s.NATSUser
		a.Password, a.Token = s.NATSPassword.Reveal(), s.NATSToken.Reveal()
		a.PasswordFile, a.TokenFile = s.SecretFiles["NATS_PASSWORD"], s.SecretFiles["NATS_TOKEN"]
	}
	if s.NATSCert != "" {
		a.Cert, a.Key = s.NATSCert, s.NATSKey
	}
	if s.NATSCA != "" {
		a.CA = s.NATSCA
	}
	if s.NATSTLSFirst != "" {
		a.TLSFirst = s.NATSTLSFirst == "true"
	}
	if s.JSDomain != "" || s.JSAPIPrefix != "" {
		a.Domain, a.APIPrefix = s.JSDomain, s.JSAPIPrefix
	}
	a.InboxPrefix, a.StartWait = cmp.Or(s.InboxPrefix, a.InboxPrefix), s.StartWait
	return a, nil
}

// ConnectNamed connects to the NATS server that the settings name, which is not the embedded one; see Connect.
func ConnectNamed(ctx context.Context, s config.NATS, logger *slog.Logger) (*nats.Conn, error) {
	a, err := AccessOf(s)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, a, logger)
}

// JetStream returns JetStream on a connection, in the domain or under the prefix that is set.
func JetStream(nc *nats.Conn, s config.NATS) (jetstream.JetStream, error) {
	a, err := AccessOf(s)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Domain != "":
		return jetstream.NewWithDomain(nc, a.Domain)
	case a.APIPrefix != "":
		return jetstream.NewWithAPIPrefix(nc, a.APIPrefix)
	default:
		return jetstream.New(nc)
	}
}

// OrNoJetStream names the domain or the API prefix that is set in an error that may come of it; other errors stay as they are.
func OrNoJetStream(s config.NATS, err error) error {
	a, wrong := AccessOf(s)
	if wrong != nil || !JetStreamOff(err) {
		return err
	}
	domain, prefix := "NATS_JS_DOMAIN", "NATS_JS_API_PREFIX"
	if s.JSDomain == "" && s.JSAPIPrefix == "" {
		of := " of NATS_CONTEXT " + a.Context
		domain, prefix = "jetstream_domain"+of, "jetstream_api_prefix"+of
	}
	switch { // as JetStream goes by them
	case a.Domain != "":
		return noJetStream(domain+"="+a.Domain, err)
	case a.APIPrefix != "":
		return noJetStream(prefix+"="+a.APIPrefix, err)
	}
	return err
}

// noJetStream is an error that may come of a setting, which is given with its value.
func noJetStream(setting string, err error) error {
	return &hint.Error{
		Err: fmt.Errorf("with %s: %w", setting, err), Code: hint.NATS,
		Hint: "correct " + setting + ", or leave it away: no JetStream answers there, or it is off for this account",
	}
}

// JetStreamOff reports whether nobody has answered for JetStream, or JetStream that it is off for the account.
func JetStreamOff(err error) bool {
	return errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders)
}

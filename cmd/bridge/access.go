package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// accessOf returns the way to NATS. Variables win over the context: a login of theirs replaces the context's whole login,
// so that two ways are never mixed.
func accessOf(s config.Settings) (natsconn.Access, error) {
	var a natsconn.Access
	if s.NATSContext != "" {
		var err error
		if a, err = natsconn.ReadContext(s.NATSContext); err != nil {
			return natsconn.Access{}, fmt.Errorf("%w: %w", natsconn.ErrContext, err)
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
	a.InboxPrefix = cmp.Or(s.InboxPrefix, a.InboxPrefix)
	return a, nil
}

// connect connects to the NATS server of the settings, which must name one; see natsconn.Connect.
func connect(ctx context.Context, s config.Settings, logger *slog.Logger) (*nats.Conn, error) {
	a, err := accessOf(s)
	if err != nil {
		return nil, err
	}
	return natsconn.Connect(ctx, a, logger)
}

// jetStream returns JetStream on a connection, as the settings reach it.
func jetStream(nc *nats.Conn, s config.Settings) (jetstream.JetStream, error) {
	a, err := accessOf(s)
	if err != nil {
		return nil, err
	}
	return natsconn.JetStream(nc, a)
}

// noJetStream is that no JetStream answers where a setting says that it is.
type noJetStream struct {
	setting string // with its value
	err     error
}

func (e *noJetStream) Error() string { return fmt.Sprintf("with %s: %v", e.setting, e.err) }
func (e *noJetStream) Unwrap() error { return e.err }

// orNoJetStream returns a noJetStream where an error may come of a domain or an API prefix that is set, else the error as it is.
func orNoJetStream(s config.Settings, err error) error {
	a, wrong := accessOf(s)
	if wrong != nil || !jetStreamOff(err) {
		return err
	}
	domain, prefix := "NATS_JS_DOMAIN", "NATS_JS_API_PREFIX"
	if s.JSDomain == "" && s.JSAPIPrefix == "" {
		of := " of NATS_CONTEXT " + a.Context
		domain, prefix = "jetstream_domain"+of, "jetstream_api_prefix"+of
	}
	switch { // as natsconn.JetStream goes by them
	case a.Domain != "":
		return &noJetStream{domain + "=" + a.Domain, err}
	case a.APIPrefix != "":
		return &noJetStream{prefix + "=" + a.APIPrefix, err}
	}
	return err
}

// jetStreamOff reports whether nobody has answered for JetStream, or JetStream that it is off for the account.
func jetStreamOff(err error) bool {
	return errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) || errors.Is(err, nats.ErrNoResponders)
}

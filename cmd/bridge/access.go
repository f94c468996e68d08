package main

import (
	"cmp"
	"context"
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

package natsconn

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/secret"

	"github.com/nats-io/nats.go"
)

// StartWait is how long a start waits for NATS, unless the settings say otherwise. A connection that has been there once reconnects for ever.
const StartWait = 30 * time.Second

// ErrUnusable means that NATS cannot be used. It does not say for how long; publish.ErrUnfit does: until somebody changes something.
var ErrUnusable = errors.New("NATS cannot be used")

// Connect connects to the servers that an access names. It tries for a.StartWait, once at least, or until an error that waiting does
// not heal. The connection then reconnects for ever; whoever gets it closes it. The error is that of ctx, ErrContext where the files
// of a context are wrong, else ErrUnusable.
func Connect(ctx context.Context, a Access, logger *slog.Logger) (*nats.Conn, error) {
	opts, err := options(a, logger)
	if err != nil && a.Context != "" {
		return nil, fmt.Errorf("%w: %w", ErrContext, err)
	}
	if err != nil {
		return nil, advised(fmt.Errorf("%w: %w", ErrUnusable, err))
	}
	limit := cmp.Or(a.StartWait, StartWait)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	nc, err := dial(limited, a.URL, opts, limit, logger)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, advised(fmt.Errorf("%w: connect to %s: %w", ErrUnusable, config.MaskURL(a.URL), err))
	}
	return nc, nil
}

// dial tries until ctx ends, once at least; the log has how long that is. nats.RetryOnFailedConnect would do so too, but hides why it fails.
func dial(ctx context.Context, url string, opts []nats.Option, limit time.Duration, logger *slog.Logger) (*nats.Conn, error) {
	for told := false; ; told = true {
		nc, err := nats.Connect(url, opts...)
		if err == nil || hopeless(err) {
			return nc, err
		}
		if !told {
			logger.Warn("nats cannot be reached yet", "url", config.MaskURL(url), "err", err, "wait", limit)
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// hopeless reports errors that waiting does not heal: refused logins, TLS that does not fit, files that cannot be read.
func hopeless(err error) bool {
	for _, final := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired,
		nats.ErrSecureConnRequired, nats.ErrSecureConnWanted, nats.ErrNkeysNotSupported, fs.ErrNotExist, fs.ErrPermission,
	} {
		if errors.Is(err, final) {
			return true
		}
	}
	return TLSRefused(err) || NoTLS(err) || NoWebSocket(err)
}

// NoTLS reports whether the server began to talk where TLS was to come first.
func NoTLS(err error) bool {
	var other tls.RecordHeaderError
	return errors.As(err, &other)
}

// NoWebSocket reports whether no WebSocket is served there. The library has no type for it.
func NoWebSocket(err error) bool {
	return strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "invalid websocket connection")
}

// Silent reports whether a server took a connection and said nothing that we understand.
func Silent(err error) bool {
	var system *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.As(err, &system) && system.Op == "read" && system.Timeout()
}

// TLSRefused reports whether one of the two sides does not trust the other.
func TLSRefused(err error) bool {
	var ours *tls.CertificateVerificationError
	var theirs *net.OpError // how crypto/tls wraps an alert, which has no type that we could name
	return errors.As(err, &ours) || (errors.As(err, &theirs) && theirs.Op == "remote error")
}

// syncQueueLen is how many messages wait in a subscription that is read one by one, at most. What is asked for there at once is a tenth
// of it; the library makes room for 65,536, half a megabyte for each question.
const syncQueueLen = 4096

// options returns those of every connection: whom we are, how we get in, and that nothing is given up or
// published into the void while the server is away.
func options(a Access, logger *slog.Logger) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name("saveris-bridge"),
		nats.MaxReconnects(-1),
		nats.SyncQueueLen(syncQueueLen),
		nats.ReconnectBufSize(-1),
		nats.SkipSubjectValidation(), // all subjects are made of tokens that schema and the rules of the settings have cleaned
		nats.IgnoreAuthErrorAbort(),  // a server that is being set up again refuses for a while
	}
	opts = append(opts, handlers(logger)...)
	if a.InboxPrefix != "" {
		opts = append(opts, nats.CustomInboxPrefix(a.InboxPrefix))
	}
	for _, part := range []func() ([]nats.Option, error){a.tls, a.login} {
		more, err := part()
		if err != nil {
			return nil, err
		}
		opts = append(opts, more...)
	}
	return opts, nil
}

// tls reads the files once before the connection does, so that a wrong one of a context is an error and not waited for.
func (a Access) tls() ([]nats.Option, error) {
	var opts []nats.Option
	var roots nats.RootCAsHandler
	var cert nats.TLSCertHandler
	if a.CA != "" {
		roots = func() (*x509.CertPool, error) { return config.LoadAuthorities(a.CA) }
		if _, err := roots(); err != nil {
			return nil, fmt.Errorf("read the authorities of NATS: %w", err)
		}
	}
	if a.Cert != "" {
		cert = func() (tls.Certificate, error) { return config.LoadKeyPair(a.Cert, a.Key) }
		if _, err := cert(); err != nil {
			return nil, fmt.Errorf("read the client certificate for NATS and its key: %w", err)
		}
	}
	if roots != nil || cert != nil {
		opts = append(opts, nats.ClientTLSConfig(cert, roots))
	}
	if a.TLSFirst {
		opts = append(opts, nats.TLSHandshakeFirst())
	}
	return opts, nil
}

// login returns what is asked for at every connection anew: files are read again then, so that those which are exchanged while
// the bridge runs are used at the next one. Only another nkey needs another start: its public half belongs to the options.
func (a Access) login() ([]nats.Option, error) {
	switch {
	case a.Creds != "":
		if _, err := config.Credentials.Read(a.Creds); err != nil {
			return nil, fmt.Errorf("read the credentials for NATS: %w", err)
		}
		return []nats.Option{nats.UserJWT(func() (string, error) {
			text, err := config.Credentials.Read(a.Creds)
			if err != nil {
				return "", err
			}
			return config.JWT(text)
		}, signer(a.Creds))}, nil
	case a.NKey != "":
		text, err := config.Seed.Read(a.NKey)
		if err != nil {
			return nil, fmt.Errorf("read the nkey for NATS: %w", err)
		}
		public, err := config.PublicKey(text)
		if err != nil {
			return nil, fmt.Errorf("read the nkey for NATS: %w", err)
		}
		return []nats.Option{nats.Nkey(public, signer(a.NKey))}, nil
	case a.TokenFile != "":
		return []nats.Option{nats.TokenHandler(config.CurrentSecret(a.TokenFile, a.Token))}, nil
	case a.Token != "":
		return []nats.Option{nats.Token(a.Token)}, nil
	case a.User != "" && a.PasswordFile != "":
		password := config.CurrentSecret(a.PasswordFile, a.Password)
		return []nats.Option{nats.UserInfoHandler(func() (string, string) { return a.User, password() })}, nil
	case a.User != "":
		return []nats.Option{nats.UserInfo(a.User, a.Password)}, nil
	}
	return nil, nil
}

// signer signs with the seed that a file holds when it is asked to.
func signer(path string) nats.SignatureHandler {
	return func(nonce []byte) ([]byte, error) {
		text, err := secret.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return config.Sign(text, nonce)
	}
}

// handlers returns what logs what happens to the connection.
func handlers(logger *slog.Logger) []nats.Option {
	known := &refusals{said: map[string]bool{}}
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err == nil { // we closed it
				logger.Debug("nats disconnected")
				return
			}
			logger.Warn("nats disconnected, reconnecting", "err", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			logger.Info("nats reconnected", "url", config.MaskURL(nc.ConnectedUrlRedacted()))
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			if err := nc.LastError(); err != nil {
				logger.Warn("nats connection closed", "err", err)
				return
			}
			logger.Debug("nats connection closed")
		}),
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			logger.Warn("nats server is shutting down, moving to another", "url", config.MaskURL(nc.ConnectedUrlRedacted()))
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			level := slog.LevelError
			if known.again(err) {
				level = slog.LevelDebug
			}
			if sub != nil {
				logger.Log(context.Background(), level, "nats error", "subject", sub.Subject, "err", err)
				return
			}
			logger.Log(context.Background(), level, "nats error", "err", err)
		}),
	}
}

// refusals remembers what the server has refused for want of a right: what can be done without is tried again for ever.
type refusals struct {
	mu   sync.Mutex
	said map[string]bool
}

// mostRefusals bounds what is remembered.
const mostRefusals = 100

// again reports whether an error is a refusal that came before.
func (r *refusals) again(err error) bool {
	if !Forbidden(err) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.said[err.Error()]
	if len(r.said) < mostRefusals {
		r.said[err.Error()] = true
	}
	return before
}

// inProcessWait is how long a connection to the embedded server waits between two tries, while that is restarted.
const inProcessWait = 200 * time.Millisecond

// ConnectInProcess connects to a server in this process, whose URL is but its name. Whoever gets the connection closes it.
func ConnectInProcess(url string, server nats.InProcessConnProvider, logger *slog.Logger) (*nats.Conn, error) {
	opts, err := options(Access{}, logger)
	if err != nil {
		return nil, err
	}
	return nats.Connect(url, append(opts, nats.InProcessServer(server), nats.ReconnectWait(inProcessWait))...)
}

package natsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/natsd"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

var quiet = slog.New(slog.DiscardHandler)

func TestAStartWaitsForNATS(t *testing.T) {
	t.Parallel()
	address := bridgetest.Address(t)
	told := make(chan struct{}, 1)
	logger := slog.New(slog.NewTextHandler(tell{told}, nil))
	result := make(chan error, 1)
	go func() {
		nc, err := Connect(t.Context(), Access{URL: "nats://" + address, StartWait: time.Hour}, logger)
		if err == nil {
			nc.Close()
		}
		result <- err
	}()
	<-told // it has tried and failed
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// tell tells when something is written.
type tell struct{ told chan struct{} }

func (w tell) Write(p []byte) (int, error) {
	select {
	case w.told <- struct{}{}:
	default:
	}
	return len(p), nil
}

func TestWaitingForNATSEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Connect(ctx, Access{URL: "nats://127.0.0.1:1"}, quiet)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// oneSided is the server's side of TLS without certificates of clients.
func oneSided(p bridgetest.PKI) *tls.Config {
	c := p.Server.Clone()
	c.ClientAuth = tls.NoClientCert
	return c
}

// TestEveryKindOfPortIsReachedAndTheWrongOneIsKnown tries a plain port, TLS that comes first and WebSocket with every access.
func TestEveryKindOfPortIsReachedAndTheWrongOneIsKnown(t *testing.T) {
	t.Parallel()
	p := bridgetest.NewPKI(t)
	plain := bridgetest.NATSServer(t, &server.Options{Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: -1, NoTLS: true}})
	first := bridgetest.NATSServer(t, &server.Options{TLSConfig: oneSided(p), TLSHandshakeFirst: true,
		Websocket: server.WebsocketOpts{Host: "127.0.0.1", Port: -1, TLSConfig: oneSided(p)}})
	host := func(s *server.Server) string { return s.Addr().String() }
	ws := func(s *server.Server) string {
		return strings.TrimPrefix(strings.TrimPrefix(s.WebsocketURL(), "ws://"), "wss://")
	}
	for _, c := range []struct {
		url      string
		tlsFirst bool
		wrong    func(error) bool // nil = it is reached
	}{
		{"nats://" + host(plain), false, nil},
		{"nats://" + host(plain), true, NoTLS},
		{"nats://" + host(first), true, nil},
		{"nats://" + host(first), false, Silent},
		{"ws://" + ws(plain), false, nil},
		{"wss://" + ws(first), false, nil},
		{"wss://" + ws(plain), false, NoTLS},
		{"ws://" + host(plain), false, NoWebSocket},
		{"nats://" + ws(plain), false, Silent},
	} {
		t.Run(fmt.Sprintf("%s first %v", c.url, c.tlsFirst), func(t *testing.T) {
			a := Access{URL: c.url, TLSFirst: c.tlsFirst}
			if c.tlsFirst || strings.HasPrefix(c.url, "wss") {
				a.CA = p.CAFile
			}
			opts, err := options(a, quiet)
			if err != nil {
				t.Fatal(err)
			}
			if c.wrong == nil || !c.wrong(io.EOF) { // silence is waited for
				opts = append(opts, nats.Timeout(bridgetest.Patience))
			}
			once, cancel := context.WithCancel(t.Context())
			cancel()
			nc, err := dial(once, a.URL, opts, StartWait, quiet)
			if err == nil {
				nc.Close()
			}
			if c.wrong == nil && err != nil {
				t.Error(err)
			}
			if c.wrong != nil && (err == nil || !c.wrong(err)) {
				t.Errorf("not known for what it is: %v", err)
			}
		})
	}
}

// TestAProbeShowsWhatIsForbidden asks on subjects of every kind, and for answers that may not be received.
func TestAProbeShowsWhatIsForbidden(t *testing.T) {
	allow := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Allow: subjects} }
	url := bridgetest.NATSServer(t, &server.Options{Users: []*server.User{
		{Username: "a", Password: "p", Permissions: &server.Permissions{Publish: allow("yes"), Subscribe: allow("_INBOX.>")}},
		{Username: "b", Password: "p", Permissions: &server.Permissions{Publish: allow("yes"), Subscribe: allow("_OWN.>")}},
	}}).ClientURL()
	for _, c := range []struct {
		user, inbox, subject string
		want                 error
	}{
		{"a", "", "yes", nats.ErrNoResponders}, {"a", "", "no", nats.ErrPermissionViolation},
		{"b", "", "yes", ErrNoAnswers}, {"b", "_OWN", "yes", nats.ErrNoResponders},
	} {
		nc, err := Connect(t.Context(), Access{URL: url, User: c.user, Password: "p", InboxPrefix: c.inbox}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Probe(t.Context(), nc, &nats.Msg{Subject: c.subject})
		if !errors.Is(err, c.want) || Forbidden(err) != (c.want != nats.ErrNoResponders) || NoInbox(err) != (c.want == ErrNoAnswers) {
			t.Errorf("%+v: %v", c, err)
		}
		if err := Refused(t.Context(), nc, &nats.Msg{Subject: c.subject}); Forbidden(err) != (c.want != nats.ErrNoResponders) || err != nil && !Forbidden(err) {
			t.Errorf("%+v: refused: %v", c, err)
		}
		Close(nc, CloseWait)
	}
}

func TestWaitingUntilReadyEndsWithWhatWaitingDoesNotHeal(t *testing.T) {
	user := &server.User{Username: "a", Password: "p", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"yes"}}}}
	url := bridgetest.NATSServer(t, &server.Options{Users: []*server.User{user}}).ClientURL()
	nc, err := Connect(t.Context(), Access{URL: url, User: "a", Password: "p"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		open func(context.Context) error
		want []error
	}{
		"it is ready":     {func(context.Context) error { return nil }, []error{nil}},
		"a final error":   {func(context.Context) error { return broken }, []error{broken}},
		"a right too few": {func(ctx context.Context) error { _, err := nc.RequestWithContext(ctx, "no", nil); return err }, []error{ErrUnusable, nats.ErrPermissionViolation}},
	} {
		err := UntilReady(t.Context(), nc, 0, c.open, func(err error) bool { return err == broken })
		for _, want := range c.want {
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
}

package bridgetest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsd"
)

// connectTime is how long a server may take to let a client in, and a client to say who it is.
const connectTime = time.Minute

// NATSServer starts a NATS server on a free port of this machine, and ends it with the test.
func NATSServer(t *testing.T, o *server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	o.AuthTimeout, o.TLSTimeout = connectTime.Seconds(), connectTime.Seconds()
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if o.JetStream {
		o.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(Patience) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// Embedded starts the server that is in the binary on a free port of this machine, with an empty store, and ends it with the test.
func Embedded(t testing.TB) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(natsd.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Connect connects to a NATS server, until the test ends.
func Connect(t testing.TB, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append(options, nats.Timeout(connectTime))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// JetStream is Connect for those who store. Its options are the bridge's: what is published while the connection is
// lost fails at once.
func JetStream(t testing.TB, url string) jetstream.JetStream {
	t.Helper()
	nc := Connect(t, url, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectBufSize(-1), nats.SyncQueueLen(4096))
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

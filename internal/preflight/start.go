package preflight

import (
	"context"
	"log/slog"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Start is what a start needs to know.
type Start struct {
	Settings config.Pipeline
	Version  string         // of the program, for the log
	Vendor   saveris.Config // of the client that tries the login
	Log      *slog.Logger

	// Connect is natsconn.Dial, or natsconn.Join where the store may be that of a bridge which runs.
	Connect func(ctx context.Context, n config.NATS, log *slog.Logger) (nc *nats.Conn, stop func(), err error)
}

// Started is what a start has made.
type Started struct {
	JS    jetstream.JetStream
	Tried *saveris.Client // the login was tried with it
	Stop  func()          // ends the connection, and the embedded server
}

// Open connects to NATS, tries the login meanwhile, and makes the streams. A refused login or a wrong address of the vendor's ends it
// before anything is made. Whoever gets what it started stops it.
func (s Start) Open(ctx context.Context) (*Started, error) {
	login := pipeline.Soon(func() (*saveris.Client, error) { return pipeline.TryLogin(ctx, s.Settings.Vendor, s.Vendor) })
	nc, stop, err := s.Connect(ctx, s.Settings.NATS, s.Log)
	if err != nil {
		return nil, err
	}
	pipeline.LogStartup(s.Settings, s.Version, nc, s.Log)
	tried, err := login()
	if err != nil {
		stop()
		return nil, err
	}
	js, err := MakeStreams(ctx, s.Settings, nc)
	if err != nil {
		stop()
		return nil, err
	}
	return &Started{JS: js, Tried: tried, Stop: stop}, nil
}

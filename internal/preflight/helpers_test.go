package preflight

import (
	"context"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"

	"github.com/nats-io/nats.go/jetstream"
)

func TestMain(m *testing.M) { bridgetest.Main(m) }

func load(t *testing.T, env config.Lookup) config.Pipeline {
	t.Helper()
	s, err := config.Load(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	s.FirstPoll = 20 * time.Millisecond // the pretend vendor's exports are ready at once
	return s.Pipeline
}

// checkNATS runs the checks of NATS and returns what they print.
func checkNATS(t *testing.T, env config.Lookup) (string, error) {
	t.Helper()
	var out strings.Builder
	err := RunNATS(t.Context(), Config{Settings: load(t, env), Space: func(string) (int64, error) { return 10 << 30, nil }}, printTo(&out))
	return out.String(), err
}

// checkVendor runs the checks up to the vendor and returns what they print.
func checkVendor(t *testing.T, env config.Lookup) (string, error) {
	t.Helper()
	var out strings.Builder
	err := RunVendor(t.Context(), Config{Settings: load(t, env)}, printTo(&out))
	return out.String(), err
}

// What these tests share with those of the command.
var (
	wantLines = bridgetest.WantLines
	vendor    = bridgetest.Vendor
)

func printTo(out *strings.Builder) func(Finding) {
	return func(f Finding) { out.WriteString(f.String() + "\n") }
}

// wantCode wants the exit code of an error, 0 = there is none.
func wantCode(t *testing.T, err error, want int) {
	t.Helper()
	code, _ := hint.Of(err)
	if err != nil && code == 0 {
		code = hint.Failed
	}
	if code != want {
		t.Errorf("exit code %d, want %d: %v", code, want, err)
	}
}

var with, natsServer, file = bridgetest.Env, bridgetest.NATSServer, bridgetest.File

// freeAddress returns an address that nobody listens on.

// makeStreams connects and makes the streams as a start does.
func makeStreams(ctx context.Context, s config.Pipeline) (js jetstream.JetStream, stop func(), err error) {
	nc, stop, err := natsconn.Dial(ctx, s.NATS, quiet)
	if err != nil {
		return nil, nil, err
	}
	if js, err = MakeStreams(ctx, s, nc); err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

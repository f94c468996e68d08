package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/preflight"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// What these tests share with those of package preflight.
var (
	wantLines = bridgetest.WantLines
	vendor    = bridgetest.Vendor
)

// checkNATS runs the checks of NATS and returns what they print.
func checkNATS(t *testing.T, env config.Lookup) (string, error) {
	t.Helper()
	return findings(t, env, preflight.RunNATS)
}

// checkVendor runs the checks up to the vendor and returns what they print.
func checkVendor(t *testing.T, env config.Lookup) (string, error) {
	t.Helper()
	return findings(t, env, preflight.RunVendor)
}

func findings(t *testing.T, env config.Lookup, run func(context.Context, preflight.Config, func(preflight.Finding)) error) (string, error) {
	t.Helper()
	var out strings.Builder
	c := preflight.Config{Settings: load(t, env).Pipeline, Space: func(string) (int64, error) { return 10 << 30, nil }}
	err := run(t.Context(), c, func(f preflight.Finding) { fmt.Fprintln(&out, f) })
	return out.String(), err
}

func TestCheckWithoutNetworkStillChecksTheRest(t *testing.T) {
	t.Parallel()
	got := bridge(t, []string{"SAVERIS_URL=http://127.0.0.1:1", "SAVERIS_USERNAME=a", "SAVERIS_PASSWORD=b", "BRIDGE_NATS_LISTEN=127.0.0.1:0"}, "check")
	wantLines(t, got.out, "FAIL vendor login", "ok embedded server")
	if _, advice := lastLines(t, got.err); got.code != hint.Failed || !strings.HasPrefix(advice, "hint: ") {
		t.Errorf("exit code %d: %s", got.code, got.err)
	}
}

func TestCheckAsACommand(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	broker := natsServer(t, &server.Options{JetStream: true})
	got := bridge(t, []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "NATS_URL=" + broker.ClientURL()}, "check")
	if got.code != hint.Done || got.err != "" || strings.Contains(got.out, "FAIL") {
		t.Errorf("exit code %d\n%s%s", got.code, got.out, got.err)
	}
	refused := bridge(t, []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=wrong", "NATS_URL=" + broker.ClientURL()}, "check")
	if refused.code != hint.Vendor || strings.Contains(refused.out+refused.err, "wrong") {
		t.Errorf("exit code %d\n%s%s", refused.code, refused.out, refused.err)
	}
}

// makeStreams connects and makes the streams as a start does.
func makeStreams(ctx context.Context, s config.Pipeline) (js jetstream.JetStream, stop func(), err error) {
	nc, stop, err := natsconn.Dial(ctx, s.NATS, quiet)
	if err != nil {
		return nil, nil, err
	}
	if js, err = preflight.MakeStreams(ctx, s, nc); err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

// quiet is the logger where the log does not matter.
var quiet = slog.New(slog.DiscardHandler)

// TestCheckThatNobodyCanReadFails: what it prints is its result.
func TestCheckThatNobodyCanReadFails(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	env := []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_HTTP_ADDR=", "NATS_URL=" + natsServer(t, &server.Options{JetStream: true}).ClientURL()}
	var said strings.Builder
	code := execute(t.Context(), []string{"check"}, streamsOf(env, fullDisk{}, &said))
	if code != hint.Failed || !strings.Contains(said.String(), "error: "+syscall.ENOSPC.Error()) {
		t.Errorf("exit code %d: %s", code, said.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestCheckOfCoverageSendsNobodyToCheck: a right that is missing has a line of its own above.
func TestCheckOfCoverageSendsNobodyToCheck(t *testing.T) {
	t.Parallel()
	s := vendor(t, nil)
	o := &server.Options{JetStream: true, Users: []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{"$JS.API.STREAM.MSG.GET.>"}},
	}}}}
	got := bridge(t, []string{"SAVERIS_URL=" + s.URL(), "SAVERIS_USERNAME=ada", "SAVERIS_PASSWORD=hunter2", "BRIDGE_HTTP_ADDR=", "NATS_URL=" + natsServer(t, o).ClientURL(), "NATS_USER=u", "NATS_PASSWORD=p"}, "check")
	wantLines(t, got.out, "FAIL rights hint: let the account publish to $JS.API.STREAM.MSG.GET.>", "FAIL coverage hint: give the account the rights that are missing above")
	if strings.Contains(got.out, "bridge check") {
		t.Errorf("%s", got.out)
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/schema"
)

// errNothingStored says that there is nothing to read.
var errNothingStored = errors.New("nothing has been stored yet")

// errElsewhere is an error of a place where nothing is stored, and the settings that lead to what is stored elsewhere.
type errElsewhere struct {
	error
	instead []string
}

func (e *errElsewhere) Unwrap() error { return e.error }

func (e *errElsewhere) hint() string { return "set " + strings.Join(e.instead, ", or ") }

// errNoStore says that no embedded server has ever had its store in a folder.
var errNoStore = fmt.Errorf("%w here", errNothingStored)

// errNobodyThere says that the server of a store does not run, so that nothing new can come.
var errNobodyThere = errors.New("no bridge runs on the store")

// elsewhere adds to an error what there is in place of the store of the settings: other stores in this folder, and whoever
// listens where the embedded server would.
func elsewhere(s config.Settings, err error) error {
	e := &errElsewhere{error: err}
	for _, dir := range []string{defaultStore, demoStore} {
		if filepath.Clean(dir) != filepath.Clean(s.DataDir) && natsd.Stored(dir) {
			e.instead = append(e.instead, "BRIDGE_DATA_DIR="+dir)
		}
	}
	if natsconn.Reachable(s.NATSListen) {
		e.instead = append(e.instead, "NATS_URL=nats://"+s.NATSListen+" (a server listens there)")
	}
	if len(e.instead) == 0 {
		return err
	}
	return e
}

// The stores of the embedded server unless other ones are named.
const (
	defaultStore = "./bridge-data" // as BRIDGE_DATA_DIR has it
	demoStore    = "./bridge-demo"
)

// readBroker returns JetStream as it is, on the server that the settings name, or on the store of our own or the bridge that
// runs on it. Nothing is created: a store or a stream that is not there is an error.
func readBroker(ctx context.Context, s config.Settings, log io.Writer) (js jetstream.JetStream, stop func(), err error) {
	if s.Embedded() && !natsd.Stored(s.DataDir) {
		return nil, nil, elsewhere(s, fmt.Errorf("%w: BRIDGE_DATA_DIR=%s is not the store of a bridge", errNoStore, s.DataDir))
	}
	if s.LogLevel == "info" {
		s.LogLevel = "warn" // the output speaks for itself
	}
	logger := newLogger(s.Log, log)
	ours := s
	if natsd.Locks { // a server for us alone need not be found by consumers, and somebody else may listen where they look
		ours.NATSListen = "127.0.0.1:0"
	}
	nc, stop, err := dialBroker(ctx, ours, logger)
	if errors.Is(err, natsd.ErrStoreTaken) {
		nc, stop, err = joinBroker(ctx, s, logger)
	}
	if err != nil {
		return nil, nil, err
	}
	if js, err = jetStream(nc, s); err == nil {
		err = findStreams(ctx, js, s)
	}
	if err != nil {
		stop()
		if s.Embedded() && errors.Is(err, errNothingStored) {
			err = elsewhere(s, err)
		}
		return nil, nil, err
	}
	return js, stop, nil
}

// joinBroker is dialBroker for a command that may run beside bridge run: where that has the store, it joins its server. If that ends
// before it answers, the store is free.
func joinBroker(ctx context.Context, s config.Settings, logger *slog.Logger) (nc *nats.Conn, stop func(), err error) {
	for {
		nc, stop, err = dialBroker(ctx, s, logger)
		if !errors.Is(err, natsd.ErrStoreTaken) {
			return nc, stop, err
		}
		joined := s
		joined.NATSURL = []string{runningServer(s)}
		held, end := whileTaken(ctx, s.DataDir)
		nc, stop, err = dialBroker(held, joined, logger)
		free := held.Err() != nil
		end()
		if err == nil || !free || ctx.Err() != nil {
			return nc, stop, err
		}
	}
}

// whileTaken returns a context that ends with ctx, or once no server has the store in a folder any more, where that can be known. end
// releases it.
func whileTaken(ctx context.Context, dir string) (held context.Context, end func()) {
	held, cancel := context.WithCancel(ctx)
	if !natsd.Locks {
		return held, cancel
	}
	var group sync.WaitGroup
	group.Go(func() {
		for errors.Is(natsd.CheckStore(dir), natsd.ErrStoreTaken) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-held.Done():
				return
			}
		}
		cancel()
	})
	return held, func() { cancel(); group.Wait() }
}

// runningServer returns the URL of the server that has the store, as it says itself; else where the settings say that it listens.
func runningServer(s config.Settings) string {
	return cmp.Or(natsd.RunningOn(s.DataDir), "nats://"+s.NATSListen)
}

func findStreams(ctx context.Context, js jetstream.JetStream, s config.Settings) error {
	for _, feed := range s.Feeds {
		name := brokerConfig(s).Names.Stream(schema.Feed(feed))
		_, err := checkpoint.NewStream(js, name, s.Prefix, feed).Info(ctx) // whoever else answers
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w under BRIDGE_PREFIX %q: stream %s does not exist", errNothingStored, s.Prefix, name)
		}
		if err != nil {
			return fmt.Errorf("%w: look up stream %s: %w", natsconn.ErrUnusable, name, orNoJetStream(s, err))
		}
	}
	return nil
}

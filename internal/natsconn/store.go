package natsconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsd"
)

// ErrNothingStored says that there is nothing to read.
var ErrNothingStored error = &hint.Error{
	Err: errors.New("nothing has been stored yet"), Code: hint.NATS,
	Hint: "start bridge run, or wait for its first poll; or set BRIDGE_PREFIX to the one it uses",
}

// ErrNoStore says that no embedded server has ever had its store in a folder.
var ErrNoStore error = &hint.Error{Err: fmt.Errorf("%w here", ErrNothingStored), Code: hint.NATS, Hint: "run this where the bridge runs, or set BRIDGE_DATA_DIR or NATS_URL"}

// ErrNobodyThere says that the server of a store does not run, so that nothing new can come.
var ErrNobodyThere error = &hint.Error{
	Err: errors.New("no bridge runs on the store"), Code: hint.NATS,
	Hint: "start bridge run, which this follows; bridge status and bridge replay read what is stored without it",
}

// Elsewhere adds to an error, as its hint, what there is in place of the store of the settings: other stores in this folder, and whoever
// listens where the embedded server would.
func Elsewhere(s config.NATS, err error) error {
	var instead []string
	for _, dir := range []string{config.DefaultStore, config.DemoStore} {
		if filepath.Clean(dir) != filepath.Clean(s.DataDir) && natsd.Stored(dir) {
			instead = append(instead, "BRIDGE_DATA_DIR="+dir)
		}
	}
	if listen.Reachable(s.NATSListen) {
		instead = append(instead, "NATS_URL=nats://"+s.NATSListen+" (a server listens there)")
	}
	if len(instead) == 0 {
		return err
	}
	return &hint.Error{Err: err, Code: hint.NATS, Hint: "set " + strings.Join(instead, ", or ")}
}

// Dial connects to the server that the settings name, or starts the embedded one and connects to it; stop ends both. Where
// another process has the store the error is natsd.ErrStoreTaken, where its address cannot be listened on a *listen.Error, else see
// Connect.
func Dial(ctx context.Context, s config.NATS, logger *slog.Logger) (nc *nats.Conn, stop func(), err error) {
	if !s.Embedded() {
		nc, err = ConnectNamed(ctx, s, logger)
		if err != nil {
			return nil, nil, err
		}
		return nc, func() { Close(nc, CloseWait) }, nil
	}
	server, err := natsd.Start(natsd.Config{Dir: s.DataDir, Listen: s.NATSListen})
	if errors.Is(err, natsd.ErrListen) {
		return nil, nil, NotListening(&listen.Error{Name: "BRIDGE_NATS_LISTEN", Addr: s.NATSListen, Err: err})
	}
	if err != nil {
		return nil, nil, err
	}
	if listen.Exposed(s.NATSListen) {
		logger.Warn("the embedded NATS server asks nobody for a login, and others can reach it", "listen", s.NATSListen)
	}
	store := newStoreMonitor(server, s.DataDir, logger)
	nc, err = ConnectInProcess(server.ClientURL(), store, logger)
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	end := store.watch(ctx, nc)
	return nc, func() { Close(nc, CloseWait); end(); server.Close() }, nil
}

// Read returns JetStream as it is, on the server that the settings name, or on the store of our own or the bridge that runs on
// it. A store that is not there is an ErrNoStore; none is made.
func Read(ctx context.Context, s config.NATS, logger *slog.Logger) (js jetstream.JetStream, stop func(), err error) {
	if s.Embedded() && !natsd.Stored(s.DataDir) {
		return nil, nil, Elsewhere(s, fmt.Errorf("%w: BRIDGE_DATA_DIR=%s is not the store of a bridge", ErrNoStore, s.DataDir))
	}
	ours := s
	if natsd.Locks { // a server for us alone need not be found by consumers, and somebody else may listen where they look
		ours.NATSListen = "127.0.0.1:0"
	}
	nc, stop, err := Dial(ctx, ours, logger)
	if errors.Is(err, natsd.ErrStoreTaken) {
		nc, stop, err = Join(ctx, s, logger)
	}
	if err != nil {
		return nil, nil, err
	}
	if js, err = JetStream(nc, s); err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

// Join is Dial for what that may run beside bridge run: where that has the store, it joins its server. If that ends
// before it answers, the store is free.
func Join(ctx context.Context, s config.NATS, logger *slog.Logger) (nc *nats.Conn, stop func(), err error) {
	for {
		nc, stop, err = Dial(ctx, s, logger)
		if !errors.Is(err, natsd.ErrStoreTaken) {
			return nc, stop, err
		}
		joined := s
		joined.NATSURL = []string{RunningServer(s)}
		held, end := whileTaken(ctx, s.DataDir)
		nc, stop, err = Dial(held, joined, logger)
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

// Running returns settings that lead to the server of the bridge that runs, for whoever stays: he must not have the store of the embedded
// server for himself, or no bridge could start meanwhile. It fails with ErrNobodyThere where none runs. Other settings stay as they are.
func Running(s config.NATS) (config.NATS, error) {
	stored := natsd.Stored(s.DataDir)
	switch {
	case !s.Embedded() || !stored && !listen.Reachable(s.NATSListen): // Read says that there is nothing
		return s, nil
	case natsd.Locks && stored && !errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken):
		return s, Elsewhere(s, fmt.Errorf("%w BRIDGE_DATA_DIR=%s", ErrNobodyThere, s.DataDir))
	}
	s.NATSURL = []string{RunningServer(s)}
	return s, nil
}

// RunningServer returns the URL of the server that has the store, as it says itself; else where the settings say that it listens.
func RunningServer(s config.NATS) string {
	return cmp.Or(natsd.RunningOn(s.DataDir), "nats://"+s.NATSListen)
}

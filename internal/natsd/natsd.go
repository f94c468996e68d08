// Package natsd runs a NATS server with JetStream in this process, for a bridge that has no broker of its own.
package natsd

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"saveris-bridge/internal/hint"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Config says where the server stores and listens.
type Config struct {
	Dir    string // its store; made if missing
	Listen string // host:port on which consumers connect; port 0 takes a free one
}

// Server is a running NATS server. It offers InProcessConn to nats.InProcessServer. Many goroutines may use it.
type Server struct {
	config Config
	lock   *os.File

	mu      sync.RWMutex   // held by a restart until it is done
	running *server.Server // nil where a restart has failed
	failed  error          // why it has
	closed  bool
}

// Start starts a server and returns once it can be used. Every commit is on disk before it is acknowledged
// (sync_interval: always): an atomic batch pays one fsync, so the bridge loses no speed by surviving a power cut.
//
// Where it fails on a disk without space left the error is a FullError too.
func Start(c Config) (*Server, error) {
	s, err := startOn(c)
	if err != nil && !errors.Is(err, ErrListen) && !errors.Is(err, ErrStoreTaken) {
		if _, full := CheckSpace(c.Dir); full != nil {
			return nil, fmt.Errorf("%w: %w", full, err)
		}
	}
	return s, err
}

func startOn(c Config) (*Server, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil { // what stands below it is only as private as it is
		return nil, unusable(err)
	}
	locked, err := lock(c.Dir)
	if err != nil {
		return nil, err
	}
	if locked != nil {
		_ = locked.Truncate(0) // where the one before listened
	}
	running, err := start(c)
	if err != nil {
		locked.Close()
		return nil, err
	}
	if a, ok := running.Addr().(*net.TCPAddr); ok { // a restart keeps a free port that was taken
		host, _, _ := net.SplitHostPort(c.Listen) // start has read it
		c.Listen = net.JoinHostPort(host, strconv.Itoa(a.Port))
	}
	if locked != nil { // without it others look where they are told to
		_, _ = locked.WriteAt(append([]byte(running.ClientURL()), '\n'), 0)
	}
	return &Server{config: c, lock: locked, running: running}, nil
}

// Stored reports whether a server has ever had its store in a folder.
func Stored(dir string) bool {
	there, err := os.Stat(filepath.Join(dir, server.JetStreamStoreDir))
	return err == nil && there.IsDir()
}

// RunningOn returns the URL of the server that has its store in a folder, as it has left it there; empty where none runs on it or that
// is not known.
func RunningOn(dir string) string {
	if !errors.Is(CheckStore(dir), ErrStoreTaken) {
		return ""
	}
	text, _ := os.ReadFile(filepath.Join(dir, lockFile))
	url, _, _ := strings.Cut(string(text), "\n")
	return url
}

func start(c Config) (*server.Server, error) {
	host, port, err := splitListen(c.Listen)
	if err != nil {
		return nil, err
	}
	if err := probe(c.Listen); err != nil {
		return nil, err
	}
	s, err := server.NewServer(&server.Options{
		ServerName:        "saveris-bridge",
		Host:              host,
		Port:              port,
		JetStream:         true,
		StoreDir:          c.Dir,
		SyncAlways:        true,
		JetStreamMaxStore: 1 << 60, // else three quarters of what is free at the start; the disk itself is watched
		NoSigs:            true,
		NoLog:             true,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS server: not ready on %s with store %s after 20 s", c.Listen, c.Dir)
	}
	if !s.JetStreamEnabled() {
		s.Shutdown()
		return nil, fmt.Errorf("embedded NATS server: JetStream could not be started in %s", c.Dir)
	}
	return s, nil
}

// ClientURL is where consumers connect, empty while there is no server.
func (s *Server) ClientURL() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.running == nil {
		return ""
	}
	return s.running.ClientURL()
}

// errRestarting says that there is no server for a moment.
var errRestarting = errors.New("embedded NATS server: it is being started anew")

// InProcessConn is a connection to the server as it is now. It does not wait for a restart: whoever reconnects tries again.
func (s *Server) InProcessConn() (net.Conn, error) {
	if !s.mu.TryRLock() {
		return nil, errRestarting
	}
	defer s.mu.RUnlock()
	if s.running == nil {
		return nil, s.failed
	}
	return s.running.InProcessConn()
}

// Restart closes the server and starts it anew on its store and address. That alone mends a stream which could not be written:
// nats-server stores nothing more in it, nor answers, for as long as it lives. What was acknowledged is kept. All connections
// are cut, and come back. Where it fails there is no server until another call succeeds.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return server.ErrServerNotRunning
	}
	s.stop()
	s.running, s.failed = start(s.config)
	return s.failed
}

// Close stops the server and returns when its store is closed.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
	s.failed, s.closed = server.ErrServerNotRunning, true
	s.lock.Close()
}

func (s *Server) stop() {
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
		s.running = nil
	}
}

func splitListen(listen string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: expected host:port", listen)
	}
	if port, err = strconv.Atoi(p); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: expected a port from 0 to 65535", listen)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Why a server cannot be started; decide with errors.Is.
var (
	ErrStore            = errors.New("store of the embedded NATS server") // it cannot be made, read or written
	ErrStoreTaken error = &hint.Error{Err: errors.New("another bridge runs on it"), Code: hint.NATS, Hint: "stop that bridge, or choose another BRIDGE_DATA_DIR (demo: --data-dir)"}
	ErrListen           = errors.New("embedded NATS server") // it cannot listen, because of the error in the chain
)

// probe finds an address that cannot be had and says so: the server itself would only not get ready.
func probe(listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	return l.Close()
}

// CheckStore tells, without a change to anything, why a server cannot have its store in a folder, which need not exist:
// an ErrStore, which is an ErrStoreTaken too where another server has it.
func CheckStore(dir string) error {
	there, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkParent(filepath.Dir(filepath.Clean(dir)))
	case err != nil:
		return unusable(err)
	case !there.IsDir():
		return unusable(&fs.PathError{Op: "open", Path: dir, Err: errors.New("not a directory")})
	}
	if err := writable(dir); err != nil {
		return unusable(err)
	}
	return checkLock(dir)
}

// checkParent wants the nearest folder that exists to take a new one.
func checkParent(dir string) error {
	there, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
		return checkParent(filepath.Dir(dir))
	case err != nil:
		return unusable(err)
	case !there.IsDir():
		return unusable(&fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a directory")})
	}
	if err := writable(dir); err != nil {
		return unusable(err)
	}
	return nil
}

func unusable(err error) error {
	return hint.Else(fmt.Errorf("%w: %w", ErrStore, err), hint.Settings, "choose a BRIDGE_DATA_DIR (demo: --data-dir) that this user can write to")
}

func taken(dir string) error { return unusable(fmt.Errorf("%s is in use: %w", dir, ErrStoreTaken)) }

package natsconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"

	"github.com/nats-io/nats.go"
)

// StoreMonitor watches the store of the embedded server, and is what connections to that go through. It knows why nothing can be
// stored, and restarts the server where that helps: after a write error nats-server stores nothing more in a stream and answers
// nobody, also when there is space again. Where NATS is a server of another's there is no monitor: its methods take a nil one.
type StoreMonitor struct {
	*natsd.Server
	dir string
	log *slog.Logger

	space    func() (free int64, err error) // natsd.CheckSpace of it
	writable func() error                   // natsd.TryWrite of it
	fault    func() error                   // natsd.Server.Fault
	restart  func() error
	now      func() time.Time

	mu        sync.Mutex
	free      int64 // bytes, -1 = unknown
	trouble   error // why nothing can be stored; nil = nothing is known of any
	restarted time.Time
}

// How often a store is looked at, also while the process stops, and how long a restart has to have helped before there is
// another: each cuts the connections of consumers.
const (
	storeTick    = 2 * time.Second
	stoppingTick = 100 * time.Millisecond
	restartPause = time.Minute
)

func newStoreMonitor(server *natsd.Server, dir string, log *slog.Logger) *StoreMonitor {
	return &StoreMonitor{
		Server: server, dir: dir, log: log, now: time.Now, free: -1,
		space:    func() (int64, error) { return natsd.CheckSpace(dir) },
		writable: func() error { return natsd.TryWrite(dir) },
		fault:    server.Fault, restart: server.Restart,
	}
}

// StoreOf returns the monitor of the server that a connection leads to, nil where that is not the embedded one.
func StoreOf(nc *nats.Conn) *StoreMonitor {
	m, _ := nc.Opts.InProcessServer.(*StoreMonitor)
	return m
}

// watch checks the store until end is called. When ctx ends before that and the server has a fault, it closes the connection: the
// work that ends then would wait for answers that never come.
func (m *StoreMonitor) watch(ctx context.Context, nc *nats.Conn) (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(storeTick)
		defer tick.Stop()
		for stopping := ctx.Done(); ; {
			m.check(ctx.Err() == nil)
			if ctx.Err() != nil && m.fault() != nil {
				nc.Close()
				return
			}
			select {
			case <-tick.C:
			case <-stopping:
				stopping = nil
				tick.Reset(stoppingTick)
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// check finds out how the store stands. It may restart the server.
func (m *StoreMonitor) check(restarts bool) {
	free, trouble := m.space()
	if fault := m.fault(); trouble == nil && fault != nil {
		trouble = m.recover(fault, restarts)
	}
	m.mu.Lock()
	before := m.trouble
	m.free, m.trouble = free, trouble
	m.mu.Unlock()
	switch {
	case trouble != nil && before == nil:
		m.log.Error("nothing can be stored, retrying", "err", trouble, "hint", StoreHint(trouble))
	case trouble == nil && before != nil:
		m.log.Info("store recovered", "store", m.dir)
	}
}

// recover restarts a server that has a fault, once its store can be written, and returns what is still wrong.
func (m *StoreMonitor) recover(fault error, restarts bool) error {
	if err := m.writable(); err != nil {
		return err
	}
	fault = fmt.Errorf("store %s: it could not be written: %w", m.dir, fault)
	if !restarts || m.now().Sub(m.restarted) < restartPause {
		return fault
	}
	m.log.Warn("restarting the embedded NATS server, which does not recover from this by itself", "err", fault)
	m.restarted = m.now()
	if err := m.restart(); err != nil {
		return fmt.Errorf("store %s: %w", m.dir, err)
	}
	return nil
}

// Err returns why nothing can be stored; nil = no reason is known.
func (m *StoreMonitor) Err() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.trouble
}

// Full returns an error where there is no space left at this moment.
func (m *StoreMonitor) Full() error {
	if m == nil {
		return nil
	}
	_, err := m.space()
	return err
}

// SpaceLeft is for the metrics: how many bytes are free, -1 = unknown, and whether the store can be written. It is not ours where
// NATS is a server of another's.
func (m *StoreMonitor) SpaceLeft() (free int64, writable, ours bool) {
	if m == nil {
		return 0, false, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.free, m.trouble == nil, true
}

// StoreHint says what to do where nothing can be stored.
func StoreHint(err error) string {
	var full *natsd.FullError
	if errors.As(err, &full) {
		return "free some space there, or give it more: it goes on by itself within a minute, and nothing is lost"
	}
	return "see to that disk: it goes on by itself within a minute, and nothing is lost"
}

// StoreText is why nothing can be stored and what to do, for everybody who may see it; empty where err is nil.
func StoreText(err error) string {
	if err == nil {
		return ""
	}
	return printable.Public(err) + "; " + StoreHint(err)
}

package natsconn

import (
	"errors"
	"net"
	"syscall"
	"time"

	"saveris-bridge/internal/printable"
)

// ListenError is an address that cannot be listened on, the setting or flag that gave it, and the system's reason.
type ListenError struct {
	Name, Addr string
	Err        error
}

func (e *ListenError) Error() string {
	reason := e.Err
	var operation *net.OpError
	if errors.As(e.Err, &operation) {
		reason = operation.Err // which does not say the address again
	}
	return e.Name + ` is "` + printable.Text(e.Addr) + `": it cannot be listened on: ` + reason.Error()
}

func (e *ListenError) Unwrap() error { return e.Err }

// Taken reports whether somebody else listens there, and not that nobody could.
func (e *ListenError) Taken() bool { return errors.Is(e.Err, syscall.EADDRINUSE) }

// Listen listens on the TCP address, host:port, that the setting or flag name says. Its error is a *ListenError.
func Listen(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &ListenError{Name: name, Addr: addr, Err: err}
	}
	return l, nil
}

// TryListen returns why an address cannot be listened on; nil where it can.
func TryListen(name, addr string) *ListenError {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return &ListenError{Name: name, Addr: addr, Err: err}
	}
	l.Close()
	return nil
}

// Reachable reports whether somebody takes connections at an address. It waits a second at most.
func Reachable(addr string) bool {
	nc, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	nc.Close()
	return true
}

// Exposed reports whether an address to listen on can be reached from other machines.
func Exposed(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback()
}

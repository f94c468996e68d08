// Package listen listens on addresses of this machine, and names the setting or flag of one that cannot be listened on.
package listen

import (
	"errors"
	"net"
	"syscall"
	"time"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/printable"
)

// Error is an address that cannot be listened on, the setting or flag that gave it, and the system's reason.
type Error struct {
	Name, Addr string
	Err        error
}

func (e *Error) Error() string {
	reason := e.Err
	var operation *net.OpError
	if errors.As(e.Err, &operation) {
		reason = operation.Err // which does not say the address again
	}
	return e.Name + ` is "` + printable.Text(e.Addr) + `": it cannot be listened on: ` + reason.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Advice returns the exit code and what to do. An address that nobody could listen on is a wrong setting, one that is taken may be
// free later.
func (e *Error) Advice() (code int, text string) {
	if e.Taken() {
		return hint.Failed, "something else listens there: stop it, or choose another " + e.Name
	}
	return hint.Settings, e.Name + " has to be an address of this machine, with a port that this user may listen on"
}

// Taken reports whether somebody else listens there, and not that nobody could.
func (e *Error) Taken() bool { return errors.Is(e.Err, syscall.EADDRINUSE) }

// On listens on the TCP address, host:port, that the setting or flag name says. Its error is a *Error.
func On(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &Error{Name: name, Addr: addr, Err: err}
	}
	return l, nil
}

// Try returns why an address cannot be listened on; nil where it can.
func Try(name, addr string) *Error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return &Error{Name: name, Addr: addr, Err: err}
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

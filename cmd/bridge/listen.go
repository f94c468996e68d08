package main

import (
	"errors"
	"net"
	"syscall"

	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"
)

// listenError is an address that cannot be listened on, and the setting or flag that gave it.
type listenError struct {
	name, addr string
	err        error
}

func (e *listenError) Error() string {
	reason := e.err
	var operation *net.OpError
	if errors.As(e.err, &operation) {
		reason = operation.Err // which does not say the address again
	}
	return e.name + ` is "` + printable.Text(e.addr) + `": it cannot be listened on: ` + reason.Error()
}

func (e *listenError) Unwrap() error { return e.err }

// taken tells whether somebody else listens there, and not that nobody could.
func (e *listenError) taken() bool { return errors.Is(e.err, syscall.EADDRINUSE) }

// code: an address that nobody could listen on is a wrong setting; one that is taken may be free later.
func (e *listenError) code() int {
	switch {
	case !e.taken():
		return exitSettings
	case errors.Is(e.err, natsd.ErrListen):
		return exitNATS
	}
	return exitFailed
}

func (e *listenError) hint() string {
	switch {
	case e.taken() && errors.Is(e.err, natsd.ErrListen):
		return "choose another " + e.name + "; if a NATS server runs there, NATS_URL lets the bridge use it"
	case e.taken():
		return "something else listens there: stop it, or choose another " + e.name
	}
	return e.name + " has to be an address of this machine, with a port that this user may listen on"
}

// listen listens on what a setting or a flag says.
func listen(name, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &listenError{name, addr, err}
	}
	return l, nil
}

// tryListen tells why an address cannot be listened on; nil where it can.
func tryListen(name, addr string) *listenError {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return &listenError{name, addr, err}
	}
	l.Close()
	return nil
}

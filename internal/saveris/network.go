package saveris

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
)

// What may be wrong with the way to a host; decide with errors.Is.
var (
	// ErrUnresolved: the name of the host has no address, or nobody can be asked for it.
	ErrUnresolved = errors.New("the name of the host does not resolve")
	// ErrUnreachable: the host has an address, but takes no connection there.
	ErrUnreachable = errors.New("the host cannot be reached")
)

// ProxyError is the failure of a proxy on the way: what is behind it was not reached.
type ProxyError struct {
	Status int // HTTP status with which it refused to connect us, 0 where it could not be reached itself

	reason error // of the latter
}

// Error returns one line without the proxy's address, which may hold a login.
func (e *ProxyError) Error() string {
	if e.Status == 0 {
		return fmt.Sprintf("the proxy cannot be reached: %v", e.reason)
	}
	return fmt.Sprintf("the proxy refuses to connect: HTTP %d %s", e.Status, http.StatusText(e.Status))
}

// refusedByProxy is the transport's hook that looks at a proxy's answer to CONNECT, whose status would be lost otherwise.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyError{Status: resp.StatusCode}
	}
	return nil
}

// wayThere returns what is wrong with the way to a host: ErrUnresolved, ErrUnreachable, a *ProxyError, or nil where it is none.
func wayThere(err error) error {
	var refused *ProxyError
	var op *net.OpError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &op) && op.Op == "proxyconnect": // also where the name of the proxy does not resolve
		return &ProxyError{reason: op.Err}
	case errors.As(err, &lookup):
		return fmt.Errorf("%w: %s", ErrUnresolved, lookup.Error())
	case errors.As(err, &op) && op.Op == "dial" && !errors.Is(err, errPlace):
		return fmt.Errorf("%w: %s", ErrUnreachable, op.Error())
	}
	return nil
}

package saveris

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

var errPlace = errors.New("no file of the vendor's can be at this address")

// mayLoad: files come over https; http is for this machine and for the host of an API that is http itself.
func (c *Client) mayLoad(u *url.URL) bool {
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !c.mayReach(ip) {
		return false
	}
	here := c.local && thisMachine(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (here || c.host != "" && strings.EqualFold(u.Host, c.host))
}

// mayReach refuses addresses where a link would find what only this machine can: the machine itself, unless the API is
// there too or is one for tests, and its own network segment, where clouds have their metadata (169.254.169.254). Private
// addresses are allowed: storage has them behind private endpoints, and by its certificate it shows whose it is.
func (c *Client) mayReach(ip netip.Addr) bool {
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return c.local
	}
	return !ip.IsLinkLocalUnicast() && !ip.IsMulticast() && !ip.IsUnspecified()
}

// thisMachine reports whether a host is an address or the name of this machine on its loopback.
func thisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.Unmap().IsLoopback()
}

// fileTransport goes to the host of a file itself, and only where it may. Where a proxy is set, the proxy goes, and
// decides.
type fileTransport struct{ direct, proxied *http.Transport }

func (c *Client) newFileTransport() fileTransport {
	dialer := newDialer()
	dialer.Control = func(_, address string, _ syscall.RawConn) error { // with what a name was resolved to
		if at, err := netip.ParseAddrPort(address); err != nil || !c.mayReach(at.Addr()) {
			return errPlace
		}
		return nil
	}
	t := fileTransport{direct: newTransport(c.cfg.Answer), proxied: newTransport(c.cfg.Answer)}
	t.direct.DialContext = dialer.DialContext
	return t
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
}

// RoundTrip makes one request.
func (t fileTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if proxy, err := http.ProxyFromEnvironment(req); proxy != nil || err != nil {
		return t.proxied.RoundTrip(req)
	}
	return t.direct.RoundTrip(req)
}

// CloseIdleConnections closes what is not in use.
func (t fileTransport) CloseIdleConnections() {
	t.direct.CloseIdleConnections()
	t.proxied.CloseIdleConnections()
}

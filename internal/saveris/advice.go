package saveris

import (
	"errors"
	"net/http"

	"saveris-bridge/internal/hint"
)

// WithLogin adds to a refusal what was logged in with, for its hint; every other error stays as it is.
func WithLogin(err error, login string) error {
	var e *Error
	if !errors.Is(err, ErrRefused) || !errors.As(err, &e) {
		return err
	}
	return &hint.Error{Err: err, Code: hint.Vendor, Hint: e.refusedHint(login)}
}

// Advice returns the exit code and what to do.
func (e *Error) Advice() (code int, text string) {
	switch {
	case errors.Is(e, ErrRefused):
		return hint.Vendor, e.refusedHint("user name and password, or the key")
	case errors.Is(e, ErrAddress), errors.Is(e, ErrUntrusted):
		return hint.Settings, e.addressHint()
	}
	return hint.Failed, e.failedHint()
}

// refusedHint is the hint where the vendor refuses a login, or what was asked for with it.
func (e *Error) refusedHint(login string) string {
	if e.Status == http.StatusForbidden && e.Op != opLogIn && e.Op != opTryKey {
		return "the login works, but this data is refused: the account of " + login + " needs the licence for the Data API"
	}
	return "check " + login + ": they must be of the region and environment that are set (SAVERIS_REGION, SAVERIS_ENV), and the account needs the licence for the Data API"
}

// addressHint is the hint where somebody else than the vendor answers.
func (e *Error) addressHint() string {
	switch {
	case errors.Is(e, ErrUntrusted):
		return "nothing was sent: check SAVERIS_URL and the clock of this machine; where a proxy opens TLS on the way, name its authority by SSL_CERT_FILE"
	case e.Status >= 300 && e.Status < 400:
		return "check SAVERIS_URL: if the host that is named is the vendor's new address, set it; if it is a login page of your own network, let the bridge through"
	}
	return "check SAVERIS_URL, or SAVERIS_REGION and SAVERIS_ENV: the URL stands without a version part"
}

// failedHint is the hint where what failed may work later.
func (e *Error) failedHint() string {
	var proxy *ProxyError
	switch {
	case errors.Is(e, ErrRetired):
		return "look for a newer release of the bridge; this one retries by itself, in case the vendor brings the endpoint back"
	case errors.Is(e, ErrNotUnderstood):
		return "nothing of it counts as read: look whether a proxy answers in his place; if it is the vendor himself, he has changed what he sends, and a newer bridge is needed"
	case errors.Is(e, ErrNotReady):
		return "the vendor takes long to prepare exports; run waits for them as long as SAVERIS_EXPORT_TIMEOUT says, and shows since when"
	case errors.Is(e, ErrTooLarge):
		return "the vendor cannot prepare that much at once; run asks for smaller windows by itself"
	case (errors.Is(e, ErrUnresolved) || errors.Is(e, ErrUnreachable)) && e.Op == opDownload:
		return "the files lie on a host of their own (S3), which the network has to let through too; docs/configuration.md lists all hosts under Hosts and proxies"
	case errors.Is(e, ErrUnresolved):
		return "check the network and its DNS, and SAVERIS_REGION, SAVERIS_ENV and SAVERIS_URL, which it is made of"
	case errors.As(e, &proxy) && proxy.Status == 0:
		return "check HTTPS_PROXY (HTTP_PROXY for an http:// address), and whether the proxy runs"
	case errors.As(e, &proxy) && proxy.Status == http.StatusProxyAuthRequired, e.Status == http.StatusProxyAuthRequired:
		return "the proxy wants a login: HTTPS_PROXY=http://user:password@host:port, special characters as %40"
	case errors.As(e, &proxy):
		return "let the proxy pass the vendor's hosts; docs/configuration.md lists them under Hosts and proxies"
	case e.Status >= 500:
		return "the vendor has trouble; run keeps retrying by itself"
	case e.Status == http.StatusTooManyRequests:
		return "the vendor throttles this account; run waits as long as he says"
	case e.Status == 0:
		return "check the network, its firewall, and whether a proxy is needed (HTTPS_PROXY); docs/configuration.md lists all hosts"
	}
	return ""
}

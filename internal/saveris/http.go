package saveris

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	userAgent  = "saveris-bridge"
	maxHeader  = 64 << 10
	maxAPIBody = 1 << 20 // bytes of a JSON answer; a list of links is the largest
	slowest    = 1 << 10 // bytes a second of a body that has taken Config.Stall: a trickle would never end
)

var errLong = fmt.Errorf("the answer is longer than %d bytes", maxAPIBody)

// newTransport makes the HTTP transport of the API or of the files, which share nothing. It is used without an
// http.Client: that one follows redirects, sends a Referer with the signed link in it, and puts whole links into errors.
// It trusts the authorities of the system, and nothing turns that off.
func newTransport(answer time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            newDialer().DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  answer,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    8,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // gunzip looks at the bytes instead
	}
}

// send makes one request. Its error is the context's where that ended, else the network's, whose text is not to be
// shown. The body obeys Config.Stall and must be closed.
func (c *Client) send(ctx context.Context, via http.RoundTripper, req *http.Request) (*http.Response, error) {
	inner, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.cfg.Answer, func() { cancel(errNoAnswer) })
	req.Header.Set("User-Agent", userAgent)
	resp, err := via.RoundTrip(req.WithContext(inner))
	timer.Stop()
	if err != nil {
		if cause := context.Cause(inner); cause != nil {
			err = cause
		}
		cancel(nil)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		c.answered(ctx, 0)
		return nil, err
	}
	c.answered(ctx, resp.StatusCode)
	resp.Body = &body{ReadCloser: resp.Body, ctx: inner, cancel: cancel, stall: c.cfg.Stall}
	return resp, nil
}

// body is an answer's body that fails when no byte comes for too long, or hardly any in the long run. The time its reader
// takes does not count.
type body struct {
	io.ReadCloser
	ctx    context.Context // of this one request; it ends with the body
	cancel context.CancelCauseFunc
	stall  time.Duration

	got  int64         // bytes so far
	took time.Duration // waiting for them
}

func (b *body) Read(p []byte) (int, error) {
	began := time.Now()
	timer := time.AfterFunc(b.stall, func() { b.cancel(errStalled) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	b.got, b.took = b.got+int64(n), b.took+time.Since(began)
	if err == nil && b.took > b.stall && b.got < int64(b.took.Seconds()*slowest) {
		return n, errStalled
	}
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// readText reads a whole answer of the API, packed or not, and closes it. It is bounded on both sides of unpacking: what is
// packed may be endless and unpack to nothing.
func readText(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	plain, err := gunzip(&bounded{resp.Body, maxAPIBody, errLong})
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(&bounded{plain, maxAPIBody, errLong})
	return bytes.TrimPrefix(text, []byte("\ufeff")), err
}

// readJSON reads a whole JSON answer of the API.
func readJSON(resp *http.Response, into any) error {
	text, err := readText(resp)
	if err != nil {
		return err
	}
	err = json.Unmarshal(text, into)
	var odd *json.UnmarshalTypeError
	if errors.As(err, &odd) && odd.Field != "" {
		return nil // one member is odd; the others are read
	}
	if err != nil {
		return notJSON(text)
	}
	return nil
}

func notJSON(text []byte) error {
	_, _, said := vendorText(text)
	return fmt.Errorf("the answer is not the JSON that is due: %s", said)
}

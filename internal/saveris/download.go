package saveris

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"saveris-bridge/internal/sleep"
)

const (
	opDownload   = "download"
	maxRedirects = 3
)

// readFile reads one file, from its start again where it broke off. Being throttled is no failure here either.
func (c *Client) readFile(ctx context.Context, link string, feed Feed, each func(*Row) error) (int, error) {
	retry := growing(c.cfg.RetryWait, longestPoll)
	throttled := growing(c.cfg.ThrottledWait, throttledMost)
	for failures := 0; ; {
		n, err := c.download(ctx, link, feed, each)
		var e *Error
		if err == nil || !errors.As(err, &e) || ctx.Err() != nil {
			return n, err
		}
		switch {
		case e.Status == http.StatusTooManyRequests:
			wait := e.Wait
			if wait == 0 {
				wait = throttled.NextBackOff()
			}
			c.throttle.hold(wait)
			_, err = c.throttle.pass(ctx, e)
		case e.transient() && (e.Err == nil || e.Err == ErrNotUnderstood) && e.Wait <= longestRetry && failures < moreTries:
			failures++
			err = sleep.For(ctx, max(e.Wait, retry.NextBackOff()))
		default:
			return 0, err
		}
		if err != nil {
			return 0, err
		}
	}
}

// download reads one file once. Links are signed: whoever has one needs no login, and whoever sends one is refused
// (document, 13.4).
func (c *Client) download(ctx context.Context, link string, feed Feed, each func(*Row) error) (int, error) {
	resp, err := c.open(ctx, link)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, c.fileError(resp)
	}
	n, err := decode(resp.Body, c.cfg.Format, feed, each)
	if errors.Is(err, errHuge) {
		return 0, &Error{Op: opDownload, Err: ErrTooLarge, Text: err.Error()}
	}
	if err != nil {
		return 0, packedBy(resp, c.readError(ctx, opDownload, err))
	}
	return n, nil
}

// packedBy names the packing that a file was sent with where it may be why it is not understood.
func packedBy(resp *http.Response, err error) error {
	var e *Error
	if how := word(resp.Header.Get("Content-Encoding")); how != "" && !strings.EqualFold(how, "gzip") && errors.As(err, &e) && e.Err == ErrNotUnderstood {
		e.Text += "; it was sent with Content-Encoding " + how
	}
	return err
}

// open follows redirects by hand, so that each target is checked and nothing of the link goes along.
func (c *Client) open(ctx context.Context, link string) (*http.Response, error) {
	for range maxRedirects + 1 {
		u, err := url.Parse(link)
		if err != nil || u.Host == "" {
			return nil, &Error{Op: opDownload, Err: errLink}
		}
		if !c.mayLoad(u) {
			return nil, &Error{Op: opDownload, Err: errLink, Text: c.sanitize(u.Scheme + "://" + u.Host)}
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, &Error{Op: opDownload, Err: errLink}
		}
		resp, err := c.send(ctx, c.files, req)
		if err != nil {
			return nil, c.readError(ctx, opDownload, err)
		}
		if resp.StatusCode < 300 || resp.StatusCode > 399 {
			return resp, nil
		}
		resp.Body.Close()
		target, err := u.Parse(resp.Header.Get("Location"))
		if err != nil {
			return nil, &Error{Op: opDownload, Status: resp.StatusCode, Err: errLink, Text: "the redirect leads nowhere"}
		}
		link = target.String()
	}
	return nil, &Error{Op: opDownload, Err: errLink, Text: "too many redirects"}
}

// fileError is what S3 says instead of a file. Dead links are 403 or 400, files that are gone 404 (document, 13.4), and so
// are those that are not there yet, to whoever may list them; to others they are 403.
func (c *Client) fileError(resp *http.Response) error {
	e := c.newError(opDownload, resp)
	switch e.Status {
	case http.StatusNotFound:
		e.Err, e.cause = errAbsent, errExpired
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusGone:
		e.Err = errExpired
		if e.Status == http.StatusForbidden && (e.Kind == "" || e.Kind == "AccessDenied") && !strings.Contains(strings.ToLower(e.Text), "expired") {
			e.Err, e.cause = errAbsent, errExpired
		}
	}
	return e
}

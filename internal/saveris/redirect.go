package saveris

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// maxHops is how often one request is sent on.
const maxHops = 5

// follow makes a request of the API and goes where the answer sends it, as long as that is the same host: with method, body
// and login, since a gateway that moves its paths wants the same request there. Anywhere else the login does not go, and the
// answer is what the caller gets.
func (c *Client) follow(ctx context.Context, endpoint string, req *http.Request) (*http.Response, error) {
	seen := map[string]bool{}
	for hop := 0; ; hop++ {
		resp, err := c.send(ctx, c.api, req)
		if err != nil {
			return nil, err
		}
		c.learn(endpoint, resp.Header)
		seen[req.URL.String()] = true
		target := sentOn(req.URL, resp)
		if target == nil || !mayFollow(req.URL, target) || seen[target.String()] || hop == maxHops {
			return resp, nil
		}
		closeBody(resp)
		if req, err = sendOn(req, target, resp.StatusCode); err != nil {
			return nil, err
		}
	}
}

// sentOn returns where an answer sends the request, nil where it does not.
func sentOn(from *url.URL, resp *http.Response) *url.URL {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	target, err := from.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil
	}
	return target
}

// mayFollow reports whether the login may go from one address to another: the same host, its port included, or the same
// host over https where it was http. Never from https to http.
func mayFollow(from, to *url.URL) bool {
	if to.User != nil || !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	if from.Scheme == "http" && to.Scheme == "https" {
		return true
	}
	return from.Scheme == to.Scheme && port(from) == port(to)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// sendOn is the same request to another address; 303 alone asks for a GET.
func sendOn(req *http.Request, target *url.URL, status int) (*http.Request, error) {
	next := req.Clone(req.Context())
	next.URL, next.Host = target, ""
	if status == http.StatusSeeOther {
		next.Method, next.Body, next.GetBody, next.ContentLength = http.MethodGet, http.NoBody, nil, 0
		next.Header.Del("Content-Type")
		return next, nil
	}
	var err error
	if req.GetBody != nil {
		next.Body, err = req.GetBody()
	}
	return next, err
}

// whereTo says why a redirect was not followed; "" where there is none.
func whereTo(resp *http.Response) string {
	if resp.Request == nil {
		return ""
	}
	from := resp.Request.URL
	target := sentOn(from, resp)
	switch {
	case target == nil:
		return ""
	case mayFollow(from, target):
		return "redirects in a circle"
	case target.Scheme == "http" && from.Scheme == "https":
		return "redirect to http://" + target.Host + ", which is not encrypted: the login is not sent there"
	}
	return "redirect to " + target.Host + ": the login is not sent there"
}

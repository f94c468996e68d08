package saveris

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"saveris-bridge/internal/sleep"
)

// call is one request to the API.
type call struct {
	op     string // what it is for, in errors
	method string
	path   string // of the endpoint
	id     string // of one export there
	query  url.Values
	body   []byte
	login  bool // it is the token call: it carries no login, and may be repeated although it is a POST
	// trial says that nobody knows yet whether the path is offered here: a refusal says nothing of the login, so none is spent on
	// it. Only a submission that is refused with 401 is worth one, since a path that is gone has not looked at the token.
	trial bool
}

// answer is the good answer (200) to a call. Its body must be closed.
type answer struct {
	*http.Response
	sent   time.Time     // when the call that was answered went out, by the local clock
	waited time.Duration // how long the vendor made us wait before
}

// call asks until there is an answer that means something. It waits as long as it is asked to, renews the token once,
// and repeats what failed in passing a few times, unless it submits: whether a lost submission was heard is unknown,
// and its caller decides. Every other answer becomes an *Error.
func (c *Client) call(ctx context.Context, k call) (answer, error) {
	t := try{call: k, client: c, retry: growing(c.cfg.RetryWait, longestRetry), throttle: growing(c.cfg.ThrottledWait, throttledMost)}
	for {
		ans, err := t.once(ctx)
		var e *Error
		var held *throttledError
		if err == nil || ctx.Err() != nil || errors.As(err, &held) || !errors.As(err, &e) {
			return ans, err
		}
		again, err := t.again(ctx, e)
		if !again {
			return answer{}, err
		}
	}
}

// try is what a call remembers from one attempt to the next.
type try struct {
	call
	client    *Client
	retry     interface{ NextBackOff() time.Duration }
	throttle  interface{ NextBackOff() time.Duration }
	throttled *Error // the last answer that made us wait
	waited    time.Duration
	failures  int
	token     string // the one that was sent last
	refused   string // the one that was refused
}

// once makes one attempt.
func (t *try) once(ctx context.Context) (answer, error) {
	waited, err := t.client.throttle.pass(ctx, t.throttled)
	t.waited += waited
	if err != nil {
		return answer{}, err
	}
	req, err := t.request(ctx)
	if err != nil {
		return answer{}, err
	}
	sent := time.Now()
	resp, err := t.client.follow(ctx, t.path, req)
	if ctx.Err() != nil {
		closeBody(resp)
		return answer{}, ctx.Err()
	}
	if err != nil {
		return answer{}, t.client.broken(t.op, err)
	}
	if resp.StatusCode < http.StatusOK || resp.StatusCode > http.StatusNonAuthoritativeInfo { // he documents 200 alone
		defer resp.Body.Close()
		return answer{}, t.client.newError(t.op, resp)
	}
	if !t.login {
		t.client.accepted.Store(true)
	}
	return answer{resp, sent, t.waited}, nil
}

func closeBody(resp *http.Response) {
	if resp != nil {
		resp.Body.Close()
	}
}

// request builds the HTTP request, login included.
func (t *try) request(ctx context.Context) (*http.Request, error) {
	address := t.client.base + t.path
	if t.id != "" {
		address += "/" + t.id
	}
	if len(t.query) > 0 {
		address += "?" + t.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, t.method, address, bytes.NewReader(t.body))
	if err != nil {
		return nil, t.client.broken(t.op, err)
	}
	if t.body != nil {
		req.Header.Set("Content-Type", "application/json") // the gateway checks the body only under this type
	}
	req.Header.Set("Accept-Encoding", "gzip")
	switch {
	case t.login:
	case t.client.cfg.APIKey.Set():
		req.Header.Set("x-custom-api-key", t.client.cfg.APIKey.Reveal())
	default:
		t.token, err = t.client.token(ctx, t.refused)
		req.Header.Set("Authorization", "Bearer "+t.token)
	}
	return req, err
}

// again decides what an error means, and waits where another attempt makes sense.
func (t *try) again(ctx context.Context, e *Error) (bool, error) {
	switch {
	case e.Op != t.op: // of the login on the way
		return false, e
	case e.Status == http.StatusTooManyRequests || t.login && e.cognitoThrottles():
		t.throttled = e
		t.client.throttle.hold(max(e.Wait, t.pause(e)))
		return true, nil
	case e.transient() && t.failures < moreTries && e.Wait <= longestRetry && (t.method == http.MethodGet || t.login):
		t.failures++
		err := sleep.For(ctx, max(e.Wait, t.retry.NextBackOff()))
		return err == nil, err
	case t.trial && (e.Status != http.StatusUnauthorized || t.method == http.MethodGet || t.refused != ""):
	case !t.login && e.refusal() && !t.client.cfg.APIKey.Set() && t.refused == "":
		t.refused = t.token
		return true, nil
	case e.noSuchPath() || t.method == http.MethodPost && (e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed):
		e.Err = ErrAddress
		if t.client.LoggedIn() { // it is this API, or was
			e.Err = ErrRetired
		}
	case e.Status >= 300 && e.Status < 400:
		e.Err = ErrAddress
	case !t.login && e.refusal() && (e.Status == http.StatusForbidden || !t.client.cfg.APIKey.Set()):
		e.Err = ErrForbidden
	case e.refusal() || t.login && e.Status == http.StatusBadRequest && e.ofAPI():
		e.Err = ErrRefused
		if t.client.cfg.APIKey.Set() && e.Status == http.StatusUnauthorized { // there is no login of its own
			t.client.loginFailed()
		}
	}
	return false, e
}

// pause is how long to wait where the vendor does not say it.
func (t *try) pause(e *Error) time.Duration {
	if e.Wait > 0 {
		return 0
	}
	return t.throttle.NextBackOff()
}

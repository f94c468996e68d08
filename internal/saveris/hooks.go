package saveris

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Outcome is how an export ended.
type Outcome string

// The outcomes.
const (
	Completed Outcome = "completed" // all its files were read
	Failed    Outcome = "failed"    // the vendor says so, or its answers or files could not be read
	Expired   Outcome = "expired"   // the vendor does not know it any more, or its links are dead
	TooLarge  Outcome = "too_large" // of the window; smaller ones are asked for
	Abandoned Outcome = "abandoned" // given up since it was never ready, or whoever asked had to end; the next process may adopt it
)

// Outcomes are all of them.
var Outcomes = []Outcome{Completed, Failed, Expired, TooLarge, Abandoned}

// exported reports how an export ended that was asked for at a local moment.
func (c *Client) exported(how Outcome, asked time.Time) {
	if c.cfg.OnExport != nil {
		c.cfg.OnExport(how, time.Since(asked))
	}
}

func outcome(ctx context.Context, err error) Outcome {
	var e *Error
	switch {
	case err == nil:
		return Completed
	case notExportsFault(ctx, err), errors.Is(err, errLost):
		return Abandoned
	case errors.Is(err, errForgotten), errors.Is(err, errExpired):
		return Expired
	case errors.As(err, &e) && errors.Is(err, ErrTooLarge) && (e.Status == http.StatusRequestEntityTooLarge || e.Op == opDownload):
		return TooLarge
	}
	return Failed
}

// answered reports of an HTTP answer, 0 where there was none. A request that we ended ourselves is neither.
func (c *Client) answered(ctx context.Context, status int) {
	if c.cfg.OnAnswer != nil && (status > 0 || !errors.Is(ctx.Err(), context.Canceled)) {
		c.cfg.OnAnswer(status)
	}
}

// loginFailed reports of a login that did not work.
func (c *Client) loginFailed() {
	if c.cfg.OnLoginFailure != nil {
		c.cfg.OnLoginFailure()
	}
}

// LoggedIn reports whether the vendor has accepted the login once.
func (c *Client) LoggedIn() bool { return c.accepted.Load() || c.tokens.everWorked() }

// TokenExpiry is when the token's life ends, by the local clock; the zero time where there is none.
func (c *Client) TokenExpiry() time.Time {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	return c.tokens.ends
}

// ThrottledUntil is until when the vendor wants to be left alone, by the local clock; the zero time where he does not.
func (c *Client) ThrottledUntil() time.Time {
	c.throttle.mu.Lock()
	defer c.throttle.mu.Unlock()
	if time.Now().Before(c.throttle.until) {
		return c.throttle.until
	}
	return time.Time{}
}

// ExportsInFlight is how many exports have been asked for and not been read to their end.
func (c *Client) ExportsInFlight() int { return c.slots.inFlight() }

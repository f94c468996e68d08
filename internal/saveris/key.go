package saveris

import (
	"context"
	"errors"
	"net/http"
)

// opTryKey is what probing the API key is called in errors.
const opTryKey = "try the API key"

// probeKey tries the API key at one endpoint after the other until one is there.
func (c *Client) probeKey(ctx context.Context) error {
	var err error
	for _, feed := range []Feed{Measurements, Alarms} {
		for _, path := range endpoints[feed] {
			if err = c.probeKeyAt(ctx, path); !errors.Is(err, ErrAddress) && !errors.Is(err, ErrRetired) {
				return err
			}
		}
	}
	return err
}

// probeKeyAt polls an export that does not exist. A wrong key is 401 (behaviour notes, 13). What the vendor says to an
// export that he does not know is not written anywhere, and a missing licence is a 403 of any shape: neither speaks of the
// key, and the first window will tell.
func (c *Client) probeKeyAt(ctx context.Context, path string) error {
	ans, err := c.call(ctx, call{op: opTryKey, method: http.MethodGet, path: path, id: "00000000-0000-4000-8000-000000000000"})
	closeBody(ans.Response)
	var e *Error
	if !errors.As(err, &e) || errors.Is(err, ErrAddress) || errors.Is(err, ErrRetired) {
		return err
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound:
	case http.StatusForbidden:
		if e.Kind == "WAF_FILTERED" {
			return err
		}
	case http.StatusInternalServerError:
		if !e.ofAPI() {
			return err
		}
	default:
		return err
	}
	c.accepted.Store(true)
	return nil
}

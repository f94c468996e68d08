package main

import (
	"context"
	"errors"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
)

// verdict returns the exit code of a process that ends with err, and what to do. Errors carry both; what is left are those of
// NATS and of contexts.
func verdict(err error) (code int, text string) {
	code, text = hint.Of(err)
	switch {
	case code != 0:
		return code, text
	case errors.Is(err, natsconn.ErrUnusable):
		return hint.NATS, natsconn.Hint(err)
	case text == "" && errors.Is(err, context.Canceled):
		return hint.Failed, "it was stopped before it was done; run it again"
	}
	return hint.Failed, text
}

// adviceOf returns what an error carries that a person can do; empty where it carries nothing.
func adviceOf(err error) string {
	_, text := hint.Of(err)
	return text
}

package main

import (
	"cmp"
	"context"
	"errors"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
)

// verdict returns the exit code of a process that ends with err, and what to do. Errors carry both; what is left is
// the end of a context.
func verdict(err error) (code int, text string) {
	code, text = natsconn.Advice(err)
	if code == 0 && text == "" && errors.Is(err, context.Canceled) {
		text = "it was stopped before it was done; run it again"
	}
	return cmp.Or(code, hint.Failed), text
}

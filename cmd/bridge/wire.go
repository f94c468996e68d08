package main

import (
	"context"
	"errors"
	"log/slog"
)

// runBridge wires the rooms together and polls until ctx ends.
func runBridge(ctx context.Context, s settings, logger *slog.Logger) error {
	return errors.New("not wired yet")
}

package main

import (
	"context"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
)

// readBroker is pipeline.Read for a command whose output speaks for itself: the log has warnings alone, unless another level is set.
func readBroker(ctx context.Context, s config.Settings, log io.Writer) (js jetstream.JetStream, stop func(), err error) {
	if s.LogLevel == "info" {
		s.LogLevel = "warn"
	}
	return pipeline.Read(ctx, s.NATS, s.Streams, newLogger(s.Log, log))
}

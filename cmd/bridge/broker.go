package main

import (
	"context"
	"io"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
)

// readBroker is pipeline.Read for a command whose output speaks for itself.
func readBroker(ctx context.Context, s config.Settings, log io.Writer) (js jetstream.JetStream, stop func(), err error) {
	return pipeline.Read(ctx, s.NATS, s.Streams, newLogger(quieter(s).Log, log))
}

// quieter returns the settings with a log of warnings alone, unless another level is set.
func quieter(s config.Settings) config.Settings {
	if s.LogLevel == "info" {
		s.LogLevel = "warn"
	}
	return s
}

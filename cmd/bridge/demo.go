package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// demoOptions are the flags of bridge demo.
type demoOptions struct {
	NATSListen string // where the embedded NATS server listens, so that consumers can connect
	LogLevel   string
}

func demoCommand(std streams) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "see everything at work in one process, no account needed",
		Long: `Starts a pretend vendor, a NATS server and the bridge between them in this process, and prints the events as they are
stored. No account, no settings, nothing is kept. Ctrl-C ends it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			logger := newLogger(settings{LogLevel: o.LogLevel, LogFormat: "auto"}, std.err)
			return untilStopped(cmd.Context(), runDemo(cmd.Context(), o, std.out, logger))
		},
	}
	cmd.Flags().StringVar(&o.NATSListen, "nats-listen", "127.0.0.1:4222", "where the NATS server listens")
	cmd.Flags().StringVar(&o.LogLevel, "log-level", "warn", "debug, info, warn or error")
	return cmd
}

func (o demoOptions) check() error {
	if _, want := hostPort(o.NATSListen); want != "" {
		return usagef("--nats-listen is %q: expected %s", o.NATSListen, want)
	}
	if _, want := rules["BRIDGE_LOG_LEVEL"](o.LogLevel); want != "" {
		return usagef("--log-level is %q: expected %s", o.LogLevel, want)
	}
	return nil
}

// runDemo runs pretend vendor, NATS server and bridge until ctx ends, and prints the stored events to out.
func runDemo(ctx context.Context, o demoOptions, out io.Writer, logger *slog.Logger) error {
	return errors.New("not wired yet")
}

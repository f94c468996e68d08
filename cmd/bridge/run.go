package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/service"
)

func runCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "poll the vendor for ever and publish every row",
		Long: `Polls for ever: the newest window first, then the re-reads that are due. SIGTERM and SIGINT finish the batch in
hand, then it exits with 0. Settings are environment variables:

` + variablesHelp(config.Variables()),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := std.load(ctx)
			if err != nil {
				return err
			}
			logger := newLogger(s.Log, std.err)
			for _, name := range config.UnknownVariables(std.environ()) {
				logger.Warn("unknown variable, it has no effect", "name", name)
			}
			for _, n := range s.Notices {
				logger.Warn("check this setting", "about", n.Text, "hint", n.Hint)
			}
			err = untilStopped(ctx, runService(ctx, s, logger))
			if err == nil {
				logger.Info("stopped")
			}
			return err
		},
	}
}

// runService runs the service. It listens for HTTP before anything else happens, so that a wrong address is an error at once.
func runService(ctx context.Context, s config.Settings, logger *slog.Logger) error {
	c := service.Config{Settings: s.Pipeline, Build: build(), Log: logger}
	if s.HTTPAddr != "" {
		var err error
		if c.Listener, err = listen.On("BRIDGE_HTTP_ADDR", s.HTTPAddr); err != nil {
			return err
		}
	}
	return service.Run(ctx, c)
}

// variablesHelp is the list of variables as a terminal shows it.
func variablesHelp(list []config.Variable) string {
	var b strings.Builder
	for _, v := range list {
		name := v.Name
		if v.File {
			name += ", " + v.Name + "_FILE"
		}
		fmt.Fprintf(&b, "  %s", name)
		switch {
		case v.Default != "":
			fmt.Fprintf(&b, " (default %s)", v.Default)
		case v.Instead != "":
			fmt.Fprintf(&b, " (default: %s)", v.Instead)
		}
		fmt.Fprintf(&b, "\n      %s\n", v.Doc)
	}
	b.WriteString("\nThe value of a variable that ends in _FILE is the name of a file that holds the secret.\n")
	return b.String()
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
)

func runCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "poll the vendor for ever and publish every row",
		Long: `Polls for ever: the newest window first, then the re-reads that are due. SIGTERM and SIGINT finish the batch in
hand, then it exits with 0. Settings are environment variables:

` + variablesHelp(config.Variables()),
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			s, err := config.Load(ctx, std.env)
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
			err = untilStopped(ctx, runBridge(ctx, s, logger))
			if err == nil {
				logger.Info("stopped")
			}
			return err
		},
	}
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

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/preflight"
	"saveris-bridge/internal/schema"

	"github.com/spf13/cobra"
)

func checkCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "test settings, login, feeds and NATS; change nothing",
		Long: `Tests the settings, the login, every feed that run will use, the clock, NATS, its streams and what the account may do
there. Prints one line a check, with a hint where it is not well. Nothing is created, changed or stored.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := std.load(cmd.Context())
			if err != nil {
				return err
			}
			out := &remembering{Writer: std.out}
			std.out = out
			for _, name := range config.UnknownVariables(std.environ()) {
				printSetting(std, name+" is no variable of the bridge", "bridge run --help lists all variables")
			}
			for _, n := range s.Notices {
				printSetting(std, n.Text, n.Hint)
			}
			err = runCheck(cmd.Context(), s, std)
			if out.err != nil {
				return out.err // nobody has seen what was found
			}
			return orStopped(cmd.Context(), err)
		},
	}
}

// remembering keeps the first error of a writer.
type remembering struct {
	io.Writer
	err error
}

func (r *remembering) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	r.err = cmp.Or(r.err, err)
	return n, err
}

func printSetting(std streams, text, advice string) {
	fmt.Fprintln(std.out, preflight.Finding{Name: "settings", State: preflight.Warn, Text: text, Hint: advice})
}

func runCheck(ctx context.Context, s config.Settings, std streams) error {
	c := preflight.Config{Settings: s.Pipeline, HTTPAddr: s.HTTPAddr}
	if isTerminal(std.err) {
		c.OnWait = func(feed schema.Feed, most time.Duration) {
			fmt.Fprintf(std.err, "waiting for the vendor's export of %s, %v at most\n", feed, most)
		}
	}
	return preflight.Run(ctx, c, func(f preflight.Finding) { fmt.Fprintln(std.out, f) })
}

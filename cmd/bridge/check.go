package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
)

func checkCommand(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "test settings, login, feeds and NATS; change nothing",
		Long: `Tests the settings, the login, every feed that run will use, the clock, NATS, its streams and what the account may do
there. Prints one line a check, with a hint where it is not well. Nothing is created, changed or stored.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			for _, name := range strangers(std.environ()) {
				printLine(std.out, "warn", "settings", name+" is no variable of the bridge", strangerHint)
			}
			return runCheck(cmd.Context(), s, std.out)
		},
	}
}

// checkTimeout bounds each check but that of a feed, which may have to wait for an export.
const checkTimeout = natsWait + 10*time.Second

// check is one line of the command's output. It may only run when what it needs was well.
type check struct {
	name  string
	needs func(*checkup) bool
	run   func(context.Context, *checkup) finding
}

// finding is how a check ended: well, with a warning, or failed where err is set.
type finding struct {
	text string
	warn bool
	err  error
	hint string
}

func fine(format string, args ...any) finding { return finding{text: fmt.Sprintf(format, args...)} }

func warning(hint, format string, args ...any) finding {
	return finding{text: fmt.Sprintf(format, args...), warn: true, hint: hint}
}

func failing(err error, hint string) finding { return finding{err: err, hint: hint} }

// checkup is what the checks hand on to the later ones.
type checkup struct {
	settings settings
	vendor   *saveris.Client // nil until the login was well
	nc       *nats.Conn      // nil until NATS was reached
	js       jetstream.JetStream
}

// runCheck runs all checks and prints a line for each. It gives a checkError with the errors of those that failed.
func runCheck(ctx context.Context, s settings, out io.Writer) error {
	c := &checkup{settings: s}
	defer c.close()
	return c.try(ctx, append(vendorChecks(s), natsChecks(s)...), out)
}

func (c *checkup) try(ctx context.Context, list []check, out io.Writer) error {
	var failed []error
	for _, one := range list {
		if one.needs != nil && !one.needs(c) {
			printLine(out, "skip", one.name, "not tried, because something above failed", "")
			continue
		}
		f := one.run(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		printFinding(out, one.name, f)
		if f.err != nil {
			failed = append(failed, f.err)
		}
	}
	if len(failed) > 0 {
		return &checkError{failed: failed}
	}
	return nil
}

func checkSettings(_ context.Context, c *checkup) finding {
	s := c.settings
	where := "embedded NATS server"
	if !s.Embedded() {
		where = "NATS " + maskURL(strings.Join(s.NATSURL, ","))
		if s.NATSContext != "" {
			where += " context " + s.NATSContext
		}
	}
	if strings.HasPrefix(s.SaverisURL, "http://") && !loopback(s.SaverisURL) {
		return warning("use https, or the password can be read on its way", "%s to %s, not encrypted", s.SaverisURL, where)
	}
	return fine("%s to %s", s.SaverisURL, where)
}

func (c *checkup) loggedIn() bool  { return c.vendor != nil }
func (c *checkup) connected() bool { return c.nc != nil }

func (c *checkup) close() {
	if c.nc != nil {
		c.nc.Close()
	}
}

func printFinding(out io.Writer, name string, f finding) {
	switch {
	case f.err != nil:
		printLine(out, "FAIL", name, f.err.Error(), f.hint)
	case f.warn:
		printLine(out, "warn", name, f.text, f.hint)
	default:
		printLine(out, "ok", name, f.text, "")
	}
}

func printLine(out io.Writer, state, name, text, hint string) {
	if hint != "" {
		hint = "  hint: " + hint
	}
	fmt.Fprintf(out, "%-5s %-26s %s%s\n", state, name, printable(text), hint)
}

// checkError says how many checks failed, and holds why.
type checkError struct{ failed []error }

func (e *checkError) Error() string {
	if len(e.failed) == 1 {
		return "not everything is well: 1 check failed"
	}
	return fmt.Sprintf("not everything is well: %d checks failed", len(e.failed))
}

// brokerConfig is how streams and bucket are named and made.
func brokerConfig(s settings) publish.Config {
	return publish.Config{Names: publish.Names{Prefix: s.Prefix}, Replicas: s.Replicas, MaxAge: s.MaxAge}
}

// quiet is the logger of a command that prints what it finds itself.
var quiet = slog.New(slog.DiscardHandler)

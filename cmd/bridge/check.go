package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"
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
			s, err := config.Load(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			for _, name := range config.UnknownVariables(std.environ()) {
				printLine(std.out, "warn", "settings", name+" is no variable of the bridge", "bridge run --help lists all variables")
			}
			for _, n := range s.Notices {
				printLine(std.out, "warn", "settings", n.Text, n.Hint)
			}
			return orStopped(cmd.Context(), runCheck(cmd.Context(), s, std))
		},
	}
}

// checkTimeout bounds each check but that of a feed, which may have to wait for an export.
const checkTimeout = natsconn.StartWait + 10*time.Second

// check is one line of the command's output. It may only run when what it needs was well.
type check struct {
	name  string
	needs func(*checkup) bool
	run   func(context.Context, *checkup) finding
}

// finding is how a check ended: in a state other than "FAIL", or failed where err is set.
type finding struct {
	state string
	text  string
	err   error
	hint  string
}

func fine(format string, args ...any) finding {
	return finding{state: "ok", text: fmt.Sprintf(format, args...)}
}

// note reports what is neither well nor wrong.
func note(format string, args ...any) finding {
	return finding{state: "info", text: fmt.Sprintf(format, args...)}
}

func warning(advice, format string, args ...any) finding {
	return finding{state: "warn", text: fmt.Sprintf(format, args...), hint: advice}
}

func failing(err error, advice string) finding { return finding{err: err, hint: advice} }

// checkup is what the checks hand on to the later ones.
type checkup struct {
	settings config.Settings
	progress io.Writer       // a terminal that is told what takes long; nil where there is none
	vendor   *saveris.Client // nil until the login was well
	nc       *nats.Conn      // nil until NATS was reached
	js       jetstream.JetStream
	given    int                                      // feeds that the vendor gives
	reserved int64                                    // bytes that the streams which run creates take away from the account
	off      bool                                     // the server has no JetStream
	space    func(dir string) (free int64, err error) // natsd.CheckSpace
	joined   bool                                     // the server is that of a bridge that runs
}

// runCheck runs all checks and prints a line for each. It gives a checkError with the errors of those that failed.
func runCheck(ctx context.Context, s config.Settings, std streams) error {
	c := &checkup{settings: s, space: natsd.CheckSpace}
	if isTerminal(std.err) {
		c.progress = std.err
	}
	defer c.close()
	return c.try(ctx, slices.Concat(vendorChecks(s), natsChecks(s), coverageChecks(s), healthChecks(s)), std.out)
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
	if c.given > 0 { // the login is well, and run goes on with the feeds that are given
		for i, err := range failed {
			if errors.Is(err, saveris.ErrForbidden) {
				failed[i] = errors.New(err.Error())
			}
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
		where = "NATS " + config.MaskURL(strings.Join(s.NATSURL, ","))
		if s.NATSContext != "" {
			where += " context " + s.NATSContext
		}
	}
	vendor := config.MaskURL(s.SaverisURL)
	switch {
	case strings.HasPrefix(s.SaverisURL, "http://") && !config.Loopback(s.SaverisURL):
		return warning("use https, or the password can be read on its way", "%s to %s, not encrypted", vendor, where)
	case s.Overlap > longestOverlap:
		return warning("shorten it", "%s to %s; BRIDGE_OVERLAP is %v, but a poll reaches back an hour at most", vendor, where, s.Overlap)
	}
	return fine("%s to %s", vendor, where)
}

// healthChecks are the checks of the address for probes, where there is one.
func healthChecks(s config.Settings) []check {
	if s.HTTPAddr == "" {
		return nil
	}
	return []check{{name: "http", run: func(context.Context, *checkup) finding {
		err := listen.Try("BRIDGE_HTTP_ADDR", s.HTTPAddr)
		switch {
		case err == nil:
			return fine("/livez and /readyz at %s", s.HTTPAddr)
		case err.Taken():
			return warning(fineIfRunning, "BRIDGE_HTTP_ADDR %s is in use", s.HTTPAddr)
		}
		return failing(err, adviceOf(err))
	}}}
}

// fineIfRunning is the hint where what is in use may be in use by the very bridge that is checked.
const fineIfRunning = "that is fine if a bridge is running; otherwise it keeps one from starting"

func (c *checkup) loggedIn() bool  { return c.vendor != nil }
func (c *checkup) connected() bool { return c.nc != nil }
func (c *checkup) usable() bool    { return c.js != nil && !c.off }

func (c *checkup) close() {
	if c.nc != nil {
		c.nc.Close()
	}
}

func printFinding(out io.Writer, name string, f finding) {
	if f.err != nil {
		f.state, f.text = "FAIL", f.err.Error()
	}
	printLine(out, f.state, name, f.text, f.hint)
}

func printLine(out io.Writer, state, name, text, advice string) {
	if advice != "" {
		advice = "  hint: " + advice
	}
	fmt.Fprintf(out, "%-5s %-26s %s%s\n", state, name, printable.Text(text), advice)
}

// checkError says how many checks failed, and holds why.
type checkError struct{ failed []error }

// Advice returns the exit code of the first check that failed, and where to read what to do.
func (e *checkError) Advice() (code int, text string) {
	code, _ = verdict(e.failed[0])
	return code, "the FAIL lines above say what to do"
}

func (e *checkError) Error() string {
	if len(e.failed) == 1 {
		return "not everything is well: 1 check failed"
	}
	return fmt.Sprintf("not everything is well: %d checks failed", len(e.failed))
}

// quiet is the logger of a command that prints what it finds itself.
var quiet = slog.New(slog.DiscardHandler)

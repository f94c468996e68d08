package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go/jetstream"
)

// Config says what is checked.
type Config struct {
	Settings config.Pipeline
	HTTPAddr string // the address for probes, empty = there is none

	// OnWait is called when the vendor's export of a feed takes a while, with how long it is waited for at most; nil = nobody is told.
	OnWait func(feed schema.Feed, most time.Duration)
	// Space returns how much space there is for the store in a folder; nil = natsd.CheckSpace.
	Space func(dir string) (free int64, err error)
	// StrangerWait is how long the answers of others to what JetStream was asked are waited for; 0 = one second.
	StrangerWait time.Duration
}

// The states of a finding.
const (
	OK   = "ok"
	Info = "info" // neither well nor wrong
	Warn = "warn" // run works, but promises less than people may expect
	Fail = "FAIL" // run does not work
	Skip = "skip" // not tried
)

// Finding is how a check ended.
type Finding struct {
	Name  string
	State string
	Text  string
	Hint  string // what to do; may be empty
	Err   error  // why it failed, nil in every other state
}

// String returns the finding as one line without its end.
func (f Finding) String() string {
	line := fmt.Sprintf("%-5s %-26s %s", f.State, f.Name, printable.Text(f.Text))
	if f.Hint != "" {
		line += "  hint: " + f.Hint
	}
	return line
}

func ok(format string, args ...any) Finding {
	return Finding{State: OK, Text: fmt.Sprintf(format, args...)}
}

// info reports what is neither well nor wrong.
func info(format string, args ...any) Finding {
	return Finding{State: Info, Text: fmt.Sprintf(format, args...)}
}

func warn(advice, format string, args ...any) Finding {
	return Finding{State: Warn, Text: fmt.Sprintf(format, args...), Hint: advice}
}

func fail(err error, advice string) Finding {
	return Finding{State: Fail, Text: err.Error(), Hint: advice, Err: err}
}

// Run runs all checks, one after the other, and calls each with what it has found. Its error is that of ctx, or an Error where checks
// have failed.
func Run(ctx context.Context, c Config, each func(Finding)) error {
	return run(ctx, c, slices.Concat(vendorChecks(c.Settings), natsChecks(c.Settings), coverageChecks(c.Settings), healthChecks(c.HTTPAddr)), each)
}

// RunVendor is Run for the checks up to the vendor alone.
func RunVendor(ctx context.Context, c Config, each func(Finding)) error {
	return run(ctx, c, vendorChecks(c.Settings), each)
}

// RunNATS is Run for the checks of NATS alone.
func RunNATS(ctx context.Context, c Config, each func(Finding)) error {
	return run(ctx, c, natsChecks(c.Settings), each)
}

// check finds out one thing. It may only run when what it needs was well.
type check struct {
	name  string
	needs func(*checkup) bool
	run   func(context.Context, *checkup) Finding
}

// answerTimeout bounds what a check asks the vendor; that of a feed may have to wait for an export, too.
const answerTimeout = 40 * time.Second

// brokerTimeout bounds what a check asks the broker, one after the other; each answer may take natsconn.AnswerWait.
const brokerTimeout = 3 * natsconn.AnswerWait

// checkup is what the checks hand on to the later ones.
type checkup struct {
	target
	settings     config.Pipeline // with the server of the bridge that runs, where there is one
	space        func(dir string) (free int64, err error)
	onWait       func(feed schema.Feed, most time.Duration) // may be nil
	strangerWait time.Duration                              // 0 = one second
	vendor       *saveris.Client                            // nil until the login was well
	answered     int                                        // feeds that the vendor shows
	off          bool                                       // the server has no JetStream
	account      *jetstream.AccountInfo                     // nil where the server does not say it
	joined       bool                                       // the server is that of a bridge that runs
}

func (c *checkup) loggedIn() bool  { return c.vendor != nil }
func (c *checkup) connected() bool { return c.nc != nil }
func (c *checkup) usable() bool    { return c.js != nil && !c.off }

func run(ctx context.Context, what Config, list []check, each func(Finding)) error {
	c := &checkup{settings: what.Settings, target: target{broker: pipeline.Broker(what.Settings.Streams)}, space: what.Space, onWait: what.OnWait, strangerWait: what.StrangerWait}
	if c.space == nil {
		c.space = natsd.CheckSpace
	}
	defer func() {
		if c.nc != nil {
			c.nc.Close()
		}
	}()
	var failed []error
	for _, one := range list {
		f := Finding{State: Skip, Text: "not tried, because something above failed"}
		if one.needs == nil || one.needs(c) {
			f = one.run(ctx, c)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.Name = one.name
		each(f)
		if f.Err != nil {
			failed = append(failed, f.Err)
		}
	}
	if c.answered > 0 { // the login is well, and run goes on with the feeds that it has
		for i, err := range failed {
			if errors.Is(err, saveris.ErrForbidden) {
				failed[i] = errors.New(err.Error())
			}
		}
	}
	if len(failed) > 0 {
		return &Error{Failed: failed}
	}
	return nil
}

// Error says how many checks have failed, and holds why.
type Error struct{ Failed []error }

func (e *Error) Error() string {
	if len(e.Failed) == 1 {
		return "not everything is well: 1 check failed"
	}
	return fmt.Sprintf("not everything is well: %d checks failed", len(e.Failed))
}

// Advice returns the exit code of the first check that failed, and where to read what to do.
func (e *Error) Advice() (code int, text string) {
	code, _ = natsconn.Advice(e.Failed[0])
	return cmp.Or(code, hint.Failed), "the FAIL lines above say what to do"
}

// adviceOf returns what an error carries that a person can do; empty where it carries nothing.
func adviceOf(err error) string {
	_, text := hint.Of(err)
	return text
}

// quiet is the logger of parts whose errors are findings.
var quiet = slog.New(slog.DiscardHandler)

func checkSettings(_ context.Context, c *checkup) Finding {
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
		return warn("use https, or the password can be read on its way", "%s to %s, not encrypted", vendor, where)
	case s.Overlap > poller.MaxTail:
		return warn("shorten it", "%s to %s; BRIDGE_OVERLAP is %v, but a poll reaches back an hour at most", vendor, where, s.Overlap)
	}
	return ok("%s to %s", vendor, where)
}

// healthChecks are the checks of the address for probes, where there is one.
func healthChecks(addr string) []check {
	if addr == "" {
		return nil
	}
	return []check{{name: "http", run: func(context.Context, *checkup) Finding {
		err := listen.Try("BRIDGE_HTTP_ADDR", addr)
		switch {
		case err == nil:
			return ok("/livez and /readyz at %s", addr)
		case err.Taken():
			return warn(fineIfRunning, "BRIDGE_HTTP_ADDR %s is in use", addr)
		}
		return fail(err, adviceOf(err))
	}}}
}

// fineIfRunning is the hint where what is in use may be in use by the very bridge that is checked.
const fineIfRunning = "that is fine if a bridge is running; otherwise it keeps one from starting"

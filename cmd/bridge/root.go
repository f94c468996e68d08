package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/printable"
)

// streams is what a command has of the outside world besides its arguments.
type streams struct {
	env     config.Lookup
	environ func() []string // all of env, as NAME=value
	out     io.Writer
	err     io.Writer

	firstPoll time.Duration // see config.Vendor, which no variable sets
}

// load reads the settings of a command that asks the vendor.
func (s streams) load(ctx context.Context) (config.Settings, error) {
	settings, err := config.Load(ctx, s.env)
	settings.FirstPoll = s.firstPoll
	return settings, err
}

// execute runs the command that args name and gives the exit code of the process. What fails is told on standard error.
func execute(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return hint.Done
	}
	code, advice := verdict(err)
	if logsJSON(cmd, err, std) {
		text := strings.ReplaceAll(err.Error(), "\n", "; ")
		newLogger(config.Log{LogFormat: "json"}, std.err).Error(endedByError, "err", text, "hint", advice, "code", code)
		return code
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(std.err, "error: "+printable.Text(line))
	}
	if advice != "" {
		fmt.Fprintln(std.err, "hint: "+advice)
	}
	return code
}

// endedByError is what the last line of a log in JSON says.
const endedByError = "ended by an error"

// logsJSON reports whether what a command has written to standard error until it failed is JSON, so that the last line has to be
// too. A wrong command line is somebody's who types.
func logsJSON(cmd *cobra.Command, err error, std streams) bool {
	var usage *usageError
	if name := cmd.Name(); name != "run" && name != "backfill" || errors.As(err, &usage) {
		return false
	}
	format, _ := std.env("BRIDGE_LOG_FORMAT")
	format = config.TrimSpace(format)
	return format == "json" || format != "text" && !isTerminal(std.err)
}

func newRoot(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:           "bridge",
		Short:         "Testo Saveris readings and alarms as CloudEvents on NATS JetStream, exactly once",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var wrong interface{ GetSpecifiedName() string }
		if errors.As(err, &wrong) && cmd.Flags().Lookup(wrong.GetSpecifiedName()) == nil && cmd.Flags().Lookup(wrong.GetSpecifiedName()+"s") != nil {
			err = fmt.Errorf("%w, did you mean --%ss?", err, wrong.GetSpecifiedName())
		}
		return &usageError{err, cmd.CommandPath() + " --help lists its flags"}
	})
	root.AddCommand(runCommand(std), backfillCommand(std), demoCommand(std), simulateCommand(std), checkCommand(std), verifyCommand(std), auditCommand(std), replayCommand(std), statusCommand(std), tailCommand(std), checkpointCommand(std), schemaCommand(std), versionCommand(std))
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: "help about any command", RunE: func(_ *cobra.Command, args []string) error {
		if cmd, _, err := root.Find(args); err == nil && (cmd != root || len(args) == 0) {
			return cmd.Help()
		}
		return unknownCommand(root, args[0])
	}})
	root.InitDefaultCompletionCmd()
	refuseOthers(root)
	complete(root)
	return root
}

// refuseOthers has a command and those below it refuse arguments that are no command below it, or that it does not take.
func refuseOthers(cmd *cobra.Command) {
	switch {
	case cmd.HasSubCommands():
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, oneBelow // cobra's own check gives an error that only its text tells apart
	case cmd.ValidArgs == nil:
		cmd.Args = noArgs
	}
	for _, below := range cmd.Commands() {
		refuseOthers(below)
	}
}

// oneBelow is what a command does that is none without another below it.
func oneBelow(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.Join(cmd.Help(), &usageError{errors.New("no command given"), cmd.CommandPath() + " --help lists its commands"})
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(among *cobra.Command, name string) error {
	among.SuggestionsMinimumDistance = 2
	text := fmt.Sprintf("unknown command %q", name)
	if near := among.SuggestionsFor(name); len(near) > 0 {
		text += ", did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{errors.New(text), among.CommandPath() + " --help lists its commands"}
}

// usageError is a wrong command line, and where to read on about it.
type usageError struct {
	err  error
	more string
}

// Advice returns the exit code and where to read on.
func (e *usageError) Advice() (code int, text string) { return hint.Settings, e.more }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// flagf is a flag with a wrong value.
func flagf(command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), "bridge " + command + " --help lists its flags"}
}

// noArgs refuses arguments of a command that has none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("%s takes no argument, but got %q", cmd.CommandPath(), args[0]), cmd.CommandPath() + " --help shows how it is called"}
	}
	return nil
}

// errStopped says that a command was asked to stop before it had told anything.
var errStopped error = &hint.Error{Err: errors.New("stopped before it was done"), Code: hint.Failed, Hint: "run it again"}

// orStopped returns errStopped in the place of whatever error a stop has led to.
func orStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && err != nil {
		return errStopped
	}
	return err
}

// untilStopped makes the end of a command that was asked to stop a good one: that is how it is meant to end.
func untilStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"

	"github.com/spf13/cobra"
)

// asCommand makes the test binary the command itself.
const asCommand = "TEST_BINARY_IS_THE_COMMAND"

// quickPoll fits the pretend vendor, whose exports are ready at once.
const quickPoll = 20 * time.Millisecond

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		signalGrace = bridgetest.Patience
		start(streams{env: os.LookupEnv, environ: os.Environ, out: os.Stdout, err: os.Stderr, firstPoll: quickPoll})
	}
	config, err := os.MkdirTemp("", "config")
	if err == nil {
		err = os.Setenv("XDG_CONFIG_HOME", config) // those who run the tests have contexts of the nats command, too
	}
	if err != nil {
		panic(err)
	}
	code := bridgetest.Run(m, 8) // they wait for processes most of the time
	_ = os.RemoveAll(config)
	os.Exit(code)
}

// outcome is what a run of the command left behind.
type outcome struct {
	code     int
	out, err string
}

// bridge runs the command in a process of its own with nothing but env in its environment.
func bridge(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	return bridgeFor(t.Context(), t, env, args...)
}

// bridgeFor is bridge for a command that may not end by itself: it is killed when ctx ends.
func bridgeFor(ctx context.Context, t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	cmd := command(t, env, args...)
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	failure := cmd.Run()
	var exit *exec.ExitError
	if failure != nil && !errors.As(failure, &exit) {
		t.Fatal(failure)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), asText(err.String())}
}

// asText is what a command has written to standard error, with an error at its end as a terminal has it.
func asText(log string) string {
	begin := strings.LastIndex(strings.TrimRight(log, "\n"), "\n") + 1
	var last struct{ Msg, Err, Hint string }
	if json.Unmarshal([]byte(log[begin:]), &last) != nil || last.Msg != endedByError {
		return log
	}
	text := "error: " + last.Err + "\n"
	if last.Hint != "" {
		text += "hint: " + last.Hint + "\n"
	}
	return log[:begin] + text
}

func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{asCommand + "=1", "HOME=" + cmd.Dir, "GOGC=400"}, env...)
	return cmd
}

// lastLines returns the last two lines of a text: the cause and the hint.
func lastLines(t *testing.T, text string) (cause, advice string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(asText(text), "\n"), "\n")
	if len(lines) < 2 {
		t.Fatalf("expected a cause and a hint, got %q", text)
	}
	return lines[len(lines)-2], lines[len(lines)-1]
}

func TestWrongUsageExitsWith2AndAHint(t *testing.T) {
	t.Parallel()
	some := file(t, "x")
	for _, c := range []struct{ args, hint string }{
		{"", "bridge --help"}, {"rum", "bridge --help"}, {"run now", "bridge run --help"}, {"run --fast", "bridge run --help"},
		{"version please", "bridge version --help"}, {"schema nonsense", "bridge schema lists the names"}, {"schema a b", "bridge schema lists"},
		{"completion nonsense", "bridge completion --help"}, {"completion bash extra", "bridge completion bash --help"},
		{"checkpoint nonsense", "bridge checkpoint --help"}, {"checkpoint show extra", "bridge checkpoint show --help"},
		{"audit --from 24h --feeds tasks", "bridge audit --help"},
		{"demo --nats-listen nowhere", "bridge demo --help"}, {"demo --log-level loud", "bridge demo --help"},
		{"demo --data-dir " + some, "bridge demo --help"}, {"demo --data-dir " + some + "/below", "bridge demo --help"},
		{"demo --nats-listen 192.0.2.1:4222", "--nats-listen has to be"}, {"demo --http-listen nowhere", "bridge demo --help"},
		{"demo --http-listen 192.0.2.1:8080", "--http-listen has to be"}, {"demo --vendor-listen 192.0.2.1:8090", "--vendor-listen has to be"},
		{"simulate --file.gzip perhaps", "bridge simulate --help"}, {"simulate --listen nowhere", "bridge simulate --help"},
		{"simulate --listen 192.0.2.1:8090", "--listen has to be an address of this machine"},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := bridge(t, nil, strings.Fields(c.args)...)
			cause, advice := lastLines(t, got.err)
			if got.code != hint.Settings || !strings.HasPrefix(cause, "error: ") || !strings.HasPrefix(advice, "hint: "+c.hint) {
				t.Errorf("exit code %d, stderr:\n%s", got.code, got.err)
			}
		})
	}
}

func TestAShellIsOfferedTheValuesOfFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"tail --severity ": "alarm warning unknown :4", "tail --feeds ": "readings alarms tasks :4", "backfill --feeds ": "readings alarms tasks :4", "tail --lane ": "live history :4",
		"checkpoint show --feeds ": "readings alarms tasks :4", "replay --content-mode ": "binary structured :4", "demo --log-level ": "debug info warn error :4",
		"tail --serial ": ":4", "simulate --throttle ": "off Too Many Requests Limit Exceeded :4", "checkpoint reset --feed ": "readings alarms tasks :4",
	} {
		words := append([]string{"__complete"}, strings.Split(args, " ")...)
		if got := bridge(t, nil, words...); got.code != hint.Done || strings.Join(strings.Fields(got.out), " ") != want {
			t.Errorf("%q is offered %q, want %q", args, strings.Fields(got.out), want)
		}
	}
}

func TestEveryFlagThatNamesFeedsIsCalledTheSame(t *testing.T) {
	t.Parallel()
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			look(below)
		}
		if f := cmd.Flags().Lookup("feed"); f != nil && (cmd.Flags().Lookup("feeds") == nil || !f.Hidden && cmd.Name() != "reset") {
			t.Errorf("bridge %s --feed", cmd.Name())
		}
	}
	look(newRoot(streams{env: os.LookupEnv}))
	for _, name := range []string{"feed", "feeds"} {
		if got := bridge(t, nil, "tail", "--"+name, "wind"); got.code != hint.Settings || !strings.Contains(got.err, `--feeds is "wind"`) {
			t.Errorf("tail --%s: exit code %d, %s", name, got.code, got.err)
		}
	}
}

func TestEveryCommandIsOffered(t *testing.T) {
	t.Parallel()
	help := bridge(t, nil, "--help")
	if help.code != hint.Done {
		t.Fatalf("help: exit code %d", help.code)
	}
	for _, name := range []string{"run", "backfill", "demo", "simulate", "check", "verify", "audit", "replay", "status", "tail", "checkpoint", "schema", "version"} {
		if !strings.Contains(help.out, "\n  "+name+" ") {
			t.Errorf("help does not list %s", name)
		}
	}
}

// TestWhateverTheDemoIsGivenIsChecked: it never opens the store of a bridge.
func TestWhateverTheDemoIsGivenIsChecked(t *testing.T) {
	t.Parallel()
	some := file(t, "x")
	for _, c := range []struct{ env, args, want string }{
		{"", "--data-dir=", "--data-dir"}, {"", "--data-dir=a\tb", "--data-dir"}, {"", "--nats-listen=a\tb:1", "--nats-listen"},
		{"BRIDGE_DATA_DIR=a\tb", "", "BRIDGE_DATA_DIR"}, {"BRIDGE_DATA_DIR=" + some, "", "BRIDGE_DATA_DIR"}, {"BRIDGE_DATA_DIR=a", "--data-dir=" + some, "--data-dir"},
		{"BRIDGE_HTTP_ADDR=b", "", "BRIDGE_HTTP_ADDR"}, {"BRIDGE_HTTP_ADDR=192.0.2.1:8080", "", "BRIDGE_HTTP_ADDR"}, {"BRIDGE_HTTP_ADDR=b", "--http-listen=c", "--http-listen"},
		{"BRIDGE_NATS_LISTEN=b", "", "BRIDGE_NATS_LISTEN"}, {"BRIDGE_NATS_LISTEN=192.0.2.1:4222", "", "BRIDGE_NATS_LISTEN"},
	} {
		got := bridge(t, []string{c.env}, strings.Split(strings.TrimSuffix("demo "+c.args, " "), " ")...)
		if cause, advice := lastLines(t, got.err); got.code != hint.Settings || !strings.Contains(cause, c.want+` is "`) || !strings.HasPrefix(advice, "hint: ") {
			t.Errorf("%+v: exit code %d\n%s", c, got.code, got.err)
		}
	}
}

func TestHelpOnACommandThatThereIsNot(t *testing.T) {
	t.Parallel()
	for args, code := range map[string]int{"help": hint.Done, "help run": hint.Done, "help checkpoint show": hint.Done, "help nothing": hint.Settings} {
		if got := bridge(t, nil, strings.Fields(args)...); got.code != code {
			t.Errorf("%s: exit code %d\n%s%s", args, got.code, got.out, got.err)
		}
	}
}

func TestMissingCredentialsOfferTheDemo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"run", "check"} {
		got := bridge(t, nil, name)
		cause, advice := lastLines(t, got.err)
		for _, variable := range []string{"SAVERIS_USERNAME", "SAVERIS_PASSWORD", "SAVERIS_API_KEY"} {
			if !strings.Contains(cause, variable) {
				t.Errorf("%s: the cause does not name %s: %s", name, variable, cause)
			}
		}
		if got.code != hint.Settings || !strings.Contains(advice, "bridge demo") {
			t.Errorf("%s: exit code %d, hint %q", name, got.code, advice)
		}
	}
}

func TestWrongSettingsAreToldAllAtOnceByTheCommand(t *testing.T) {
	t.Parallel()
	got := bridge(t, []string{"SAVERIS_REGION=mars", "BRIDGE_REPLICAS=many", "BRIDGE_LOG_LEVEL=loud", "BRIDGE_NATS_LISTEN=4222"}, "run")
	for _, want := range []string{
		`SAVERIS_REGION is "mars": expected eu, am or ap`,
		`BRIDGE_REPLICAS is "many": expected a whole number from 1 to 5`,
		`BRIDGE_LOG_LEVEL is "loud": expected debug, info, warn or error`,
		`BRIDGE_NATS_LISTEN is "4222": expected host:port such as 127.0.0.1:4222, or :4222 for every interface`,
		"no credentials",
	} {
		if !strings.Contains(got.err, want) {
			t.Errorf("stderr lacks %q:\n%s", want, got.err)
		}
	}
	if got.code != hint.Settings {
		t.Errorf("exit code %d", got.code)
	}
}

func TestTheLastErrorIsJSONWhereTheLogIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format, args string
		json         bool
	}{{"json", "run", true}, {"auto", "run", true}, {"text", "run", false}, {"json", "backfill --from 24h", true}, {"json", "run now", false}, {"json", "status", false}} {
		cmd := command(t, []string{"BRIDGE_LOG_FORMAT=" + c.format, "BRIDGE_PREFIX=a.b"}, strings.Fields(c.args)...)
		var log bytes.Buffer
		cmd.Stderr = &log
		_ = cmd.Run()
		var last struct {
			Level, Msg, Err, Hint string
			Code                  int
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		err := json.Unmarshal([]byte(lines[len(lines)-1]), &last)
		if (err == nil) != c.json || c.json && (last.Level != "ERROR" || last.Code != hint.Settings || last.Hint == "" || !strings.Contains(last.Err, "BRIDGE_PREFIX") || cmd.ProcessState.ExitCode() != hint.Settings) {
			t.Errorf("%s as %s: %s", c.args, c.format, &log)
		}
	}
}

func TestVersionAndSchemaPrint(t *testing.T) {
	t.Parallel()
	if got := bridge(t, nil, "version"); got.code != hint.Done || !strings.HasPrefix(got.out, "bridge dev, commit ") {
		t.Errorf("version: exit code %d, %q", got.code, got.out)
	}
	if flag := bridge(t, nil, "--version"); flag.code != hint.Done || flag.out != bridge(t, nil, "version").out {
		t.Errorf("--version: exit code %d, %q", flag.code, flag.out)
	}
	list := bridge(t, nil, "schema")
	if list.code != hint.Done {
		t.Fatalf("schema: exit code %d: %s", list.code, list.err)
	}
	for name := range strings.FieldsSeq(list.out) {
		if got := bridge(t, nil, "schema", name); got.code != hint.Done || got.out == "" {
			t.Errorf("schema %s: exit code %d, %d bytes", name, got.code, len(got.out))
		}
	}
}

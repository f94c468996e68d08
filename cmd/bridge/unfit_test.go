package main

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"

	"github.com/nats-io/nats-server/v2/server"
)

// TestAnUnfitServerIsNamedWithWhatHelps by check and by run, and neither sends to the other.
func TestAnUnfitServerIsNamedWithWhatHelps(t *testing.T) {
	t.Parallel()
	small := natsServer(t, &server.Options{JetStream: true, MaxPayload: 1000}).ClientURL()
	few := demanding(t, "max_file: 2GB, max_consumers: 1")
	plain := natsServer(t, &server.Options{JetStream: true}).ClientURL()
	prod := contextFile(t, map[string]string{"url": plain, "jetstream_domain": "leaf"})
	for _, c := range []struct {
		name string
		env  []string
		want string // in the hint
		run  bool   // run is tried too: it does not wait
	}{
		{"payload", []string{"NATS_URL", small}, "raise max_payload to 1048576", true},
		{"consumers", []string{"NATS_URL", few, "NATS_USER", "u", "NATS_PASSWORD", "p"}, "raise max_consumers of the account to 10", true},
		{"domain", []string{"NATS_URL", plain, "NATS_JS_DOMAIN", "nowhere"}, "NATS_JS_DOMAIN=nowhere", false},
		{"prefix", []string{"NATS_URL", plain, "NATS_JS_API_PREFIX", "$JS.other.API"}, "NATS_JS_API_PREFIX=$JS.other.API", false},
		{"context", []string{"NATS_CONTEXT", prod}, "jetstream_domain of NATS_CONTEXT " + prod + "=leaf", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out, err := checkNATS(t, with(c.env...))
			if code, _ := verdict(err); code != hint.NATS || !strings.Contains(out, "hint: ") || !strings.Contains(out, c.want) || strings.Contains(out, "bridge check") {
				t.Errorf("check: exit code %d:\n%s", code, out)
			}
			if !c.run {
				return
			}
			_, _, err = makeStreams(t.Context(), load(t, with(c.env...)).Pipeline)
			if code, advice := verdict(err); code != hint.NATS || !strings.Contains(advice, c.want) {
				t.Errorf("run: exit code %d, hint %q: %v", code, advice, err)
			}
		})
	}
}

// TestRunNamesAWrongDomain once it has waited.
func TestRunNamesAWrongDomain(t *testing.T) {
	t.Parallel()
	url := natsServer(t, &server.Options{JetStream: true}).ClientURL()
	s := load(t, with("NATS_URL", url, "NATS_JS_DOMAIN", "nowhere"))
	s.StartWait = 10 * time.Millisecond
	_, _, err := makeStreams(t.Context(), s.Pipeline)
	if code, advice := verdict(err); code != hint.NATS || !strings.Contains(advice, "NATS_JS_DOMAIN=nowhere") {
		t.Errorf("exit code %d, hint %q: %v", code, advice, err)
	}
}

// TestWhatIsStoppedWhileItWaitsSaysSo: a NATS server that says nothing is waited for.
func TestWhatIsStoppedWhileItWaitsSaysSo(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	v := vendor(t, nil)
	for _, name := range []string{"status", "check"} {
		cmd := command(t, runEnv(v, "NATS_URL=nats://"+silent.Addr().String()), name)
		var log noise
		cmd.Stdout, cmd.Stderr = &log, &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		conn, err := silent.Accept() // it waits now
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != hint.Failed || !strings.Contains(log.String(), "error: stopped before it was done\n") {
			t.Errorf("%s: exit code %d:\n%s", name, code, log.String())
		}
	}
}

// TestASlipOfAFlagIsSuggested where an s is missing.
func TestASlipOfAFlagIsSuggested(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	code := execute(t.Context(), []string{"backfill", "--feed", "readings"}, streams{env: with(), out: &out, err: &out})
	if code != hint.Settings || !strings.Contains(out.String(), "unknown flag: --feed, did you mean --feeds?") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

// TestTheHintOnOtherMessagesStandsOnce, though they are in both streams.
func TestTheHintOnOtherMessagesStandsOnce(t *testing.T) {
	t.Parallel()
	env := with("NATS_URL", natsServer(t, &server.Options{JetStream: true}).ClientURL())
	js, stop, err := makeStreams(t.Context(), load(t, env).Pipeline)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, feed := range publish.Feeds {
		if _, err := js.Publish(t.Context(), "saveris-ingest."+string(feed)+".live.hello", nil); err != nil {
			t.Fatal(err)
		}
		w := publish.NewWriter(js, pipeline.Broker(load(t, env).Streams), publish.Options{Feed: feed, Name: "test", Now: time.Now})
		cover := &checkpoint.Interval{From: day, Until: day.Add(time.Hour), ReadAt: day.Add(time.Hour), Route: "sync"}
		if _, err := w.Commit(t.Context(), checkpoint.DayOf(day), nil, cover); err != nil { // nobody looks behind the last record
			t.Fatal(err)
		}
	}
	out, _ := checkNATS(t, env)
	wantLines(t, out, "warn other messages SAVERIS_READINGS SAVERIS_ALARMS hint: no feed stalls")
	if n := strings.Count(out, "no feed stalls"); n != 1 {
		t.Errorf("it stands there %d times:\n%s", n, out)
	}
}

// demanding starts a server with an account that has these JetStream limits.
func demanding(t *testing.T, limits string) (url string) {
	t.Helper()
	o, err := server.ProcessConfigFile(file(t, fmt.Sprintf(
		"jetstream {}\naccounts { COLD { jetstream { max_mem: 64MB, %s }, users: [ { user: u, password: p } ] } }\n", limits)))
	if err != nil {
		t.Fatal(err)
	}
	return natsServer(t, o).ClientURL()
}

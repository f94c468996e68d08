package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsd"
)

func TestBeforeTheFirstRunNothingIsWrongWithNATS(t *testing.T) {
	t.Parallel()
	broker := natsServer(t, &server.Options{JetStream: true})
	v := vendor(t, nil)
	const (
		noStream = `error: nothing has been stored yet under BRIDGE_PREFIX "saveris": stream SAVERIS_READINGS does not exist`
		start    = "hint: start bridge run, or wait for its first poll; or set BRIDGE_PREFIX to the one it uses"
		noStore  = "error: nothing has been stored yet here: BRIDGE_DATA_DIR=nowhere is not the store of a bridge"
		where    = "hint: run this where the bridge runs, or set BRIDGE_DATA_DIR or NATS_URL"
	)
	for _, c := range []struct{ set, args, cause, hint string }{
		{"NATS_URL=" + broker.ClientURL(), "status", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "tail", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "verify --from 1h", noStream, start},
		{"NATS_URL=" + broker.ClientURL(), "replay --from 1h --to x", noStream, start},
		{"BRIDGE_DATA_DIR=nowhere", "verify --from 1h", noStore, where},
	} {
		got := bridge(t, slices.Concat(runEnv(v), []string{c.set}), strings.Fields(c.args)...)
		if cause, advice := lastLines(t, got.err); got.code != hint.NATS || cause != c.cause || advice != c.hint {
			t.Errorf("%s, %s: exit code %d\n%s", c.set, c.args, got.code, got.err)
		}
	}
}

// in runs the command in a folder, with little in its environment.
func in(t *testing.T, dir string, env []string, args ...string) outcome {
	t.Helper()
	cmd := command(t, env, args...)
	cmd.Dir = dir
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return outcome{cmd.ProcessState.ExitCode(), out.String(), err.String()}
}

func TestLookingMakesNoStoreAndNamesTheRightOne(t *testing.T) {
	t.Parallel()
	const none = "error: nothing has been stored yet here: BRIDGE_DATA_DIR=./bridge-data is not the store of a bridge"
	dir, nobody := t.TempDir(), "BRIDGE_NATS_LISTEN="+bridgetest.Address(t)
	want := func(when string, listen, cause, advice string) {
		t.Helper()
		for _, args := range []string{"status", "tail", "replay --from 1h --to x.y", "checkpoint show"} {
			got := in(t, dir, []string{listen}, strings.Fields(args)...)
			if c, h := lastLines(t, got.err); got.code != hint.NATS || c != cause || h != advice {
				t.Errorf("%s, %s: exit code %d\n%s", when, args, got.code, got.err)
			}
		}
	}
	want("nothing is there", nobody, none, "hint: run this where the bridge runs, or set BRIDGE_DATA_DIR or NATS_URL")
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("looking has made %v (%v)", made, err)
	}
	data := filepath.Join(dir, "bridge-data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	demo, err := natsd.Start(natsd.Config{Dir: filepath.Join(dir, "bridge-demo"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	want("a demo has been here", nobody, none, "hint: set BRIDGE_DATA_DIR=./bridge-demo")
	if made, err := os.ReadDir(data); err != nil || len(made) > 0 {
		t.Errorf("looking has made %v (%v)", made, err)
	}
	listen := strings.TrimPrefix(demo.ClientURL(), "nats://")
	got := in(t, dir, []string{"BRIDGE_NATS_LISTEN=" + listen}, "status")
	if _, advice := lastLines(t, got.err); advice != "hint: set BRIDGE_DATA_DIR=./bridge-demo, or NATS_URL="+demo.ClientURL()+" (a server listens there)" {
		t.Errorf("%s", got.err)
	}
	got = in(t, dir, []string{nobody, "BRIDGE_DATA_DIR=bridge-demo"}, "status") // it is found where it says that it listens
	if cause, advice := lastLines(t, got.err); cause != `error: nothing has been stored yet under BRIDGE_PREFIX "saveris": stream SAVERIS_READINGS does not exist` || !strings.HasPrefix(advice, "hint: start bridge run") {
		t.Errorf("%s", got.err)
	}
	demo.Close() // whoever listens elsewhere has nothing to do with it
	got = in(t, dir, []string{nobody, "BRIDGE_DATA_DIR=bridge-demo"}, "tail")
	if cause, advice := lastLines(t, got.err); got.code != hint.NATS || cause != "error: no bridge runs on the store BRIDGE_DATA_DIR=bridge-demo" || !strings.HasPrefix(advice, "hint: start bridge run") {
		t.Errorf("exit code %d, %s", got.code, got.err)
	}
}

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
)

func TestSimulateServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := command(t, nil, "simulate", "--listen", "127.0.0.1:0", "--token.key", "idToken", "--world.sites=3", "--world.empty")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		_, rest, _ := strings.Cut(line, " at ")
		url, _, _ := strings.Cut(rest, ",")
		answer, err := http.Post(url+"/v1/token", "application/json", strings.NewReader(`{"username":"demo","password":"demo"}`))
		if err != nil {
			t.Fatalf("%v, it printed %q", err, line)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"idToken"`) {
			t.Errorf("login gives %d %s", answer.StatusCode, body)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v, expected exit code 0", signal, err)
		}
	}
}

func TestSimulateOffersEverySettingOfThePretendVendor(t *testing.T) {
	t.Parallel()
	help := bridge(t, nil, "simulate", "--help").out
	for _, key := range saveristest.Keys() {
		if !strings.Contains(help, "--"+key.Name+" ") || !strings.Contains(help, key.Help) {
			t.Errorf("bridge simulate --help lacks %s", key.Name)
		}
		for _, value := range key.Values {
			config := saveristest.Config{}
			if err := (&keyFlag{config: &config, key: key}).Set(value); err != nil {
				t.Errorf("--%s %s: %v", key.Name, value, err)
			}
		}
	}
}

func TestATakenAddressIsToldWithAHint(t *testing.T) {
	t.Parallel()
	server, err := saveristest.Start(saveristest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := bridge(t, nil, "simulate", "--listen", strings.TrimPrefix(server.URL(), "http://"))
	if cause, advice := lastLines(t, got.err); got.code != hint.Failed || advice != "hint: something else listens there: stop it, or choose another --listen" {
		t.Errorf("exit code %d, %s, %s", got.code, cause, advice)
	}
}

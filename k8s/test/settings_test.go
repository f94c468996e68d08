package manifests

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
)

// settings are the variables of the table in docs/configuration.md, which a test of cmd/bridge makes from the code.
func settings(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "<!-- settings:")
	table, _, _ = strings.Cut(table, "<!-- end of settings -->")
	known := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+) \\|").FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			known[strings.Trim(name, "`")] = true
		}
	}
	if !known["SAVERIS_PASSWORD_FILE"] || !known["BRIDGE_HTTP_ADDR"] {
		t.Fatalf("the table of settings was not understood: %v", known)
	}
	return known
}

func TestEveryVariableIsASetting(t *testing.T) {
	known := settings(t)
	known["GOMEMLIMIT"], known["MEMORY_LIMIT_MIB"] = true, true
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			for name := range r.environment(t, w) {
				if !known[name] {
					t.Errorf("%s: %s is no setting", w.name, name)
				}
			}
		}
	})
}

// What is commented out is read too, one day.
func TestEveryVariableThatIsCommentedOutIsASetting(t *testing.T) {
	known := settings(t)
	for _, file := range []string{"../base/bridge.env", "../overlays/ha/bridge.env", "../overlays/standalone/bridge.env"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^#?([A-Z_]+)=`).FindAllStringSubmatch(string(text), -1) {
			if !known[m[1]] {
				t.Errorf("%s: %s is no setting", file, m[1])
			}
		}
	}
}

// program is the bridge itself, built as it stands.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bridge")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/bridge")
	build.Dir = "../.."
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	return binary
}

// The bridge names every setting that is wrong and nothing else. So one that is made wrong shows that the others are well,
// and that it has understood its arguments.
func TestTheBridgeTakesArgumentsAndSettings(t *testing.T) {
	binary := program(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	everyRoot(t, func(t *testing.T, r rendered) {
		for _, w := range r.workloads() {
			cmd := exec.CommandContext(t.Context(), binary, w.container().Args...)
			cmd.Dir = t.TempDir()
			cmd.Env = []string{"HOME=" + cmd.Dir, "BRIDGE_LIVE_AGE=wrong"}
			for name, value := range r.environment(t, w) {
				switch {
				case strings.HasPrefix(name, "NATS_C"): // files that a test of cmd/bridge reads
					continue
				case name == "BRIDGE_DATA_DIR":
					value = cmd.Dir
				case name == "SAVERIS_USERNAME":
					value = "user"
				case strings.HasPrefix(value, "/etc/"):
					value = secret
				case name == "GOMEMLIMIT":
					value = strings.Replace(value, "$(MEMORY_LIMIT_MIB)", "512", 1)
				}
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			said, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Fatalf("%s %v: %v\n%s", w.name, w.container().Args, err, said)
			}
			if text := string(said); strings.Count(text, "expected") != 1 || !strings.Contains(text, "BRIDGE_LIVE_AGE") {
				t.Errorf("%s %v says\n%s", w.name, w.container().Args, said)
			}
		}
	})
}

func TestTheRangeIsAbsoluteAndNotEmpty(t *testing.T) {
	for _, root := range []string{"../overlays/backfill", "testdata/ha-backfill"} {
		args := all[*batchv1.Job](render(t, root))[0].Spec.Template.Spec.Containers[0].Args
		var from, until time.Time
		for _, arg := range args {
			name, value, _ := strings.Cut(arg, "=")
			switch name {
			case "--from":
				from, _ = time.Parse(time.RFC3339, value)
			case "--until":
				until, _ = time.Parse(time.RFC3339, value)
			}
		}
		if args[0] != "backfill" || from.IsZero() || !from.Before(until) {
			t.Errorf("%s: %v", root, args)
		}
	}
}

// The bridge of overlay standalone, with its own server, against the pretend vendor: it answers what the probes and Prometheus
// ask, and a backfill in the same pod finds the server.
func TestTheStandaloneBridgeAnswersWhatIsAsked(t *testing.T) {
	binary := program(t)
	r := render(t, "../overlays/standalone")
	w, dir := r.workloads()[0], t.TempDir()
	vendor, web, broker := address(t, 17000), address(t, 18000), address(t, 19000)
	_, port, _ := net.SplitHostPort(broker)
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("demo"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, exec.CommandContext(t.Context(), binary, "simulate", "--listen", vendor), "pretend vendor at")
	env := []string{"HOME=" + dir, "SAVERIS_URL=http://" + vendor}
	for name, value := range r.environment(t, w) {
		switch name {
		case "SAVERIS_USERNAME":
			value = "demo"
		case "SAVERIS_PASSWORD_FILE":
			value = password
		case "BRIDGE_DATA_DIR":
			value = filepath.Join(dir, filepath.Base(value))
		case "BRIDGE_NATS_LISTEN":
			value = strings.Replace(value, "4222", port, 1)
		case "BRIDGE_HTTP_ADDR":
			value = web
		case "GOMEMLIMIT":
			value = strings.Replace(value, "$(MEMORY_LIMIT_MIB)", "2048", 1)
		}
		env = append(env, name+"="+value)
	}
	run := exec.CommandContext(t.Context(), binary, w.container().Args...)
	run.Env = env
	start(t, run, "bridge starts")
	c := w.container()
	for _, path := range []string{c.StartupProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path} {
		if code, body := get(t, "http://"+web+path); code == http.StatusNotFound || !json.Valid(body) {
			t.Errorf("%s answers %d %s", path, code, body)
		}
	}
	if code, body := get(t, "http://"+web+"/metrics"); code != http.StatusOK || !bytes.Contains(body, []byte("saveris_bridge_build_info")) {
		t.Errorf("/metrics answers %d", code)
	}
	fill := exec.CommandContext(t.Context(), binary, "backfill", "--from", "3h", "--until", "2h")
	fill.Env = env
	start(t, fill, "backfill started") // the rest takes as long as the vendor's exports
}

// address returns an address on which nobody listens. Its port is in the thousand from a number on, and below those that
// systems give to whoever asks for any.
func address(t *testing.T, first int) string {
	t.Helper()
	for port := first + os.Getpid()%500; port < first+1000; port++ { // processes begin apart
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("every port is taken")
	return ""
}

// start starts a process and returns when it has said a word; it is killed at the end.
func start(t *testing.T, cmd *exec.Cmd, word string) {
	t.Helper()
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait(); write.Close() }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			go func() { _, _ = io.Copy(io.Discard, read) }()
			return
		}
		t.Log(lines.Text())
	}
	t.Fatalf("%v ended without a word of %q", cmd.Args, word)
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

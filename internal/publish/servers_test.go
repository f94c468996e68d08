//go:build processes

package publish

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// serverVersions are the oldest nats-server that serves, the last one before and the first one behind a change that concerns the
// bridge, and the newest.
var serverVersions = []string{"2.12.1", "2.12.15", "2.14.10", "2.15.3"}

// natsServer returns the path of a nats-server of a version. It is installed where it is not there yet: below NATS_SERVERS, or
// in the user's cache.
func natsServer(t *testing.T, version string) string {
	t.Helper()
	base := os.Getenv("NATS_SERVERS")
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(cache, "saveris-bridge-test")
	}
	dir := filepath.Join(base, "v"+version)
	binary := filepath.Join(dir, "nats-server")
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	install := exec.Command("go", "install", "github.com/nats-io/nats-server/v2@v"+version)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install nats-server %s: %v: %s", version, err, out)
	}
	return binary
}

// realServer runs nats-server with these lines in its configuration besides its address, and returns its URL.
func realServer(t *testing.T, binary, addr, config string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "nats.conf")
	text := fmt.Sprintf("listen: %q\n%s\n", addr, strings.ReplaceAll(config, "STORE", dir))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-c", path)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("nats-server at %s:\n%s", addr, text)
		}
	})
	return "nats://" + addr
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// setup is what a bridge and its subscribers connect to.
type setup struct {
	bridge      string // URL
	subscribers []string
	domain      string // of the JetStream that the bridge uses
	replicas    int
}

// setups are the ways in which servers of a version stand between a bridge and its subscribers.
var setups = map[string]func(t *testing.T, binary string) setup{
	"one node": func(t *testing.T, binary string) setup {
		url := realServer(t, binary, freeAddr(t), `jetstream { store_dir: "STORE" }`)
		return setup{url, []string{url}, "", 1}
	},
	"three replicas": func(t *testing.T, binary string) setup {
		var routes, urls []string
		for range 3 {
			routes = append(routes, freeAddr(t))
		}
		for i, route := range routes {
			urls = append(urls, realServer(t, binary, freeAddr(t), fmt.Sprintf(
				"server_name: n%d\njetstream { store_dir: \"STORE\" }\ncluster { name: c, listen: %q, routes: [\"nats://%s\"] }", i, route, strings.Join(routes, `","nats://`))))
		}
		return setup{urls[0], urls, "", 3}
	},
	"leaf node": func(t *testing.T, binary string) setup {
		leaves := freeAddr(t)
		hub := realServer(t, binary, freeAddr(t), fmt.Sprintf("jetstream { store_dir: \"STORE\", domain: hub }\nleafnodes { listen: %q }", leaves))
		leaf := realServer(t, binary, freeAddr(t), fmt.Sprintf("leafnodes { remotes: [{ url: \"nats://%s\" }] }", leaves))
		return setup{leaf, []string{hub, leaf}, "hub", 1}
	},
	"own domain": func(t *testing.T, binary string) setup {
		leaves := freeAddr(t)
		hub := realServer(t, binary, freeAddr(t), fmt.Sprintf("jetstream { store_dir: \"STORE\", domain: hub }\nleafnodes { listen: %q }", leaves))
		leaf := realServer(t, binary, freeAddr(t), fmt.Sprintf("jetstream { store_dir: \"STORE\", domain: edge }\nleafnodes { remotes: [{ url: \"nats://%s\" }] }", leaves))
		return setup{leaf, []string{hub, leaf}, "edge", 1}
	},
}

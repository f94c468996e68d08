package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const natsServerVersion = "v2.15.3"

// bench is everything that stands while measurements are taken.
type bench struct {
	settings
	root   string // of the module
	dir    string // temporary, removed at the end
	self   string // this program
	bridge string // binaries
	broker string
	vendor *vendor
}

func newBench(ctx context.Context, s settings, root string) (*bench, error) {
	dir, err := os.MkdirTemp(s.temp, "bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, root: root, dir: dir, bridge: filepath.Join(dir, "bridge"), broker: s.natsServer}
	if b.self, err = os.Executable(); err == nil {
		err = b.build(ctx)
	}
	if err == nil {
		b.vendor, err = startVendor(s.rows)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) build(ctx context.Context) error {
	say("building the bridge and nats-server %s", natsServerVersion)
	if err := b.goTool(ctx, b.root, "build", "-o", b.bridge, "./cmd/bridge"); err != nil {
		return err
	}
	if b.broker != "" {
		return nil
	}
	b.broker = filepath.Join(b.dir, "nats-server")
	return b.goTool(ctx, b.dir, "install", "github.com/nats-io/nats-server/v2@"+natsServerVersion)
}

// buildNested builds the program of a nested module.
func (b *bench) buildNested(ctx context.Context, name string) (binary string, err error) {
	say("building %s", name)
	binary = filepath.Join(b.dir, name)
	return binary, b.goTool(ctx, filepath.Join(b.root, "internal", "bench", name), "build", "-o", binary, ".")
}

// goTool runs the go command; what it installs lands in the temporary directory.
func (b *bench) goTool(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOBIN="+b.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func (b *bench) close() {
	if b.vendor != nil {
		b.vendor.close()
	}
	os.RemoveAll(b.dir)
}

// moduleRoot finds the directory of the bridge's module.
func moduleRoot() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	if _, err := os.Stat(filepath.Join(root, "cmd", "bridge")); err != nil {
		return "", errors.New("start it inside the bridge's module, as in go run ./internal/bench")
	}
	return root, nil
}

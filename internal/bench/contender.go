package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// contender is one way to get the rows of the range into the stream.
type contender struct {
	key     string // a1, a2, a4, b, c, d, e, f1, f2, f4, g
	name    string
	batches bool // its stream takes atomic batches
	creates bool // it creates the streams itself
	rows    func(sync string) int
	prepare func(ctx context.Context, s *broker) error        // before anything is measured; nil = nothing
	command func(s *broker, rows int) (*exec.Cmd, any, error) // the process and its input
}

// contenders returns those that were asked for, in the order in which they run.
func (b *bench) contenders(ctx context.Context) (list []contender, err error) {
	asked := func(key string) bool { return slices.Contains(b.settings.contenders, key) }
	whole := func(string) int { return b.rows }
	if asked("a") {
		list = append(list, b.raw("a", schema.Binary, "raw atomic batches", 1, 2, 4)...)
	}
	if asked("f") {
		list = append(list, b.raw("f", schema.Structured, "raw atomic batches, structured", 4)...)
	}
	if asked("b") {
		list = append(list, contender{key: "b", name: "bridge backfill", creates: true, rows: whole, command: b.backfill})
	}
	if asked("g") { // right behind it, for the same reason
		list = append(list, contender{key: "g", name: "bridge backfill, names and limits", creates: true, rows: whole, prepare: b.storeFleet, command: b.backfill})
	}
	if asked("e") { // right behind the other one: the two are compared
		list = append(list, contender{key: "e", name: "bridge backfill, structured", creates: true, rows: whole, command: b.structured})
	}
	if asked("c") {
		list = append(list, contender{key: "c", name: "script, PublishAsync", rows: b.fewer(b.rows), command: b.script})
	}
	if asked("d") {
		binary, err := b.buildNested(ctx, "benthos")
		if err != nil {
			return nil, err
		}
		list = append(list, contender{key: "d", name: "Benthos 4.27.0", rows: b.fewer(b.benthos), command: b.benthosCommand(binary)})
	}
	return list, nil
}

// raw lists the ceilings of a content mode, with so many batches unanswered at a time.
func (b *bench) raw(letter string, mode schema.Mode, name string, unanswered ...int) (list []contender) {
	for _, n := range unanswered {
		list = append(list, contender{
			key: fmt.Sprintf("%s%d", letter, n), name: fmt.Sprintf("%s, %d in flight", name, n), batches: true, rows: func(string) int { return b.rows },
			command: func(s *broker, _ int) (*exec.Cmd, any, error) {
				return exec.Command(b.self, "child:raw"), rawOrder{b.vendor.api.URL(), s.url, b.vendor.windows(), n, mode}, nil
			},
		})
	}
	return list
}

// fewer returns the rows of a contender that waits for the disk at every message under sync_interval: always.
func (b *bench) fewer(rows int) func(string) int {
	return func(sync string) int {
		if sync == "always" {
			return min(rows, b.rows, b.slowRows)
		}
		return min(rows, b.rows)
	}
}

// windows are those whose files contenders read.
func (v *vendor) windows() (list []span) {
	for _, f := range v.fixed {
		if w := (span{f.From, f.Until}); len(list) == 0 || list[len(list)-1] != w {
			list = append(list, w)
		}
	}
	return list
}

// backfill is the bridge with its default settings. It stores what it is shown beyond both ends, too.
func (b *bench) backfill(s *broker, rows int) (*exec.Cmd, any, error) {
	over := rangeOf(rows)
	cmd := exec.Command(b.bridge, "backfill", "--feeds", "readings",
		"--from", over.From.Add(saveris.Margin).Format(time.RFC3339), "--until", over.Until.Add(-saveris.Margin).Format(time.RFC3339))
	cmd.Env = b.bridgeEnv(s)
	return cmd, nil, nil
}

// structured is the same in structured mode.
func (b *bench) structured(s *broker, rows int) (*exec.Cmd, any, error) {
	cmd, in, err := b.backfill(s, rows)
	cmd.Env = append(cmd.Env, "BRIDGE_CONTENT_MODE="+string(schema.Structured))
	return cmd, in, err
}

// bridgeEnv is the environment of a bridge process: nothing is set that need not be.
func (b *bench) bridgeEnv(s *broker, more ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir,
		"SAVERIS_URL=" + b.vendor.api.URL(), "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo",
		"NATS_URL=" + s.url, "BRIDGE_HTTP_ADDR=",
	}, more...)
}

func (b *bench) script(s *broker, rows int) (*exec.Cmd, any, error) {
	links, err := b.vendor.links(rows)
	return exec.Command(b.self, "child:script"), scriptOrder{links, s.url, b.vendor.api.URL()}, err
}

func (b *bench) benthosCommand(binary string) func(*broker, int) (*exec.Cmd, any, error) {
	return func(s *broker, rows int) (*exec.Cmd, any, error) {
		links, err := b.vendor.links(rows)
		if err != nil {
			return nil, nil, err
		}
		config := filepath.Join(b.dir, "benthos.yaml")
		if err := os.WriteFile(config, benthosConfig(links, s.url, b.vendor.api.URL()), 0o600); err != nil {
			return nil, nil, err
		}
		return exec.Command(binary, "-c", config), nil, nil
	}
}

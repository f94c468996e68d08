package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// settings are what a run is asked for.
type settings struct {
	part       string
	rows       int
	slowRows   int
	benthos    int
	rounds     int
	contenders []string
	syncs      []string
	natsServer string
	temp       string
	out        string
	write      bool
	verbose    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "child:") {
		err = child(ctx, strings.TrimPrefix(os.Args[1], "child:"))
	} else {
		err = start(ctx)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// child is what this program does in a process of its own.
func child(ctx context.Context, role string) error {
	switch role {
	case "raw":
		return runRaw(ctx)
	case "script":
		return runScript(ctx)
	case "decode":
		return runDecode(ctx)
	}
	return fmt.Errorf("no child is called %q", role)
}

func start(ctx context.Context) error {
	s, err := parse(os.Args[1:])
	if err != nil {
		return err
	}
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if s.out == "" {
		s.out = filepath.Join(root, "internal", "bench", "results")
	}
	if s.part == "show" {
		return show(s, root)
	}
	b, err := newBench(ctx, s, root)
	if err != nil {
		return err
	}
	defer b.close()
	return parts[s.part](ctx, b)
}

// parts are what can be measured.
var parts = map[string]func(context.Context, *bench) error{
	"backfill": measureBackfill,
	"formats":  measureFormats,
	"memory":   measureMemory,
	"resume":   measureResume,
	"live":     measureLive,
}

func parse(args []string) (settings, error) {
	var s settings
	var only, syncs string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&s.part, "part", "backfill", "what is measured: backfill, formats, memory, resume, live; show measures nothing")
	f.IntVar(&s.rows, "rows", 1_000_000, "rows of the range, rounded up to 40")
	f.IntVar(&s.slowRows, "slow-rows", 50_000, "rows at most for contenders that wait for the disk at every message")
	f.IntVar(&s.benthos, "benthos-rows", 250_000, "rows at most for Benthos")
	f.IntVar(&s.rounds, "rounds", 5, "rounds; figures are medians")
	f.StringVar(&only, "only", "a,b,c,d,e,f,g", "contenders: a raw ceiling, b bridge, c script, d Benthos, e bridge in structured mode, f raw ceiling in structured mode, g bridge that knows the fleet")
	f.StringVar(&syncs, "sync", "default,always", "the server's sync_interval")
	f.StringVar(&s.natsServer, "nats-server", "", "binary of nats-server; empty = install "+natsServerVersion)
	f.StringVar(&s.temp, "temp", "", "where stores and binaries lie while it runs; empty = the system's place")
	f.StringVar(&s.out, "out", "", "where results are kept with -write; empty = internal/bench/results")
	f.BoolVar(&s.write, "write", false, "keep the results and bring docs/benchmarks.md up to date")
	f.BoolVar(&s.verbose, "v", false, "show what the processes say")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.contenders, s.syncs = strings.Split(only, ","), strings.Split(syncs, ",")
	s.rows = (s.rows + rowsASecond - 1) / rowsASecond * rowsASecond
	for _, c := range s.contenders {
		if !slices.Contains([]string{"a", "b", "c", "d", "e", "f", "g"}, c) {
			return s, fmt.Errorf("-only has %q: want some of a,b,c,d,e,f,g", c)
		}
	}
	for _, sync := range s.syncs {
		if sync != "default" && sync != "always" {
			return s, fmt.Errorf("-sync has %q: want default, always or both", sync)
		}
	}
	if parts[s.part] == nil && s.part != "show" {
		return s, fmt.Errorf("-part is %q: want backfill, formats, memory, resume, live or show", s.part)
	}
	if s.rows <= 0 || s.rounds <= 0 || s.slowRows <= 0 || s.benthos <= 0 {
		return s, errors.New("rows and rounds must be more than 0")
	}
	return s, nil
}

// say tells the person who waits what is going on.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}

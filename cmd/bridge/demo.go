package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/service"
	"saveris-bridge/internal/tail"
)

// demoOptions are the flags of bridge demo.
type demoOptions struct {
	NATSListen   string // where the embedded NATS server listens, so that consumers can connect
	VendorListen string // where the pretend vendor listens
	HTTPListen   string // where the page is
	DataDir      string // store of the embedded NATS server
	LogLevel     string
	ContentMode  string            // what BRIDGE_CONTENT_MODE says
	from         map[string]string // by flag, the variable that gave its value
}

// name returns what gave a flag its value: a variable, or the flag itself.
func (o demoOptions) name(flag string) string { return cmp.Or(o.from[flag], "--"+flag) }

func demoCommand(std streams) *cobra.Command {
	o := demoOptions{from: map[string]string{}}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "see everything at work in one process, no account needed",
		Long: `Starts a pretend vendor, a NATS server and the bridge between them in this process, and prints the events as they are
stored: within two minutes names, limits, a channel that is silent and heard again, a low battery, an alarm and its end, and a task. No account and no settings are needed; BRIDGE_CONTENT_MODE counts here too, and BRIDGE_HTTP_ADDR, BRIDGE_NATS_LISTEN and BRIDGE_DATA_DIR
are the defaults of the flags. Ctrl-C ends it; the next start goes on where it was, in the same store. Look at it beside or after with
BRIDGE_DATA_DIR=` + config.DemoStore + ` BRIDGE_FEEDS=` + demoFeeds + ` bridge status; tail and replay do likewise.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.ContentMode, _ = std.env("BRIDGE_CONTENT_MODE")
			maps.DeleteFunc(o.from, func(flag, _ string) bool { return cmd.Flags().Changed(flag) })
			if err := o.check(); err != nil {
				return err
			}
			logger := newLogger(config.Log{LogLevel: o.LogLevel, LogFormat: "auto"}, std.err)
			return untilStopped(cmd.Context(), runDemo(cmd.Context(), o, std.out, logger))
		},
	}
	set := func(flag, variable, otherwise string) string {
		value, _ := std.env(variable)
		if value = config.TrimSpace(value); value != "" {
			o.from[flag] = variable
		}
		return cmp.Or(value, otherwise)
	}
	cmd.Flags().StringVar(&o.NATSListen, "nats-listen", set("nats-listen", "BRIDGE_NATS_LISTEN", defaultNATS), "where the NATS server listens; a free port if that one is taken")
	cmd.Flags().StringVar(&o.VendorListen, "vendor-listen", defaultVendor, "where the pretend vendor listens; a free port if that one is taken")
	cmd.Flags().StringVar(&o.HTTPListen, "http-listen", set("http-listen", "BRIDGE_HTTP_ADDR", defaultHTTP), "where the page, the metrics and the health are; a free port if that one is taken")
	cmd.Flags().StringVar(&o.DataDir, "data-dir", set("data-dir", "BRIDGE_DATA_DIR", config.DemoStore), "store of the NATS server; remove it to begin anew")
	cmd.Flags().StringVar(&o.LogLevel, "log-level", "warn", "debug, info, warn or error")
	return cmd
}

func (o demoOptions) check() error {
	for _, flag := range [][3]string{{"nats-listen", o.NATSListen, defaultNATS}, {"vendor-listen", o.VendorListen, defaultVendor}, {"http-listen", o.HTTPListen, defaultHTTP}} {
		if _, want := config.HostPort(flag[2])(flag[1]); want != "" {
			return flagf("demo", "%s is %q: expected %s", o.name(flag[0]), flag[1], want)
		}
	}
	if _, want := config.Check("BRIDGE_LOG_LEVEL", o.LogLevel); want != "" {
		return flagf("demo", "--log-level is %q: expected %s", o.LogLevel, want)
	}
	if reason := config.StoreProblem(o.DataDir); reason != nil {
		return flagf("demo", "%s is %q: expected %s (%w)", o.name("data-dir"), o.DataDir, config.WantStore, reason)
	}
	return nil
}

// The demo's world measures every ten seconds instead of every quarter of an hour, so that there is something to see.
// What is older than demoLiveAge when it is stored takes the history lane, as the catch-up of the first start does.
const (
	demoCycle    = 10 * time.Second
	demoInterval = 2 * time.Second
	demoLook     = 10 * time.Second
	demoStart    = time.Hour
	demoLiveAge  = 5 * time.Minute
	demoFeeds    = "readings,alarms,devices,tasks"
	defaultNATS  = "127.0.0.1:4222"
	defaultHTTP  = "127.0.0.1:8080"
)

// runDemo runs pretend vendor, NATS server and bridge until ctx ends, and prints the stored events to out.
func runDemo(ctx context.Context, o demoOptions, out io.Writer, logger *slog.Logger) error {
	vendor, err := saveristest.Start(demoVendor(o))
	if err != nil {
		return vendorStart("--vendor-listen", o.VendorListen, err)
	}
	defer vendor.Close()
	page, err := listen.On(o.name("http-listen"), freeAddress(o.HTTPListen))
	if err != nil {
		return err
	}
	s, err := demoSettings(o, vendor.URL())
	if err != nil {
		return err
	}
	demo, err := service.Open(ctx, service.Config{Settings: s.Pipeline, Listener: page, Build: build(), Log: logger})
	var address *listen.Error
	if errors.As(err, &address) {
		address.Name = o.name("nats-listen")
		err = natsconn.NotListening(address)
	}
	if err != nil {
		return err
	}
	defer demo.Close()
	printBanner(out, vendor.URL(), page.Addr().String(), s.NATS)
	if err := printStored(ctx, demo.JS, pipeline.Broker(s.Streams).Names, out); err != nil {
		return err
	}

	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return demo.Run(both) })
	group.Go(func() error {
		feeds := append(pipeline.AllFeeds(s.Streams), schema.Health)
		return tail.Watch(both, demo.JS, pipeline.Broker(s.Streams).Names, feeds, out, coloured(out))
	})
	err = group.Wait()
	if ctx.Err() != nil {
		fmt.Fprintf(out, "stopped; the next start goes on, remove %s to begin anew\n", o.DataDir)
	}
	return err
}

// demoWorld is so restless that two minutes show a bit of everything: a channel is silent a cycle and a transmission after its last
// reading, so most of the outages are long enough for that.
var demoWorld = saveristest.World{
	Sites: 3, Loggers: 3, Channels: 2, Cycle: demoCycle, Delay: 3 * time.Second, LateShare: 0.02,
	OutageEvery: 2 * time.Minute, OutageMax: time.Minute, AlarmEvery: 2 * time.Minute, BatteryEvery: time.Minute, ChangeEvery: 5 * time.Minute, TaskEvery: time.Minute,
}

func demoVendor(o demoOptions) saveristest.Config {
	c := saveristest.Config{
		Listen: freeAddress(o.VendorListen), Username: pretendUser, Password: pretendPassword, APIKey: pretendKey,
		World: demoWorld,
	}
	c.Switches.QueryLatency = "zero"
	return c
}

// demoSettings are the defaults of bridge run but for what makes a demo quick and quiet.
func demoSettings(o demoOptions, vendorURL string) (config.Settings, error) {
	s, err := config.Load(context.Background(), func(name string) (string, bool) {
		value, set := map[string]string{
			"SAVERIS_URL": vendorURL, "SAVERIS_USERNAME": pretendUser, "SAVERIS_PASSWORD": pretendPassword,
			"BRIDGE_NATS_LISTEN": freeAddress(o.NATSListen), "BRIDGE_DATA_DIR": o.DataDir, "BRIDGE_HTTP_ADDR": "",
			"BRIDGE_POLL_INTERVAL": demoInterval.String(), "BRIDGE_START": demoStart.String(), "BRIDGE_LIVE_AGE": demoLiveAge.String(),
			"BRIDGE_FEEDS": demoFeeds, "BRIDGE_INVENTORY_INTERVAL": demoLook.String(), "BRIDGE_SILENT_AFTER": "1", "BRIDGE_REVISIT": "10m,30m,2h", "BRIDGE_CONTENT_MODE": o.ContentMode,
		}[name]
		return value, set
	})
	s.SaverisPassword, s.FirstPoll, s.Demo = secret.New(pretendPassword), demoInterval/10, true
	return s, err
}

// freeAddress returns the address, or one with a free port on the same host where somebody has it already.
func freeAddress(address string) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		host, _, _ := net.SplitHostPort(address)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return address // whoever listens there reports why not
		}
	}
	defer l.Close()
	return l.Addr().String()
}

// printBanner prints where everything is.
func printBanner(out io.Writer, vendorURL, page string, s config.NATS) {
	fmt.Fprintf(out, `page            http://%[4]s/
pretend vendor  %[1]s   user name demo, password demo
NATS JetStream  nats://%[2]s   store %[3]s
subscribe       nats --server nats://%[2]s sub 'saveris.readings.live.>'  (each live event, once it is stored)
alarms only     nats --server nats://%[2]s sub 'saveris.alarms.live.*.*.alarm.raised.>'
all of it       nats --server nats://%[2]s sub --stream SAVERIS_READINGS --all 'saveris.readings.>'
checkpoints     nats --server nats://%[2]s kv watch saveris-checkpoints
look            BRIDGE_DATA_DIR=%[3]s BRIDGE_FEEDS=%[5]s bridge status
Ctrl-C ends it; the next start goes on where it was.
`, vendorURL, s.NATSListen, s.DataDir, page, demoFeeds)
}

// printStored prints what an earlier start has left in the store.
func printStored(ctx context.Context, js jetstream.JetStream, names publish.Names, out io.Writer) error {
	stored := map[schema.Feed]int{}
	for _, feed := range publish.Feeds {
		stream, err := js.Stream(ctx, names.Stream(feed))
		if err != nil {
			return err
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(names.Prefix+"."+string(feed)+".>"))
		if err != nil {
			return err
		}
		for _, n := range info.State.Subjects {
			stored[feed] += int(n)
		}
	}
	if len(stored) > 0 {
		var counts []string
		for _, feed := range publish.Feeds {
			counts = append(counts, fmt.Sprintf("%d %s", stored[feed], feed))
		}
		fmt.Fprintf(out, "stored already  %s\n", strings.Join(counts, ", "))
	}
	fmt.Fprintln(out)
	return nil
}

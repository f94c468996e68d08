package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/tail"
)

func tailCommand(std streams) *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail [--json] [filters]",
		Short: "the events as they are stored",
		Long: `Prints the events of the streams, a line each, as they are stored from now on, or since --since. Ctrl-C ends it. It changes
nothing. Settings are those of run, but none of the vendor's is needed; bridge run --help lists them.

A filter may be given several times or with several values between commas: any of them may match. All filters have to. Sites,
serial numbers and quantities may be given as the vendor has them or as they stand in subjects. A filter that a
feed knows nothing of leaves it out: only alarms have a severity and a state, tasks have no sensor. --name picks by what people call
a place or a thing, as far as that is known. --feeds devices,health shows what changes in the fleet and which channels are silent.

--json prints each event as a line of JSON, a CloudEvent in structured form whose data is as it is stored, such as for
  bridge tail --json | jq -r '[.time, .subject, .data.value] | @tsv'

Exit code 0: it was stopped, or nobody reads it any more.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			c, err := o.config(s, time.Now())
			if err != nil {
				return err
			}
			c.Out, c.Notes, c.Colour = std.out, std.err, coloured(std.out)
			signal.Ignore(syscall.SIGPIPE) // writing fails then, and the store is closed in order
			return untilStopped(cmd.Context(), runTail(cmd.Context(), s, c))
		},
	}
	o.flags(cmd)
	return cmd
}

// tailOptions are the flags of bridge tail.
type tailOptions struct {
	filter tail.Filter
	since  string
	json   bool
}

func (o *tailOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.filter.Feeds, "feeds", nil, "readings, alarms, tasks, devices, health (default: those of BRIDGE_FEEDS that have rows)")
	f.StringSliceVar(&o.filter.Feeds, "feed", nil, "as --feeds, which it was called")
	f.Lookup("feed").Hidden = true
	f.StringSliceVar(&o.filter.Lanes, "lane", nil, "live, history")
	f.StringSliceVar(&o.filter.Sites, "site", nil, "sites by their names, or how they begin as tokens: 8 characters at least")
	f.StringSliceVar(&o.filter.Serials, "serial", nil, "serial numbers")
	f.StringSliceVar(&o.filter.Quantities, "quantity", nil, "quantities, such as air_temperature")
	f.StringSliceVar(&o.filter.Called, "name", nil, "parts of names of equipment, sensors, devices, sites, tasks")
	f.StringSliceVar(&o.filter.Severities, "severity", nil, "of alarms: alarm, warning, unknown")
	f.StringSliceVar(&o.filter.States, "state", nil, "of alarms: raised, cleared, unknown")
	f.StringVar(&o.since, "since", "", "begin with what was stored since then: an RFC 3339 time, or how long ago, such as 10m")
	f.BoolVar(&o.filter.Rejected, "rejected", false, "print rejected rows too, whatever the other filters say")
	f.BoolVar(&o.json, "json", false, "print each event as a line of JSON, a CloudEvent in structured form")
}

// config refuses wrong flags.
func (o tailOptions) config(s config.Settings, now time.Time) (c tail.Config, err error) {
	c = tail.Config{Names: pipeline.Broker(s.Streams).Names, Filter: o.filter, JSON: o.json}
	if len(c.Filter.Feeds) == 0 {
		if err := needsRows("tail", s); err != nil {
			return c, err
		}
		c.Filter.Feeds = s.Feeds
	}
	if err := c.Filter.Check(c.Names); err != nil {
		return c, flagf("tail", "%w", err)
	}
	if o.since == "" {
		return c, nil
	}
	if c.Since, err = moment(o.since, now); err != nil {
		return c, flagf("tail", "--since is %q: expected %s", o.since, wantMoment)
	}
	if c.Since.After(now) {
		return c, flagf("tail", "--since is %q: it lies in the future", o.since)
	}
	return c, nil
}

func runTail(ctx context.Context, s config.Settings, c tail.Config) error {
	embedded := s.Embedded()
	var err error
	if s.NATS, err = natsconn.Running(s.NATS); err != nil {
		return err
	}
	js, stop, err := readBroker(ctx, s, c.Notes)
	if embedded && errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("no bridge runs with a server of its own on BRIDGE_NATS_LISTEN=%s: %w", s.NATSListen, err)
	}
	if err != nil {
		return err
	}
	defer stop()
	c.Cause = func(err error) error { return natsconn.Refusal(js.Conn(), err) }
	err = tail.Run(ctx, js, c)
	switch {
	case errors.Is(err, syscall.EPIPE): // nobody reads it any more
		return nil
	case errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	return err
}

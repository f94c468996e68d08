package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func tailCommand(std streams) *cobra.Command {
	var o tailOptions
	cmd := &cobra.Command{
		Use:   "tail [--json] [filters]",
		Short: "the events as they are stored",
		Long: `Prints the events of the streams, a line each, as they are stored from now on, or since --since. Ctrl-C ends it. It changes
nothing. Settings are those of run, but none of the vendor's is needed; bridge run --help lists them.

A filter may be given several times or with several values between commas: any of them may match. All filters have to. Sites,
serial numbers and quantities may be given as the vendor has them or as they stand in subjects. Readings have no severity and
no state, so one of these leaves them out.

--json prints each event as a line of JSON, a CloudEvent in structured form whose data is as it is stored, such as for
  bridge tail --json | jq -r '[.time, .subject, .data.value] | @tsv'

Exit code 0: it was stopped, or nobody reads it any more.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			w, err := o.wanted(s, time.Now())
			if err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // writing fails then, and the store is closed in order
			return untilStopped(cmd.Context(), runTail(cmd.Context(), s, w, std))
		},
	}
	o.flags(cmd)
	return cmd
}

func runTail(ctx context.Context, s config.Settings, w wanted, std streams) error {
	js, stop, err := tailBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	p := &tailPrinter{out: std.out, notes: std.err, lines: newEventPrinter(std.out, time.Time{}), wanted: w}
	p.lines.dated = true
	if !w.json {
		if err := p.lines.head(); err != nil {
			return untilUnread(err)
		}
	}
	group, both := errgroup.WithContext(ctx)
	for _, one := range w.subjects(brokerConfig(s).Names) {
		f := &status.Follow{Stream: one.stream, Filters: []string{one.filter}, Begin: from(w.since)}
		f.Each = func(m status.Stored) error {
			if !one.takes(m.Subject()) {
				return nil
			}
			return p.print(m)
		}
		f.Failed = func(err error) error { return p.failed(natsconn.Refusal(js.Conn(), err)) }
		group.Go(func() error { return f.Run(both, js) })
	}
	return untilUnread(group.Wait())
}

// tailBroker is readBroker for a command that lasts: it never has the store of the embedded server for itself, or no bridge
// could start meanwhile.
func tailBroker(ctx context.Context, s config.Settings, log io.Writer) (jetstream.JetStream, func(), error) {
	if !s.Embedded() {
		return readBroker(ctx, s, log)
	}
	if !natsd.Stored(s.DataDir) && !natsconn.Reachable(s.NATSListen) {
		return readBroker(ctx, s, log) // which says so
	}
	if natsd.Locks && natsd.Stored(s.DataDir) && !errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken) {
		return nil, nil, elsewhere(s, fmt.Errorf("%w BRIDGE_DATA_DIR=%s", errNobodyThere, s.DataDir))
	}
	s.NATSURL = []string{runningServer(s)}
	js, stop, err := readBroker(ctx, s, log)
	if errors.Is(err, nats.ErrNoServers) {
		err = fmt.Errorf("no bridge runs with a server of its own on BRIDGE_NATS_LISTEN=%s: %w", s.NATSListen, err)
	}
	return js, stop, err
}

// untilUnread makes the end of a pipe that nobody reads any more a good one.
func untilUnread(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// from begins with what was stored since a moment, or with what is stored from now on: from when it is asked for the first
// time, so that nothing is left out where the connection is lost before something has come. A stream that was made anew is
// all new.
func from(since time.Time) func(context.Context, jetstream.Stream, bool) (jetstream.OrderedConsumerConfig, error) {
	first := uint64(0)
	return func(_ context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error) {
		if again {
			first = 1
		}
		if first == 0 && !since.IsZero() {
			return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since}, nil
		}
		if first == 0 {
			first = stream.CachedInfo().State.LastSeq + 1
		}
		return jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: first}, nil
	}
}

// tailPrinter prints stored messages. Many goroutines may use it.
type tailPrinter struct {
	mu     sync.Mutex
	out    io.Writer
	notes  io.Writer
	lines  *eventPrinter
	wanted wanted
	told   string // why following failed
}

// print prints a message that is wanted. One that is no event is told and left out.
func (p *tailPrinter) print(m status.Stored) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = ""
	line, err := p.line(m)
	if err != nil {
		fmt.Fprintf(p.notes, "note: sequence %d on %s is left out: %s\n", m.Seq, printable.Text(m.Subject()), printable.Text(err.Error()))
		return nil
	}
	if line != "" {
		_, err = fmt.Fprintln(p.out, line)
	}
	return err
}

// line is empty for a message that is not wanted.
func (p *tailPrinter) line(m status.Stored) (string, error) {
	event, err := parseStored(m.Headers(), m.Data())
	switch {
	case err != nil:
		return "", err
	case !p.wanted.takes(event):
		return "", nil
	case p.wanted.json:
		return structured(m.Headers(), m.Data())
	}
	return p.lines.line(event), nil
}

// failed tells once why nothing can be followed; missing rights end it.
func (p *tailPrinter) failed(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	if text := err.Error(); text != p.told {
		p.told = text
		fmt.Fprintf(p.notes, "note: %s; trying again\n", printable.Text(text))
	}
	return nil
}

// feedsOf are the feeds that are wanted.
func feedsOf(names []string) (list []schema.Feed) {
	for _, name := range names {
		list = append(list, schema.Feed(name))
	}
	return list
}

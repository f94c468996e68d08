package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
)

// Config is what Run prints, and where.
type Config struct {
	Names  publish.Names
	Filter Filter    // checked
	Since  time.Time // begin with what was stored since then; zero: with what is stored from now on
	JSON   bool      // an event a line, a CloudEvent in structured form; otherwise lines for people
	Out    io.Writer // events
	Notes  io.Writer // what was left out, and why nothing can be read
	Colour bool      // Out shows colours
	// Cause returns the cause of an error that NATS has led to, such as the right that was missing. Nil: errors stay as they are.
	Cause   func(error) error
	Timings Timings
}

// Run prints the events of the streams as they are stored, until ctx ends, Out cannot be written to, or a right is missing
// (nats.ErrPermissionViolation).
func Run(ctx context.Context, js jetstream.JetStream, c Config) error {
	p := &printer{Config: c, fleet: NewFleet(), lines: lines{colour: c.Colour, dated: true, raised: raisedAlarms{}}}
	if !c.JSON {
		if err := head(c.Out); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range c.Filter.subscriptions(c.Names) {
		f := &Follow{Stream: one.stream, Filters: []string{one.filter}, Begin: from(c.Since), Failed: p.failed, Timings: c.Timings}
		if one.stream == c.Names.Stream(schema.Devices) {
			f.Begin = knowing(p.known, f.Begin)
		}
		f.Each = func(m Message) error {
			switch {
			case one.takes(m.Subject()):
				return p.print(m)
			case one.stream == c.Names.Stream(schema.Devices):
				p.learn(m)
			}
			return nil
		}
		group.Go(func() error { return f.Run(ctx, js) })
	}
	return group.Wait()
}

// beginning says where to begin, see Follow.Begin.
type beginning = func(ctx context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error)

// from begins with what was stored since a moment, or with what is stored from now on: from when it is asked for the first
// time, so that nothing is left out where the connection is lost before something has come. A stream that was made anew is
// all new.
func from(since time.Time) beginning {
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

// knowing begins once what the fleet called its things before is known.
func knowing(known func(context.Context, jetstream.Stream) error, begin beginning) beginning {
	return func(ctx context.Context, stream jetstream.Stream, again bool) (jetstream.OrderedConsumerConfig, error) {
		config, err := begin(ctx, stream, again) // before, so that nothing falls in between
		if err != nil {
			return config, err
		}
		return config, known(ctx, stream)
	}
}

// known reads what the fleet called its things before the first line: no name shows that came later.
func (p *printer) known(ctx context.Context, stream jetstream.Stream) error {
	return readNames(ctx, stream, p.Names, p.Since, p.learn)
}

// learn takes over what a message of the fleet calls its thing, and prints nothing.
func (p *printer) learn(m Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = ParseEvent(m.Headers(), m.Data(), p.fleet) // what is none is noted when it is to be printed
}

// readNames hands out the newest event of each device and each location; where before is not zero, all that were stored until then, in
// their order, for the newest ones at a moment cannot be asked for.
func readNames(ctx context.Context, stream jetstream.Stream, names publish.Names, before time.Time, take func(Message)) error {
	devices := names.Prefix + "." + string(schema.Devices) + "."
	config := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{devices + string(schema.KindLocation) + ".>", devices + string(schema.KindDevice) + ".>"}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	}
	if !before.IsZero() {
		config.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	return Stored(ctx, stream, config, func(m Message) bool {
		if !before.IsZero() && !m.At.Before(before) {
			return false
		}
		take(m)
		return true
	})
}

// Stored hands out what a consumer has before it at first, until each returns false.
func Stored(ctx context.Context, stream jetstream.Stream, config jetstream.OrderedConsumerConfig, each func(Message) bool) error {
	config.MaxResetAttempts, config.InactiveThreshold = 1, ConsumerIdle
	consumer, err := stream.OrderedConsumer(ctx, config)
	if err != nil {
		return err
	}
	defer func() { Drop(stream, consumer) }()
	left := consumer.CachedInfo().NumPending
	if left == 0 {
		return nil
	}
	messages, err := consumer.Messages(asked(consumer)...)
	if err != nil {
		return err
	}
	defer messages.Stop()
	for left > 0 {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if !each(Message{m, meta.Sequence.Stream, meta.Timestamp.UTC()}) {
			return nil
		}
		left = min(left-1, meta.NumPending) // retention may remove some meanwhile
	}
	return nil
}

// printer prints messages. Many goroutines may use it.
type printer struct {
	Config
	mu    sync.Mutex
	fleet *Fleet
	lines lines
	noted string // why following failed last
}

// print prints a message that the filter takes. One that is no event is noted and left out.
func (p *printer) print(m Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noted = ""
	line, err := p.line(m)
	if err != nil {
		fmt.Fprintf(p.Notes, "note: sequence %d on %s is left out: %s\n", m.Seq, printable.Text(m.Subject()), printable.Text(err.Error()))
		return nil
	}
	if line != "" {
		_, err = fmt.Fprintln(p.Out, line)
	}
	return err
}

// line is empty for a message that the filter leaves out.
func (p *printer) line(m Message) (string, error) {
	event, err := ParseEvent(m.Headers(), m.Data(), p.fleet)
	if event.Silence != nil && event.Silence.Feed == "" {
		event.Site = siteOf(m.Subject())
	}
	switch {
	case err != nil:
		return "", err
	case !p.Filter.takes(event):
		return "", nil
	case p.JSON:
		return structured(m.Headers(), m.Data())
	}
	return p.lines.line(event), nil
}

// siteOf is the site of a channel that is silent: its data has none.
func siteOf(subject string) string {
	tokens := strings.Split(subject, ".")
	return tokens[max(0, len(tokens)-3)]
}

// failed notes once why nothing can be followed; a missing right ends it.
func (p *printer) failed(err error) error {
	if p.Cause != nil {
		err = p.Cause(err)
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if text := err.Error(); text != p.noted {
		p.noted = text
		fmt.Fprintf(p.Notes, "note: %s; trying again\n", printable.Text(text))
	}
	return nil
}

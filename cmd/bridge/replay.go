package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/replay"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// replayOptions are the flags of bridge replay.
type replayOptions struct {
	timeRange
	To        string
	Speed     float64
	Mode      string
	MessageID bool
}

func replayCommand(std streams) *cobra.Command {
	o := replayOptions{timeRange: timeRange{command: "replay"}}
	cmd := &cobra.Command{
		Use:   "replay --from T [--until T] --to SUBJECT",
		Short: "publish stored events again in the order of measuring",
		Long: `Publishes stored events once more on another subject, in the order of the time at which they were measured, raised or done,
all feeds together. The range is half-open and counts in that time. Nothing is changed in the streams of the
bridge; it may run beside run. Settings are those of run, but none of the vendor's is needed; bridge run --help lists them.

T is an RFC 3339 time, or how long ago: 24h, 7d.

SUBJECT takes every event, such as replay.all. One that ends in .> keeps what follows the prefix of the stored subject:
replay.> makes replay.readings.<lane>.<tenant>…, replay.alarms.… and replay.tasks.… of them. If a stream takes the subject, each event is
acknowledged by it; otherwise only those get it who are subscribed meanwhile. It must not be a subject of the bridge's own.

Headers and data are those of the stored event, ce-id among them. Three headers are added: Saveris-Replay, when this replay
began; Saveris-Sequence and Saveris-Subject, where the event is stored. Rejected rows are not replayed: they have no time of
measuring. --content-mode turns each event into that mode, whichever it is stored in.

--speed 60 lets a minute pass in a second, --speed 1 is as it happened; the clock starts with the first event.

A replay that is stopped, or fails, says from where to go on. A second one into the same stream stores everything a second
time, unless both have --msg-id and the stream's duplicate window is long enough: it costs the server 140 bytes an event.

Exit code 0: all that is stored of the range has been published. 1: not all of it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			plan, err := o.plan(&s, time.Now())
			if err != nil {
				return err
			}
			return runReplay(cmd.Context(), s, plan, std)
		},
	}
	o.flags(cmd)
	cmd.Flags().Lookup("until").Usage = "where it ends; now unless given"
	cmd.Flags().StringVar(&o.To, "to", "", "subject to publish on (needed)")
	cmd.Flags().Float64Var(&o.Speed, "speed", 0, "how many times faster than it was measured; 0 is as fast as it goes")
	cmd.Flags().StringVar(&o.Mode, "content-mode", "", "binary or structured: the content mode to publish in; as stored unless given")
	cmd.Flags().BoolVar(&o.MessageID, "msg-id", false, "add a Nats-Msg-Id of source and id, by which a stream leaves out what it has")
	return cmd
}

// replayPlan is what the flags of bridge replay say.
type replayPlan struct {
	span    checkpoint.Span
	to      string
	target  replay.Target
	options replayOptions
}

// plan refuses wrong flags and lets those that name feeds win over the settings. A range may end in the future: clocks
// differ, and what is stored counts.
func (o replayOptions) plan(s *config.Settings, now time.Time) (plan replayPlan, err error) {
	plan.to, plan.options = o.To, o
	if err := o.check(s); err != nil {
		return plan, err
	}
	now = now.Truncate(time.Second)
	plan.span.From, _ = moment(o.From, now) // check has read them
	plan.span.Until, _ = moment(o.Until, now)
	if plan.span.Empty() {
		return plan, flagf("replay", "--from is %s and --until %s: expected a range that is not empty", plan.span.From.Format(time.RFC3339Nano), plan.span.Until.Format(time.RFC3339Nano))
	}
	if math.IsNaN(o.Speed) || math.IsInf(o.Speed, 0) || o.Speed < 0 {
		return plan, flagf("replay", "--speed is %v: expected 0 or more, such as 60 for a minute a second", o.Speed)
	}
	if _, want := config.Check("BRIDGE_CONTENT_MODE", o.Mode); o.Mode != "" && want != "" {
		return plan, flagf("replay", "--content-mode is %q: expected %s", o.Mode, want)
	}
	return plan, plan.aim(*s)
}

// aim reads --to.
func (p *replayPlan) aim(s config.Settings) (err error) {
	if p.to == "" {
		return flagf("replay", "--to is missing: expected a subject such as replay.>")
	}
	if p.target, err = replay.ParseTarget(p.to); err != nil {
		return flagf("replay", "--to is %q: %w", p.to, err)
	}
	for _, pattern := range p.target.Patterns(publish.Feeds) {
		if replay.OwnSubject(pipeline.Broker(s.Streams).Names, pattern) {
			return flagf("replay", "--to is %q: it belongs to the streams of the bridge, whose checkpoints would not be true any more: expected another subject", p.to)
		}
	}
	return nil
}

func runReplay(ctx context.Context, s config.Settings, plan replayPlan, std streams) error {
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	if plan.options.Feeds == "" {
		for _, feed := range leftOut(ctx, js, s) {
			fmt.Fprintln(std.err, status.LeftOutText(feed))
		}
	}
	list := make([]replay.Feed, len(s.Feeds))
	names := make([]schema.Feed, len(s.Feeds))
	for i, name := range s.Feeds {
		names[i] = schema.Feed(name)
		list[i] = replay.Feed{Name: names[i], Stream: checkpoint.NewStream(js, pipeline.Broker(s.Streams).Names.Stream(names[i]), s.Prefix, name)}
	}
	targets, err := targetStreams(ctx, js, s, plan, names)
	if err != nil {
		return err
	}
	publisher := replay.NewPublisher(js, targets, plan.options.MessageID)
	began := time.Now()
	r := &replay.Replayer{
		Feeds: list, Publisher: publisher, To: plan.target, Speed: plan.options.Speed, MessageID: plan.options.MessageID,
		Mode: schema.Mode(plan.options.Mode), Mark: began.UTC().Format(time.RFC3339Nano),
	}
	p := &replayPrinter{out: std.out, notes: std.err, began: began}
	err = r.Run(ctx, plan.span, p.day)
	var early *replay.Unfinished
	if errors.As(err, &early) {
		plan.span.Until = early.Next
	}
	if _, err := fmt.Fprintln(std.out, p.sum(plan, targets, publisher.Duplicates)); err != nil {
		return err
	}
	if early != nil {
		early.Err = natsconn.Refusal(js.Conn(), early.Err)
		return unfinished(early, len(targets) > 0 && !plan.options.MessageID)
	}
	if err == nil && p.wrong > 0 {
		err = &hint.Error{Err: fmt.Errorf("the index of %d days is at fault: what it lists has been replayed, but that may not be all", p.wrong), Code: hint.Failed, Hint: "bridge verify names what is missing"}
	}
	return err
}

// targetStreams returns the streams that store what is replayed.
func targetStreams(ctx context.Context, js jetstream.JetStream, s config.Settings, plan replayPlan, feeds []schema.Feed) ([]replay.TargetStream, error) {
	ctx, cancel := context.WithTimeout(ctx, natsconn.AnswerWait)
	defer cancel()
	targets, err := replay.TargetStreams(ctx, js, pipeline.Broker(s.Streams).Names, plan.target.Patterns(feeds))
	switch {
	case errors.Is(err, replay.ErrSubject):
		return nil, flagf("replay", "--to is %q: %w", plan.to, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
	}
	return targets, nil
}

// replayPrinter prints days as they come and counts.
type replayPrinter struct {
	out, notes io.Writer
	began      time.Time
	last       time.Time // when the last day was done
	parts      map[schema.Feed]replay.Part
	wrong      int // days whose index is at fault
}

func (p *replayPrinter) day(d replay.Day) error {
	now := time.Now()
	if p.parts == nil {
		p.parts, p.last = map[schema.Feed]replay.Part{}, p.began
	}
	line, events, wrong := d.Day, uint64(0), false
	for _, part := range d.Parts {
		sum := p.parts[part.Feed]
		sum.Events += part.Events
		sum.Corrections += part.Corrections
		p.parts[part.Feed] = sum
		events += part.Events
		line += fmt.Sprintf("  %s %9d", part.Feed, part.Events)
		p.note(d.Day, part)
		wrong = wrong || part.Lost > 0 || len(part.Faults) > 0
	}
	if wrong {
		p.wrong++
	}
	took := now.Sub(p.last)
	p.last = now
	_, err := fmt.Fprintf(p.out, "%s  %10s  %.0f/s\n", line, took.Round(time.Millisecond), float64(events)/took.Seconds())
	return err
}

// note reports what a day lacks.
func (p *replayPrinter) note(day string, part replay.Part) {
	for _, fault := range part.Faults {
		fmt.Fprintf(p.notes, "warning: %s %s: %s\n", day, part.Feed, printable.Text(fault))
	}
	if part.Lost > 0 {
		fmt.Fprintf(p.notes, "warning: %s %s: the index lists %d events that are not there\n", day, part.Feed, part.Lost)
	}
	if part.Removed > 0 {
		fmt.Fprintf(p.notes, "note: %s %s: retention has removed %d events of that day\n", day, part.Feed, part.Removed)
	}
}

func (p *replayPrinter) sum(plan replayPlan, targets []replay.TargetStream, duplicates uint64) string {
	var counts []string
	corrections := uint64(0)
	for _, feed := range publish.Feeds {
		if part, some := p.parts[feed]; some {
			counts = append(counts, fmt.Sprintf("%d %s", part.Events, feed))
			corrections += part.Corrections
		}
	}
	if counts == nil {
		counts = []string{"nothing"}
	}
	text := "replayed " + strings.Join(counts, " and ")
	if corrections > 0 {
		text += fmt.Sprintf(" (%d of them corrections)", corrections)
	}
	text += fmt.Sprintf(" from %s until %s to %s: ", plan.span.From.Format(time.RFC3339Nano), plan.span.Until.Format(time.RFC3339Nano), plan.to)
	if len(targets) == 0 {
		return text + "not stored, no stream takes it"
	}
	for i, target := range targets {
		text += [...]string{"stored in stream ", " and "}[min(i, 1)] + target.Stream
	}
	if duplicates > 0 {
		text += fmt.Sprintf(", but for %d that were there already", duplicates)
	}
	return text
}

// unfinished says from where to go on.
func unfinished(early *replay.Unfinished, doubles bool) error {
	next := early.Next.Format(time.RFC3339Nano)
	again := "go on with --from " + next
	if early.Some && doubles {
		again += "; some events from then on may be stored already, and would be stored a second time"
	}
	if errors.Is(early.Err, context.Canceled) {
		return &hint.Error{Err: fmt.Errorf("stopped before it was done: what was measured before %s has been published", next), Code: hint.Failed, Hint: again}
	}
	if errors.Is(early.Err, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, early)
	}
	return &hint.Error{Err: early, Code: hint.Failed, Hint: again}
}

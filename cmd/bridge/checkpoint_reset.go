package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// confirmation asks for --yes.
func confirmation(command string) error {
	return &usageError{errors.New("nothing has been changed: --yes is missing"), "the same command with --yes does it; bridge checkpoint " + command + " --help says more"}
}

// resetOptions are the flags of bridge checkpoint reset.
type resetOptions struct {
	Feed, From, Until string
	Yes               bool
}

func checkpointReset(std streams) *cobra.Command {
	var o resetOptions
	cmd := &cobra.Command{
		Use:   "reset --feeds F --from T --until T --yes",
		Short: "make a range uncovered, so that it is read again",
		Long: `Makes a range of a feed uncovered: it is a gap then, and is read again. What is stored stays stored, and rows that come again
are recognised by their ids, so nothing is doubled. It says what will happen, and does it with --yes. It may be used beside a
bridge that runs.

A gap that is not older than where bridge run has begun is read by it; older ones are read by bridge backfill alone. The
output says which it is.

T is an RFC 3339 time, or how long ago by the clock of this machine: 24h, 7d. The range is half-open and counts in the time
of the events.

Exit code 0: done, or nothing of it was covered. 2: --yes is missing, or the coverage is another account's.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			span, err := o.check(&s, time.Now())
			if err != nil {
				return err
			}
			return pipeline.WithLogin(s.Vendor, runReset(cmd.Context(), s, span, o.Yes, std))
		},
	}
	cmd.Flags().StringVar(&o.Feed, "feeds", "", "the feed, one of them (needed)")
	cmd.Flags().StringVar(&o.Feed, "feed", "", "the same as --feeds")
	cmd.Flags().StringVar(&o.From, "from", "", "where the range begins (needed)")
	cmd.Flags().StringVar(&o.Until, "until", "", "where it ends (needed)")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "do it")
	return cmd
}

// check refuses wrong flags, and has the settings name the one feed.
func (o resetOptions) check(s *config.Settings, now time.Time) (span checkpoint.Span, err error) {
	normal, want := config.Check("BRIDGE_FEEDS", o.Feed)
	if want != "" || strings.Contains(normal, ",") {
		return span, flagf("checkpoint reset", "--feeds is %q: expected one feed, such as readings", o.Feed)
	}
	s.Feeds = []string{normal}
	for _, flag := range []struct {
		name, text string
		to         *time.Time
	}{{"from", o.From, &span.From}, {"until", o.Until, &span.Until}} {
		if *flag.to, err = moment(flag.text, now); err != nil || flag.text == "" {
			return span, flagf("checkpoint reset", "--%s is %q: expected %s", flag.name, flag.text, wantMoment)
		}
	}
	if span.Empty() {
		return span, flagf("checkpoint reset", "--from is %s and --until %s: expected a range that is not empty", span.From.Format(time.RFC3339), span.Until.Format(time.RFC3339))
	}
	return span, nil
}

// reset is a run of bridge checkpoint reset.
type reset struct {
	feed   schema.Feed
	span   checkpoint.Span
	writer *publish.Writer
	out    io.Writer
}

func runReset(ctx context.Context, s config.Settings, span checkpoint.Span, yes bool, std streams) error {
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	pipe, log := pipeline.New(s.Pipeline, js), newLogger(s.Log, std.err)
	writer, err := ownWriter(ctx, pipe, schema.Feed(s.Feeds[0]), log)
	if err != nil {
		return err
	}
	r := &reset{schema.Feed(s.Feeds[0]), span, writer, std.out}
	if !yes {
		err = r.preview(ctx)
	} else {
		view := pipe.View(r.feed, nil, log)
		writer.OnRecord = view.Show
		err = view.Keep(ctx, r.run)
	}
	if usage := (*usageError)(nil); err != nil && !errors.As(err, &usage) && !js.Conn().IsConnected() {
		return fmt.Errorf("%w: %w", natsconn.ErrUnusable, err)
	}
	return err
}

// ownWriter makes a writer of a feed where the coverage of the prefix is of the account of the settings. It asks the vendor
// only where that has to be found out.
func ownWriter(ctx context.Context, pipe *pipeline.Pipeline, feed schema.Feed, log *slog.Logger) (*publish.Writer, error) {
	vendor, err := saveris.New(pipeline.VendorConfig(pipe.Settings.Vendor, pipe.Settings.WindowRows))
	if err != nil {
		return nil, err
	}
	proof := pipe.Proof(vendor, log)
	proof.Once = true
	if err := proof.Settle(ctx); err != nil {
		return nil, err
	}
	return pipe.Writer(feed, vendor, 1), nil
}

// preview says what would happen.
func (r *reset) preview(ctx context.Context) error {
	covered, err := r.covered(ctx)
	if len(covered) == 0 || err != nil {
		return err
	}
	if err := r.tell(ctx, "would be uncovered", covered); err != nil {
		return err
	}
	return confirmation("reset")
}

// covered returns what there is to be uncovered, and says so where there is nothing.
func (r *reset) covered(ctx context.Context) ([]checkpoint.Interval, error) {
	covered, err := r.writer.Covered(ctx, r.span)
	if len(covered) == 0 && err == nil {
		_, err = fmt.Fprintf(r.out, "nothing of %s from %s until %s is covered\n", r.feed, r.span.From.Format(time.RFC3339), r.span.Until.Format(time.RFC3339))
	}
	return covered, err
}

func (r *reset) run(ctx context.Context) error {
	covered, err := r.covered(ctx)
	if len(covered) == 0 || err != nil {
		return err
	}
	var cut []checkpoint.Interval
	for _, day := range (checkpoint.Span{From: covered[0].From, Until: covered[len(covered)-1].Until}).Days() {
		more, err := r.writer.Uncover(ctx, day, r.span)
		if err != nil {
			return err
		}
		cut = append(cut, more...)
	}
	return r.tell(ctx, "uncovered", cut)
}

// tell says what is uncovered and who reads it again. After the fact that is certain: nobody moves the beginning past a gap.
func (r *reset) tell(ctx context.Context, how string, cut []checkpoint.Interval) error {
	var width time.Duration
	for _, iv := range cut {
		width += iv.Span().Width()
	}
	span := checkpoint.Span{From: r.span.From, Until: r.span.Until}
	if len(cut) > 0 {
		span = checkpoint.Span{From: cut[0].From, Until: cut[len(cut)-1].Until}
	}
	since, found, err := r.writer.Since(ctx, checkpoint.Span{Until: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "%s: %s of %s from %s until %s; what is stored stays, and rows that come again are recognised\n",
		how, words.Length(width), r.feed, span.From.Format(time.RFC3339), span.Until.Format(time.RFC3339))
	if !found {
		since = span.Until
	}
	if late := span.Cut(since, span.Until); !late.Empty() {
		fmt.Fprintf(r.out, "bridge run reads what is not before %s by itself\n", late.From.Format(time.RFC3339))
	}
	if early := span.Cut(span.From, since); !early.Empty() {
		_, err = fmt.Fprintf(r.out, "bridge run does not go back that far, this reads it: bridge backfill --from %s --until %s --feeds %s\n",
			early.From.Format(time.RFC3339), early.Until.Format(time.RFC3339), r.feed)
	}
	return err
}

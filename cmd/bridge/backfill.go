package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// backfillOptions are the flags of bridge backfill.
type backfillOptions struct {
	timeRange
	Workers   int
	Reread    bool
	Republish bool
	Repair    bool
	DryRun    bool
}

func backfillCommand(std streams) *cobra.Command {
	o := backfillOptions{timeRange: timeRange{command: "backfill"}}
	cmd := &cobra.Command{
		Use:   "backfill --from T [--until T]",
		Short: "fill a range of the past, then end",
		Long: `Reads what is not covered of a range and stores it, oldest first, until the checkpoint covers all of it. Settings are those
of run; bridge run --help lists them. The range is half-open and counts in the time of the events.

It may be stopped at any time; the same command goes on where it was, and a backfill that is done reads nothing. It is
safe beside run, which goes first while it is late, and beside other backfills: several processes at one range share its
days. Life-cycle events (started, progress, finished, failed, paused) are sent to <prefix>.backfills.<id>.

T is an RFC 3339 time, or how long ago in the vendor's clock: 24h, 7d.

Exit code 0: all is covered. 1: stopped before, or parts cannot be had; they stay gaps, and what --repair cannot put back is
listed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			if err := o.check(&s); err != nil {
				return err
			}
			if o.DryRun {
				return pipeline.WithLogin(s.Vendor, dryRun(cmd.Context(), s, o, std))
			}
			return pipeline.WithLogin(s.Vendor, runBackfill(cmd.Context(), s, o, std))
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&o.Workers, "workers", 1, "days that this process works on at the same time")
	cmd.Flags().BoolVar(&o.Reread, "reread", false, "read what is covered again too, for late and changed rows; nothing is stored twice")
	cmd.Flags().BoolVar(&o.Republish, "republish", false, "read and store days again that retention has removed from the stream")
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "store again, once, what somebody has removed from the streams: what an index lists and the stream lacks, on all UTC days that the range touches")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "print the windows that would be read and an estimate, and change nothing")
	return cmd
}

// maxWorkers is more than any broker has a use for: a stream stores one batch at a time.
const maxWorkers = 16

// check refuses wrong flags and lets those that name feeds win over the settings.
func (o *backfillOptions) check(s *config.Settings) error {
	if o.Workers < 1 || o.Workers > maxWorkers {
		return flagf("backfill", "--workers is %d: expected 1 to %d", o.Workers, maxWorkers)
	}
	if o.Repair && (o.Reread || o.Republish || o.Workers > 1) {
		return flagf("backfill", "--repair is set together with --reread, --republish or several --workers: expected it alone")
	}
	return o.timeRange.check(s)
}

// wholeSpan is the range on whole seconds: the vendor's times have no finer ones.
func (o *backfillOptions) wholeSpan(now time.Time, note io.Writer) (checkpoint.Span, error) {
	span, err := o.span(now, note)
	span.From = span.From.Truncate(time.Second)
	span.Until = span.Until.Add(time.Second - time.Nanosecond).Truncate(time.Second)
	if o.Repair { // when an event was that is not there nobody knows, but on which day
		span.From = span.From.Truncate(24 * time.Hour)
		span.Until = span.Until.Add(24*time.Hour - 1).Truncate(24 * time.Hour)
		span = span.Cut(span.From, now.Truncate(time.Second))
	}
	return span, err
}

func runBackfill(ctx context.Context, s config.Settings, o backfillOptions, std streams) error {
	bar := newBar(std.err)
	if bar.shown() {
		s.LogFormat = cmp.Or(strings.ReplaceAll(s.LogFormat, "auto", ""), "text")
	}
	if bar.shown() && s.LogLevel == "info" {
		s.LogLevel = "warn" // the bar says it
	}
	logger := newLogger(s.Log, bar.beside(std.err))
	login := pipeline.Soon(func() (*saveris.Client, error) {
		return pipeline.TryLogin(ctx, s.Vendor, pipeline.VendorConfig(s.Vendor, s.WindowRows))
	})
	nc, stop, err := natsconn.Join(ctx, s.NATS, logger)
	if err != nil {
		return err
	}
	pipeline.LogStartup(s.Pipeline, version, nc, logger)
	tried, err := login()
	if err != nil {
		stop()
		return err
	}
	js, stop, err := pipeline.Ready(ctx, s.Pipeline, nc, stop)
	if err != nil {
		return err
	}
	defer stop()
	b := &backfill{settings: s, options: o, pipe: pipeline.New(s.Pipeline, js), log: logger, bar: bar}
	b.open(ctx)
	vendorConfig := b.pipe.PublishingVendor(ctx, tried, logger)
	vendorConfig.NoLive = true
	vendor, now, err := pipeline.AskTime(ctx, vendorConfig)
	if err != nil {
		return err
	}
	b.vendor = vendor
	if b.span, err = o.wholeSpan(now, std.err); err != nil {
		return err
	}
	if err := b.pipe.Proof(vendor, logger).Settle(ctx); err != nil {
		return err
	}
	if err := b.prepare(ctx, now, std.err); err != nil {
		return err
	}
	if o.Repair {
		return b.repair(ctx, std.out)
	}
	err = pipeline.Sharing(ctx, vendor, func() error { return b.run(ctx) })
	bar.clear()
	if err == nil {
		_, err = fmt.Fprintln(std.out, b.summary())
	}
	return err
}

// backfill is a run of bridge backfill.
type backfill struct {
	settings config.Settings
	options  backfillOptions
	span     checkpoint.Span
	vendor   *saveris.Client
	pipe     *pipeline.Pipeline
	log      *slog.Logger
	bar      *bar

	opening   func() (*publish.Backfills, error)              // to tell
	leases    map[schema.Feed][]func() (*lease.Leases, error) // of the workers of each feed
	tell      *publish.Backfills                              // nil where nobody can be told
	state     *progress
	readSince time.Time
	feeds     []*backfillFeed
	lost      lost // for a repair
}

// backfillPages is how many days' ids a worker keeps: it goes through the days one after the other, and rejected rows have a
// page too.
const backfillPages = 3

// backfillFeed is what the workers of a feed share.
type backfillFeed struct {
	feed    schema.Feed
	reader  *publish.Writer
	view    *views.Checkpoints
	without []checkpoint.Span
	log     *slog.Logger
	foreign *pipeline.Foreign
}

// open begins to open the buckets that it shares with others.
func (b *backfill) open(ctx context.Context) {
	b.opening = pipeline.Soon(func() (*publish.Backfills, error) {
		return publish.OpenBackfills(ctx, b.pipe.JS, pipeline.Broker(b.settings.Streams), b.settings.SaverisURL)
	})
	b.leases = map[schema.Feed][]func() (*lease.Leases, error){}
	for _, feed := range pipeline.Feeds(b.settings.Streams) {
		for n := range b.options.Workers {
			b.leases[feed] = append(b.leases[feed], pipeline.Soon(func() (*lease.Leases, error) {
				return b.pipe.TryLeases(ctx, feed, fmt.Sprintf("%s/%d", pipeline.WriterName(), n+1))
			}))
		}
	}
}

// prepare finds out what is to be done.
func (b *backfill) prepare(ctx context.Context, now time.Time, note io.Writer) error {
	b.state = newProgress(schema.Backfill{
		ID: backfillID(b.span), Worker: pipeline.WriterName(), From: b.span.From, Until: b.span.Until,
		StartedAt: now.UTC(), Reread: b.options.Reread,
	})
	var err error
	if b.tell, err = b.opening(); err != nil {
		b.log.Warn("the progress of the backfill cannot be published", "err", err)
		b.tell = nil
	}
	switch {
	case b.options.Reread:
		b.readSince = b.rereadSince(ctx)
	case b.options.Repair:
		b.readSince = b.state.StartedAt
	}
	for _, name := range b.settings.Feeds {
		feed := schema.Feed(name)
		b.state.Feeds = append(b.state.Feeds, feed)
		f := &backfillFeed{feed: feed, reader: b.pipe.Writer(feed, b.vendor, backfillPages), log: b.log.With("feed", feed)}
		f.view, f.foreign = b.pipe.View(feed, nil, f.log), b.pipe.Foreign(feed, f.log)
		b.feeds = append(b.feeds, f)
		b.pipe.Accounts.OnRecord = b.claimed
		if b.options.Repair {
			if err := b.findLost(ctx, f, note); err != nil {
				return err
			}
		}
	}
	if b.options.Republish || b.options.Repair {
		return nil
	}
	return b.findRemoved(ctx, note)
}

// findRemoved leaves the days alone that retention has removed.
func (b *backfill) findRemoved(ctx context.Context, note io.Writer) error {
	errs := make([]error, len(b.feeds))
	var looking sync.WaitGroup
	for i, f := range b.feeds {
		looking.Go(func() { f.without, errs[i] = f.reader.Removed(ctx, b.span) })
	}
	looking.Wait()
	for i, f := range b.feeds {
		if errs[i] != nil {
			return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(b.pipe.JS.Conn(), errs[i]))
		}
		if n := len(f.without); n > 0 {
			fmt.Fprintf(note, "note: retention has removed days of %s from the stream, %d from %s on; they are left alone, --republish reads and stores them again\n",
				f.feed, n, checkpoint.DayOf(f.without[0].From))
		}
	}
	return nil
}

// backfillID names a backfill by its range, so that all workers at it and all goes at it have the same id.
func backfillID(span checkpoint.Span) string {
	const layout = "20060102T150405Z"
	return span.From.Format(layout) + "-" + span.Until.Format(layout)
}

// rereadSince is the moment before which everything counts as not read: the start of this backfill, or of an earlier go at
// it that has not finished.
func (b *backfill) rereadSince(ctx context.Context) time.Time {
	if b.tell == nil {
		return b.state.StartedAt
	}
	last, found, err := b.tell.Last(ctx, b.state.ID)
	if err != nil {
		b.log.Warn("whether an earlier re-read has finished is not known", "err", err)
	}
	if found && last.Reread && last.Phase != schema.BackfillFinished {
		b.state.StartedAt = last.StartedAt
	}
	return b.state.StartedAt
}

// command is how this backfill is called again, with times that do not move.
func (b *backfill) command() string {
	text := fmt.Sprintf("bridge backfill --from %s --until %s --feeds %s", b.span.From.Format(time.RFC3339), b.span.Until.Format(time.RFC3339), strings.Join(b.settings.Feeds, ","))
	if b.options.Reread {
		text += " --reread"
	}
	if b.options.Republish {
		text += " --republish"
	}
	if b.options.Repair {
		text += " --repair"
	}
	return text
}

// run works until all is covered, and tells how that goes.
func (b *backfill) run(ctx context.Context) error {
	b.say(ctx, schema.BackfillStarted)
	work, done := context.WithCancel(ctx)
	reporting := make(chan struct{})
	go func() {
		defer close(reporting)
		b.report(work)
	}()
	err := b.shown(ctx, b.work)
	done()
	<-reporting
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsconn.AnswerWait)
	defer cancel()
	b.measure(last)
	switch {
	case err == nil:
		b.say(last, schema.BackfillFinished)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		b.say(last, schema.BackfillPaused)
		return &hint.Error{
			Err: fmt.Errorf("paused: %.1f %% of the range is covered", 100*b.state.covered()), Code: hint.Failed,
			Hint: "this goes on where it has stopped: " + b.command(),
		}
	default:
		b.state.failed(err)
		b.say(last, schema.BackfillFailed)
	}
	return err
}

package backfill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/preflight"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// Config is what is filled, and how.
type Config struct {
	config.Pipeline
	Range     func(vendorNow time.Time) (checkpoint.Span, error) // half-open, of event time; asked once
	Workers   int                                                // days that this process works on at the same time; 1 at least
	Reread    bool                                               // read what is covered again too
	Republish bool                                               // fill days that retention has removed too
	Repair    bool                                               // put back what was removed, and nothing else
	Version   string                                             // of the program, for the log
	Log       *slog.Logger
	Out       io.Writer // what was done
	Notes     io.Writer // what was found before it began
	Bar       Bar       // nil = none
}

// Bar shows how a backfill goes. One goroutine at a time uses it.
type Bar interface {
	Show(schema.Backfill)
	Clear()
}

// span returns the range on whole seconds: the vendor's times have no finer ones. A repair has whole days of it.
func (c Config) span(now time.Time) (checkpoint.Span, error) {
	span, err := c.Range(now)
	span.From = span.From.Truncate(time.Second)
	span.Until = span.Until.Add(time.Second - time.Nanosecond).Truncate(time.Second)
	if c.Repair { // when an event was that is not there nobody knows, but on which day
		span.From = span.From.Truncate(24 * time.Hour)
		span.Until = span.Until.Add(24*time.Hour - 1).Truncate(24 * time.Hour)
		span = span.Cut(span.From, now.Truncate(time.Second))
	}
	return span, err
}

// Run works until all of the range is covered and prints a line on it. If ctx ends before, its error has the command that goes on.
func Run(ctx context.Context, c Config) error { return pipeline.WithLogin(c.Vendor, run(ctx, c)) }

func run(ctx context.Context, c Config) error {
	started, err := preflight.Start{
		Settings: c.Pipeline, Version: c.Version, Vendor: pipeline.VendorConfig(c.Vendor, c.WindowRows), Log: c.Log, Connect: natsconn.Join,
	}.Open(ctx)
	if err != nil {
		return err
	}
	defer started.Stop()
	j := &job{Config: c, pipe: pipeline.New(c.Pipeline, started.JS)}
	j.open(ctx)
	named := j.pipe.FollowFleet(ctx, c.Log)
	asked := j.pipe.SharedVendorConfig(ctx, started.Tried, c.Log)
	asked.NoLive, asked.OnNotice = true, notebook.New(c.Vendor, nil, c.Log).Noticed
	vendor, now, err := pipeline.AskTime(ctx, asked)
	if err != nil {
		return err
	}
	j.vendor = vendor
	if j.span, err = c.span(now); err != nil {
		return err
	}
	if err := j.pipe.Proof(vendor, c.Log).Settle(ctx); err != nil {
		return err
	}
	if err := j.prepare(ctx, now); err != nil {
		return err
	}
	pipeline.AwaitFleet(ctx, named)
	if c.Repair {
		return j.repair(ctx)
	}
	err = pipeline.Sharing(ctx, vendor, func() error { return j.fill(ctx) })
	j.clearBar()
	if err == nil {
		_, err = fmt.Fprintln(c.Out, j.summary())
	}
	return err
}

// job is one backfill.
type job struct {
	Config
	span   checkpoint.Span
	vendor *saveris.Client
	pipe   *pipeline.Pipeline

	opening   func() (*States, error)                         // what state is published by
	leases    map[schema.Feed][]func() (*lease.Leases, error) // of the workers of each feed
	published *States                                         // nil where state cannot be published
	state     *progress
	readSince time.Time
	feeds     []*feed
	lost      lost // for a repair
}

// days is how many days' ids a worker keeps: it goes through the days one after the other, and rejected rows have a page too.
const days = 3

// feed is what the workers of a feed share.
type feed struct {
	name     schema.Feed
	reader   *publish.Writer
	view     *views.Checkpoints
	excluded []checkpoint.Span
	log      *slog.Logger
	foreign  *pipeline.ForeignLog
}

// open begins to open the buckets that the job shares with others.
func (j *job) open(ctx context.Context) {
	j.opening = pipeline.Soon(func() (*States, error) {
		return OpenStates(ctx, j.pipe.JS, pipeline.Broker(j.Streams), j.SaverisURL)
	})
	j.leases = map[schema.Feed][]func() (*lease.Leases, error){}
	for _, name := range pipeline.Feeds(j.Streams) {
		for n := range j.Workers {
			j.leases[name] = append(j.leases[name], pipeline.Soon(func() (*lease.Leases, error) {
				return j.pipe.TryLeases(ctx, name, fmt.Sprintf("%s/%d", pipeline.WriterName(), n+1))
			}))
		}
	}
}

// prepare finds out what is to be done.
func (j *job) prepare(ctx context.Context, now time.Time) error {
	j.state = newProgress(schema.Backfill{
		ID: id(j.span), Worker: pipeline.WriterName(), From: j.span.From, Until: j.span.Until, StartedAt: now.UTC(), Reread: j.Reread,
	})
	var err error
	if j.published, err = j.opening(); err != nil {
		j.Log.Warn("the progress of the backfill cannot be published", "err", err)
		j.published = nil
	}
	switch {
	case j.Reread:
		j.readSince = j.rereadSince(ctx)
	case j.Repair:
		j.readSince = j.state.StartedAt
	}
	j.pipe.Accounts.OnRecord = j.showClaim
	for _, name := range pipeline.Feeds(j.Streams) {
		log := j.Log.With("feed", name)
		f := &feed{name: name, reader: j.pipe.Writer(name, j.vendor, days), view: j.pipe.CheckpointView(name, nil, log), foreign: j.pipe.ForeignLog(name, log), log: log}
		j.feeds, j.state.Feeds = append(j.feeds, f), append(j.state.Feeds, name)
		if j.Repair {
			if err := j.findLost(ctx, f); err != nil {
				return err
			}
		}
	}
	if j.Republish || j.Repair {
		return nil
	}
	return j.findRemoved(ctx)
}

// id names a backfill by its range, so that all workers at it and all goes at it have the same one.
func id(span checkpoint.Span) string {
	const layout = "20060102T150405Z"
	return span.From.Format(layout) + "-" + span.Until.Format(layout)
}

// rereadSince returns the moment before which everything counts as not read: the start of this backfill, or of an earlier go at
// it that has not finished.
func (j *job) rereadSince(ctx context.Context) time.Time {
	if j.published == nil {
		return j.state.StartedAt
	}
	last, found, err := j.published.Last(ctx, j.state.ID)
	if err != nil {
		j.Log.Warn("whether an earlier re-read has finished is not known", "err", err)
	}
	if found && last.Reread && last.Phase != schema.BackfillFinished {
		j.state.StartedAt = last.StartedAt
	}
	return j.state.StartedAt
}

// showClaim shows a record by which the prefix was claimed.
func (j *job) showClaim(name schema.Feed, r checkpoint.RecordMessage) {
	for _, f := range j.feeds {
		if f.name == name {
			f.view.Show(r)
		}
	}
}

// findRemoved leaves the days alone that retention has removed.
func (j *job) findRemoved(ctx context.Context) error {
	errs := make([]error, len(j.feeds))
	var looking sync.WaitGroup
	for i, f := range j.feeds {
		looking.Go(func() { f.excluded, errs[i] = f.reader.Removed(ctx, j.span) })
	}
	looking.Wait()
	for i, f := range j.feeds {
		if errs[i] != nil {
			return j.unusable(errs[i])
		}
		if n := len(f.excluded); n > 0 {
			fmt.Fprintf(j.Notes, "note: retention has removed days of %s from the stream, %d from %s on; they are left alone, --republish reads and stores them again\n",
				f.name, n, checkpoint.DayOf(f.excluded[0].From))
		}
	}
	return nil
}

// unusable returns that a stream cannot be read.
func (j *job) unusable(err error) error {
	return fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(j.pipe.JS.Conn(), err))
}

// command returns how this backfill is called again, with times that do not move.
func (j *job) command() string {
	text := fmt.Sprintf("bridge backfill --from %s --until %s --feeds %s", j.span.From.Format(time.RFC3339), j.span.Until.Format(time.RFC3339), strings.Join(j.Streams.Feeds, ","))
	for _, flag := range []struct {
		set  bool
		name string
	}{{j.Reread, "reread"}, {j.Republish, "republish"}, {j.Repair, "repair"}} {
		if flag.set {
			text += " --" + flag.name
		}
	}
	return text
}

// fill works until all is covered, and publishes how that goes.
func (j *job) fill(ctx context.Context) error {
	j.publish(ctx, schema.BackfillStarted)
	working, done := context.WithCancel(ctx)
	reporting := make(chan struct{})
	go func() {
		defer close(reporting)
		j.report(working)
	}()
	work := j.work
	for _, f := range j.feeds {
		inner := work
		work = func(ctx context.Context) error { return f.view.Keep(ctx, inner) }
	}
	err := work(ctx)
	done()
	<-reporting
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), natsconn.AnswerWait)
	defer cancel()
	j.measure(last)
	switch {
	case err == nil:
		j.publish(last, schema.BackfillFinished)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		j.publish(last, schema.BackfillPaused)
		return &hint.Error{
			Err: fmt.Errorf("paused: %.1f %% of the range is covered", 100*j.state.covered()), Code: hint.Failed,
			Hint: "this goes on where it has stopped: " + j.command(),
		}
	default:
		j.state.failed(err)
		j.publish(last, schema.BackfillFailed)
	}
	return err
}

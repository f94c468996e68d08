package service

import (
	"context"
	"log/slog"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// rows is a feed of rows: what polls it, the view of its checkpoints, the one of what its events come to, and what says who is silent.
type rows struct {
	live      *poller.Live
	view      *views.Checkpoints
	fold      *views.Fold // nil where there is none
	silent    *silences
	lookEvery time.Duration // between two looks for somebody else's messages
}

func newRows(pipe *pipeline.Pipeline, feed schema.Feed, vendor *saveris.Client, notes *notebook.Notes, log *slog.Logger, lookEvery time.Duration) *rows {
	r := &rows{live: newLive(pipe, feed, vendor, log), view: pipe.CheckpointView(feed, func(_, bucket string, err error) { notes.ViewWritable(feed, bucket, err) }, log), lookEvery: lookEvery}
	r.fold = pipe.Fold(feed, pipeline.VendorNow(vendor), func(what, bucket string, err error) { notes.FoldWritable(feed, what, bucket, err) }, log)
	r.silent = newSilences(pipe, feed, vendor, r.live.Writer, notes, log)
	r.live.Writer.OnRecord = r.show
	r.live.OnRefusal = func(err error) { notes.FeedShut(feed, err) }
	return r
}

// newLive wires one feed together.
func newLive(pipe *pipeline.Pipeline, feed schema.Feed, vendor *saveris.Client, logger *slog.Logger) *poller.Live {
	s := pipe.Settings
	writer := pipe.Writer(feed, vendor, 0)
	others := pipe.ForeignLog(feed, logger)
	writer.OnForeign, writer.OnForeignAnswer = others.OnMessage, others.OnAnswer
	live := &poller.Live{
		Source:   vendor,
		Writer:   writer,
		Maker:    pipe.Maker(feed),
		Log:      logger,
		Hint:     pipeline.PollHint,
		Interval: s.PollInterval,
		Overlap:  s.Overlap,
		Rows:     s.WindowRows,
		Start:    s.StartTime,
	}
	if feed != schema.Tasks { // no logger delivers them
		live.Outages = poller.NewOutages(pipe.Stream(schema.Alarms)).Ended
	}
	return live
}

// show has the views show what was stored.
func (r *rows) show(record checkpoint.RecordMessage) {
	r.view.Show(record)
	if r.fold != nil {
		r.fold.Wake()
	}
}

// run polls until ctx ends.
func (r *rows) run(ctx context.Context) error {
	looking, end := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() { defer close(looked); r.lookForForeign(looking) }()
	work := func(ctx context.Context) error { return r.silent.beside(ctx, r.live.Run) }
	if r.fold != nil {
		polls := work
		work = func(ctx context.Context) error { return r.fold.Keep(ctx, polls) }
	}
	err := r.view.Keep(ctx, work)
	end()
	<-looked
	return err
}

// lookForForeign names what somebody else stores in the stream, until ctx ends.
func (r *rows) lookForForeign(ctx context.Context) {
	tick := time.NewTicker(r.lookEvery)
	defer tick.Stop()
	for next := uint64(0); ; {
		if to, err := r.live.Writer.LookForForeign(ctx, next); err == nil { // else the next time
			next = to
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

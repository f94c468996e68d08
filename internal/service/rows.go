package service

import (
	"context"
	"log/slog"
	"time"

	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/views"
)

// rows is a feed of rows: what polls it, the view of its checkpoints, and what says who is silent.
type rows struct {
	live    *poller.Live
	view    *views.Checkpoints
	silent  *silences
	foreign time.Duration // between two looks for somebody else's messages
}

func newRows(pipe *pipeline.Pipeline, feed schema.Feed, vendor *saveris.Client, notes *pipeline.Notes, log *slog.Logger, foreign time.Duration) *rows {
	r := &rows{live: newLive(pipe, feed, vendor, log), view: pipe.View(feed, notes, log), foreign: foreign}
	r.silent = newSilences(pipe, feed, vendor, r.live.Writer, log)
	r.live.Writer.OnRecord = r.view.Show
	r.live.OnRefusal = func(err error) { notes.FeedShut(feed, err) }
	return r
}

// run polls until ctx ends.
func (r *rows) run(ctx context.Context) error {
	looking, end := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() { defer close(looked); r.lookForForeign(looking) }()
	err := r.view.Keep(ctx, func(ctx context.Context) error { return r.silent.beside(ctx, r.live.Run) })
	end()
	<-looked
	return err
}

// lookForForeign names what somebody else stores in the stream, until ctx ends.
func (r *rows) lookForForeign(ctx context.Context) {
	tick := time.NewTicker(r.foreign)
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

package service

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/silence"
)

// silences are what a feed that is polled says of silence: of the bridge itself, and where the feed is that of the readings, of channels.
type silences struct {
	bridge   *silence.Switch
	channels *silence.Line // nil = channels are never silent
}

func newSilences(pipe *pipeline.Pipeline, feed schema.Feed, vendor *saveris.Client, writer *publish.Writer, notes *notebook.Notes, log *slog.Logger) *silences {
	s := pipe.Settings
	store := func() *publish.Silences { // one for each goroutine
		made := publish.NewSilences(pipe.JS, pipeline.Broker(s.Streams))
		others := pipe.ForeignLog(schema.Health, log)
		made.OnForeign, made.OnForeignAnswer = others.OnMessage, others.OnAnswer
		made.Mode, made.BaseURL = s.ContentMode, s.SaverisURL
		return made
	}
	all := &silences{bridge: &silence.Switch{Feed: feed, Interval: s.PollInterval, Silences: store(), Log: log}}
	all.bridge.Init()
	if feed == schema.Readings && s.SilentAfter > 0 {
		all.channels = &silence.Line{
			Rule: silence.Rule(s.SilentAfter), Channels: pipe.Names.Channels, Readings: pipe.Stream(feed), Prefix: s.Prefix, LiveAge: s.LiveAge, Silences: store(), Now: vendor.Now, Log: log,
			Covered: func(ctx context.Context, span checkpoint.Span) ([]checkpoint.Interval, time.Time, error) {
				since, _, err := writer.LowWatermark(ctx, span)
				if err != nil {
					return nil, time.Time{}, err
				}
				covered, err := writer.Covered(ctx, span)
				return covered, since, err
			},
			OnJudged: notes.Judged,
		}
		all.channels.Init()
	}
	return all
}

// stored notes that a window of the feed was stored.
func (s *silences) stored(w poller.StoredWindow) {
	if w.Reason != poller.ReasonTail {
		return
	}
	s.bridge.Polled()
	if s.channels != nil {
		s.channels.Polled()
	}
}

// open returns how many channels are silent, and whether that is known here.
func (s *silences) open() (n int, known bool) {
	if s.channels == nil {
		return 0, false
	}
	return s.channels.Open()
}

// beside runs work, whose error it returns, and says what is silent meanwhile.
func (s *silences) beside(ctx context.Context, work func(context.Context) error) error {
	saying, end := context.WithCancel(ctx)
	var group errgroup.Group
	group.Go(func() error { return s.bridge.Run(saying) })
	if s.channels != nil {
		group.Go(func() error { return s.channels.Run(saying) })
	}
	err := work(ctx)
	end()
	_ = group.Wait() // they end with saying
	return err
}

package service

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/preflight"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Build is the binary, as the metrics and the page show it.
type Build = metrics.Build

// Config is what a service is made of.
type Config struct {
	Settings config.Pipeline
	Listener net.Listener // where the page, the metrics and the health are; nil = nowhere. The service closes it
	Build    Build
	Name     string // in records and leases; empty = pipeline.WriterName, which is for one service a process
	Log      *slog.Logger
	Timings  Timings // zero = DefaultTimings
}

// Service is a bridge that is connected and whose streams are ready.
type Service struct {
	JS jetstream.JetStream

	config  Config
	metrics *metrics.Metrics
	tried   *saveris.Client // the login was tried with it
	stop    func()
}

// Run runs a service until ctx ends, whose error it returns then.
func Run(ctx context.Context, c Config) error {
	s, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Run(ctx)
}

// Open connects to NATS or starts the embedded server, tries the login meanwhile, and makes the streams ready. A refused login or a wrong
// address of the vendor's ends it before anything is made. Whoever gets the service closes it.
func Open(ctx context.Context, c Config) (*Service, error) {
	if c.Timings == (Timings{}) {
		c.Timings = DefaultTimings
	}
	if c.Settings.Overlap > poller.MaxTail {
		c.Log.Warn("BRIDGE_OVERLAP is longer than a poll reaches back, which is an hour at most", "overlap", c.Settings.Overlap)
	}
	s := &Service{config: c, metrics: metrics.New(c.Build)}
	if err := s.open(ctx); err != nil {
		closePage(c.Listener)
		return nil, err
	}
	return s, nil
}

func (s *Service) open(ctx context.Context) error {
	c := s.config.Settings
	started, err := preflight.Start{
		Settings: c, Version: s.config.Build.Version, Vendor: counting(s.metrics, pipeline.VendorConfig(c.Vendor, c.WindowRows)), Log: s.config.Log,
		Connect: natsconn.Dial,
	}.Open(ctx)
	if err != nil {
		return err
	}
	s.JS, s.tried, s.stop = started.JS, started.Tried, started.Stop
	return nil
}

// Close ends the connection to NATS, and the embedded server.
func (s *Service) Close() {
	closePage(s.config.Listener)
	s.stop()
}

func closePage(page net.Listener) {
	if page != nil {
		_ = page.Close() // it may be closed
	}
}

// Run makes the first contact with the vendor, and then leads the feeds or stands by, until ctx ends, whose error it returns. It ends
// before that where waiting does not help: the vendor refuses the login or every feed, or the coverage is another account's.
func (s *Service) Run(ctx context.Context) error {
	c := s.config.Settings
	pipe, feeds, all := pipeline.New(c, s.JS), pipeline.Feeds(c.Streams), pipeline.AllFeeds(c.Streams)
	pipe.Name = cmp.Or(s.config.Name, pipe.Name)
	notes := notebook.New(c.Vendor, all, s.config.Log)
	candidates, polled := map[schema.Feed]*candidate{}, map[schema.Feed]*rows{}
	for _, feed := range all {
		candidates[feed] = newCandidate(ctx, pipe, feed, notes, s.config.Log.With("feed", feed))
	}
	vendor, err := s.vendor(ctx, pipe, notes)
	if err != nil {
		return err
	}
	proof := pipe.Proof(vendor, s.config.Log)
	names, back := newFirstNames(), &poller.Comebacks{}
	for _, feed := range feeds {
		r := newRows(pipe, feed, vendor, notes, candidates[feed].log, max(c.PollInterval, s.config.Timings.Foreign))
		r.live.Comebacks, r.live.Licence = back, s.config.Timings.Licence
		candidates[feed].work, candidates[feed].polled = names.before(r.run), r.live.LastPoll
		polled[feed] = r
	}
	var fleet *devices
	if c.Devices {
		leader := candidates[schema.Devices]
		fleet = newDevices(pipe, vendor, notes, leader.log, s.config.Timings, back)
		leader.work, leader.polled = fleet.run, fleet.line.LastLook
	}
	followFirst(candidates)
	pipe.Accounts.OnRecord = func(feed schema.Feed, r checkpoint.RecordMessage) {
		if rows := polled[feed]; rows != nil {
			rows.show(r)
		}
	}
	named := pipe.FollowFleet(ctx, s.config.Log)
	o := s.newOperation(vendor, candidates, polled, notes)
	for feed, rows := range polled {
		o.observe(feed, rows)
	}
	if fleet != nil {
		o.observeFleet(fleet.line, names)
	}
	group, running := errgroup.WithContext(ctx)
	if s.config.Listener != nil {
		group.Go(func() error { return o.board.Run(running) })
		group.Go(func() error { return serveHTTP(running, s.config.Listener, o.handler(), s.config.Timings) })
	}
	group.Go(func() error { o.watchdog.run(running, s.config.Timings.Watchdog); return nil })
	group.Go(func() error { return vendor.Share(running) })
	group.Go(func() error { return notes.Run(running) })
	group.Go(func() error {
		if err := firstContact(running, c, vendor, s.config.Timings.FirstContact, s.config.Log); err != nil {
			return err
		}
		group.Go(func() error { return proveLogin(running, vendor, s.config.Timings.Login) })
		group.Go(func() error { return notes.WatchClock(running, vendor) })
		if err := proof.Settle(running); err != nil {
			return err
		}
		pipeline.AwaitFleet(running, named)
		if veryFirst := c.Devices && pipe.Names.Directory() == nil && !pipe.Accounts.Covered(); veryFirst {
			group.Go(func() error { names.begin(running, pipe.Names.Known(), s.config.Timings.FirstNames); return nil })
		} else {
			names.end()
		}
		o.begin()
		for _, c := range candidates {
			group.Go(func() error { return c.run(running, proof) })
		}
		return nil
	})
	return pipeline.WithLogin(c.Vendor, group.Wait())
}

// vendor makes the client that all feeds share.
func (s *Service) vendor(ctx context.Context, pipe *pipeline.Pipeline, notes *notebook.Notes) (*saveris.Client, error) {
	c := counting(s.metrics, pipe.SharedVendorConfig(ctx, s.tried, s.config.Log))
	c.OnNotice, notes.Store = notes.Noticed, c.Requests
	logged := c.OnThrottle
	c.OnThrottle = func(until time.Time) { logged(until); notes.Throttled(until) }
	return saveris.New(c)
}

package main

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/preflight"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/web"
)

// runBridge polls until ctx ends: the broker first, then the vendor, then the streams and a line of work for every feed.
func runBridge(ctx context.Context, s config.Settings, logger *slog.Logger) error {
	if s.Overlap > preflight.LongestOverlap {
		logger.Warn("BRIDGE_OVERLAP is longer than a poll reaches back, which is an hour at most", "overlap", s.Overlap)
	}
	page, err := httpListener(s)
	if err != nil {
		return err
	}
	if page != nil {
		defer page.Close()
	}
	count := newMetrics()
	login := pipeline.Soon(func() (*saveris.Client, error) {
		return pipeline.TryLogin(ctx, s.Vendor, counting(count, pipeline.VendorConfig(s.Vendor, s.WindowRows)))
	})
	nc, stop, err := natsconn.Dial(ctx, s.NATS, logger)
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
	return poll(ctx, s, js, page, tried, count, logger)
}

// poll runs the feeds on a broker that is ready, after a first contact with the vendor, and serves what operators want to
// see; page may be nil.
func poll(ctx context.Context, s config.Settings, js jetstream.JetStream, page net.Listener, tried *saveris.Client, count *metrics.Metrics, logger *slog.Logger) error {
	pipe := pipeline.New(s.Pipeline, js)
	leases := map[schema.Feed]func() (*lease.Leases, error){}
	start := ctx // below, ctx ends with the group
	for _, feed := range pipeline.Feeds(s.Streams) {
		leases[feed] = pipeline.Soon(func() (*lease.Leases, error) { return pipe.TryLeases(start, feed, pipeline.WriterName()) })
	}
	vendorConfig, notes := counting(count, pipe.PublishingVendor(ctx, tried, logger)), pipeline.NewNotes(s.Vendor, pipeline.Feeds(s.Streams), logger)
	vendorConfig.Noticed, notes.Store = notes.Noticed, vendorConfig.Requests
	logged := vendorConfig.Throttled
	vendorConfig.Throttled = func(until time.Time) { logged(until); notes.Throttled(until) }
	vendor, err := saveris.New(vendorConfig)
	if err != nil {
		return err
	}
	proof := pipe.Proof(vendor, logger)
	turns := map[schema.Feed]*turn{}
	for _, feed := range pipeline.Feeds(s.Streams) {
		log := logger.With("feed", feed)
		live, view := newLive(pipe, feed, vendor, log), pipe.View(feed, notes, log)
		live.Writer.OnRecord = view.Show
		live.Shut = func(err error) { notes.FeedShut(feed, err) }
		turns[feed] = &turn{
			feed: feed, live: live, view: view, settings: s, log: log, begins: func() { notes.Begin(feed) },
			unleased: func(err error) { notes.Unleased(feed, err) },
			leases:   leases[feed], proof: proof, settled: func() {},
		}
	}
	inOrder(turns)
	pipe.Accounts.OnRecord = func(feed schema.Feed, r checkpoint.StoredRecord) {
		if turn := turns[feed]; turn != nil {
			turn.view.Show(r)
		}
	}
	o := newOperation(s, js, vendor, turns, count, logger)
	o.notes = notes
	group, ctx := errgroup.WithContext(ctx)
	if page != nil {
		group.Go(func() error { return o.board.Run(ctx) })
		group.Go(func() error { return serveHTTP(ctx, page, o.handler()) })
	}
	group.Go(func() error { o.dog.run(ctx); return nil })
	group.Go(func() error { return vendor.Share(ctx) })
	group.Go(func() error { return notes.Run(ctx) })
	group.Go(func() error {
		if err := firstContact(ctx, s, vendor, logger); err != nil {
			return err
		}
		group.Go(func() error { return proveLogin(ctx, vendor, loginPause) })
		group.Go(func() error { return notes.WatchClock(ctx, vendor) })
		if err := proof.Settle(ctx); err != nil {
			return err
		}
		o.begin()
		for _, turn := range turns {
			group.Go(func() error { return turn.run(ctx) })
		}
		return nil
	})
	return pipeline.WithLogin(s.Vendor, group.Wait())
}

// pageHistory is how much of the readings the page begins with: channels that have been silent for longer are not known to it.
const pageHistory = 24 * time.Hour

// newOperation wires together what operators see.
func newOperation(s config.Settings, js jetstream.JetStream, vendor *saveris.Client, turns map[schema.Feed]*turn, count *metrics.Metrics, logger *slog.Logger) *operation {
	leading := leadsNow(turns)
	board := status.New(js, status.Config{Names: pipeline.Broker(s.Streams).Names, Feeds: pipeline.Feeds(s.Streams), History: pageHistory, Consumers: func(ctx context.Context) int {
		account, err := jsapi.AccountInfo(ctx, jsapi.Caller{JS: js})
		if err != nil {
			return 0
		}
		return max(0, pipeline.Broker(s.Streams).Tier(account).Limits.MaxConsumers)
	}})
	o := &operation{
		feeds: pipeline.Feeds(s.Streams), vendor: vendor, metrics: count, leading: leading,
		board: board, started: time.Now(),
		nats:   func() (bool, string) { return js.Conn().IsConnected(), js.Conn().Status().String() },
		polled: func(feed schema.Feed) time.Time { return turns[feed].live.LastPoll() },
		dog: (&watchdog{
			now: time.Now, interval: s.PollInterval, leading: leading, throttled: vendor.ThrottledUntil, log: logger, connected: js.Conn().IsConnected,
			store: natsconn.StoreOf(js.Conn()).Err,
		}).over(pipeline.Feeds(s.Streams)),
	}
	o.page = web.Handler(board, web.Options{Version: version, Whose: whose(s), Poll: s.PollInterval, Here: o.here})
	for feed, turn := range turns {
		o.watch(feed, turn.live)
	}
	count.Watch(metrics.Sources{
		Feeds: pipeline.Feeds(s.Streams), Interval: s.PollInterval, Vendor: vendor, Now: pipeline.VendorNow(vendor), Leading: leading,
		ClockAhead: func() float64 { ahead, _ := pipeline.ClockAhead(vendor); return ahead.Seconds() },
		Status:     board.Status,
		Stalled:    func(feed schema.Feed) bool { _, stalled := o.dog.stalled(feed); return stalled },
		Connected:  js.Conn().IsConnected,
		Store:      natsconn.StoreOf(js.Conn()).SpaceLeft,
	})
	return o
}

// newLive wires one feed together.
func newLive(pipe *pipeline.Pipeline, feed schema.Feed, vendor *saveris.Client, logger *slog.Logger) *poller.Live {
	s := pipe.Settings
	writer := pipe.Writer(feed, vendor, 0)
	others := pipe.Foreign(feed, logger)
	writer.OnForeign, writer.OnStranger = others.OnMessage, others.OnAnswer
	return &poller.Live{
		Source:   vendor,
		Writer:   writer,
		Maker:    func() *schema.Maker { return pipe.Maker(feed) },
		Log:      logger,
		Hint:     pipeline.FeedHint,
		Interval: s.PollInterval,
		Overlap:  s.Overlap,
		Rows:     s.WindowRows,
		Start:    s.StartTime,
		Outages:  publish.NewOutages(pipe.JS, pipeline.Broker(s.Streams).Names).Ended,
	}
}

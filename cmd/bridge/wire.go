package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/web"
)

// runBridge polls until ctx ends: the broker first, then the vendor, then the streams and a line of work for every feed.
func runBridge(ctx context.Context, s config.Settings, logger *slog.Logger) error {
	if s.Overlap > longestOverlap {
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
	login := soon(func() (*saveris.Client, error) { return tryLogin(ctx, s, counting(count, vendorConfig(s))) })
	nc, stop, err := natsconn.Dial(ctx, s.NATS, logger)
	if err != nil {
		return err
	}
	logStartup(logger, s, nc)
	tried, err := login()
	if err != nil {
		stop()
		return err
	}
	js, stop, err := readyBroker(ctx, s, nc, stop)
	if err != nil {
		return err
	}
	defer stop()
	return poll(ctx, s, js, page, tried, count, logger)
}

// longestOverlap is how far a poll reaches back at most, whatever is set.
const longestOverlap = time.Hour

// poll runs the feeds on a broker that is ready, after a first contact with the vendor, and serves what operators want to
// see; page may be nil.
func poll(ctx context.Context, s config.Settings, js jetstream.JetStream, page net.Listener, tried *saveris.Client, count *metrics.Metrics, logger *slog.Logger) error {
	accounts := newAccounts(s, js)
	leases := map[schema.Feed]func() (*lease.Leases, error){}
	start := ctx // below, ctx ends with the group
	for _, feed := range feedsOf(s.Feeds) {
		leases[feed] = soon(func() (*lease.Leases, error) { return tryLeases(start, js, s, feed, writerName(), accounts) })
	}
	config, notes := counting(count, workingVendor(ctx, s, js, tried, logger)), newVendorNotes(s, logger)
	config.Noticed, notes.store = notes.noticed, config.Requests
	logged := config.Throttled
	config.Throttled = func(until time.Time) { logged(until); notes.throttled(until) }
	vendor, err := saveris.New(config)
	if err != nil {
		return err
	}
	proof := newProof(s, vendor, accounts, logger)
	turns := map[schema.Feed]*turn{}
	for _, feed := range feedsOf(s.Feeds) {
		log := logger.With("feed", feed)
		live, view := newLive(s, feed, vendor, js, accounts, log), newView(s, feed, js, notes, log)
		live.Writer.OnRecord = view.Show
		live.Shut = func(err error) { notes.feedShut(feed, err) }
		turns[feed] = &turn{
			feed: feed, live: live, view: view, settings: s, log: log, begins: func() { notes.begin(feed) },
			unleased: func(err error) { notes.unleased(feed, err) },
			leases:   leases[feed], proof: proof, settled: func() {},
		}
	}
	inOrder(turns)
	accounts.OnRecord = func(feed schema.Feed, r checkpoint.StoredRecord) {
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
	group.Go(func() error { return notes.run(ctx) })
	group.Go(func() error {
		if err := firstContact(ctx, s, vendor, logger); err != nil {
			return err
		}
		group.Go(func() error { return proveLogin(ctx, vendor, loginPause) })
		group.Go(func() error { return notes.watchClock(ctx, vendor) })
		if err := proof.Settle(ctx); err != nil {
			return err
		}
		o.begin()
		for _, turn := range turns {
			group.Go(func() error { return turn.run(ctx) })
		}
		return nil
	})
	return withLogin(s, group.Wait())
}

// soon does what takes a broker that is far away a while, and returns what waits for the result.
func soon[T any](do func() (T, error)) (wait func() (T, error)) {
	wait = sync.OnceValues(do)
	go wait()
	return wait
}

// pageHistory is how much of the readings the page begins with: channels that have been silent for longer are not known to it.
const pageHistory = 24 * time.Hour

// newOperation wires together what operators see.
func newOperation(s config.Settings, js jetstream.JetStream, vendor *saveris.Client, turns map[schema.Feed]*turn, count *metrics.Metrics, logger *slog.Logger) *operation {
	leading := leadsNow(turns)
	board := status.New(js, status.Config{Names: brokerConfig(s).Names, Feeds: feedsOf(s.Feeds), History: pageHistory, Consumers: func(ctx context.Context) int {
		account, err := publish.AskAccount(ctx, js)
		if err != nil {
			return 0
		}
		return max(0, brokerConfig(s).Tier(account).Limits.MaxConsumers)
	}})
	o := &operation{
		feeds: feedsOf(s.Feeds), vendor: vendor, metrics: count, leading: leading,
		board: board, started: time.Now(),
		nats:   func() (bool, string) { return js.Conn().IsConnected(), js.Conn().Status().String() },
		polled: func(feed schema.Feed) time.Time { return turns[feed].live.LastPoll() },
		dog: (&watchdog{
			now: time.Now, interval: s.PollInterval, leading: leading, throttled: vendor.ThrottledUntil, log: logger, connected: js.Conn().IsConnected,
			store: natsconn.StoreOf(js.Conn()).Err,
		}).over(feedsOf(s.Feeds)),
	}
	o.page = web.Handler(board, web.Options{Version: version, Whose: whose(s), Poll: s.PollInterval, Here: o.here})
	for feed, turn := range turns {
		o.watch(feed, turn.live)
	}
	count.Watch(metrics.Sources{
		Feeds: feedsOf(s.Feeds), Interval: s.PollInterval, Vendor: vendor, Now: vendorNow(vendor), Leading: leading,
		ClockAhead: func() float64 { ahead, _ := clockAhead(vendor); return ahead.Seconds() },
		Status:     board.Status,
		Stalled:    func(feed schema.Feed) bool { _, stalled := o.dog.stalled(feed); return stalled },
		Connected:  js.Conn().IsConnected,
		Store:      natsconn.StoreOf(js.Conn()).SpaceLeft,
	})
	return o
}

// workingVendor says how the vendor is asked by whoever publishes what he answers, after the login was tried.
func workingVendor(ctx context.Context, s config.Settings, js jetstream.JetStream, tried *saveris.Client, logger *slog.Logger) saveris.Config {
	config := vendorConfig(s)
	config.After = tried
	config.Throttled = func(until time.Time) { logger.Info("throttled (HTTP 429)", "until", until.UTC().Truncate(time.Second)) }
	config.Noticed = newVendorNotes(s, logger).noticed
	requests, err := publish.OpenRequests(ctx, js, brokerConfig(s))
	if err != nil {
		logger.Warn("running exports are neither remembered across restarts nor shared with other processes", "err", err)
		return config
	}
	config.Requests, config.Shared = requests, requests
	return config
}

// sharing does work while other processes know what the client has in flight.
func sharing(ctx context.Context, vendor *saveris.Client, work func() error) error {
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = vendor.Share(ctx) // the error of ctx
	}()
	defer func() { end(); <-ended }()
	return work()
}

// newWriter makes a feed's writer, which keeps the ids of so many days; 0 is as many as live polling goes back to.
func newWriter(s config.Settings, feed schema.Feed, vendor *saveris.Client, js jetstream.JetStream, accounts *publish.Accounts, pages int) *publish.Writer {
	return publish.NewWriter(js, brokerConfig(s), publish.Options{
		Feed: feed, Name: writerName(), Mode: s.ContentMode, LiveAge: s.LiveAge, Ages: checkpoint.Ages(s.Revisit), Now: vendorNow(vendor), Pages: pages,
		Accounts: accounts, Trouble: natsconn.StoreOf(js.Conn()).Err,
	})
}

// newLive wires one feed together.
func newLive(s config.Settings, feed schema.Feed, vendor *saveris.Client, js jetstream.JetStream, accounts *publish.Accounts, logger *slog.Logger) *poller.Live {
	writer := newWriter(s, feed, vendor, js, accounts, 0)
	others := newForeigners(s, feed, logger)
	writer.OnForeign, writer.OnStranger = others.note, others.answered
	return &poller.Live{
		Source:   vendor,
		Writer:   writer,
		Maker:    func() *schema.Maker { return schema.NewMaker(feed, s.Prefix, s.SaverisURL) },
		Log:      logger,
		Hint:     feedHint,
		Interval: s.PollInterval,
		Overlap:  s.Overlap,
		Rows:     s.WindowRows,
		Start:    s.StartTime,
		Outages:  publish.NewOutages(js, brokerConfig(s).Names).Ended,
	}
}

// vendorNow is the vendor's clock for what cannot wait: ours as long as he has not told the time.
func vendorNow(vendor *saveris.Client) func() time.Time {
	done, cancel := context.WithCancel(context.Background())
	cancel() // Now asks the vendor nothing then
	return func() time.Time {
		now, err := vendor.Now(done)
		if err != nil {
			return time.Now()
		}
		return now
	}
}

// writerName tells the bridges apart in the records that they write.
func writerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// openBroker returns JetStream with streams ready, on the server that the settings name or on one of our own,
// and what ends it.
func openBroker(ctx context.Context, s config.Settings, logger *slog.Logger) (js jetstream.JetStream, stop func(), err error) {
	nc, stop, err := natsconn.Dial(ctx, s.NATS, logger)
	if err != nil {
		return nil, nil, err
	}
	logStartup(logger, s, nc)
	return readyBroker(ctx, s, nc, stop)
}

// readyBroker readies the streams on a connection, which it closes if that fails.
func readyBroker(ctx context.Context, s config.Settings, nc *nats.Conn, end func()) (js jetstream.JetStream, stop func(), err error) {
	if js, err = natsconn.JetStream(nc, s.NATS); err == nil {
		err = readyStreams(ctx, js, brokerConfig(s))
		err = natsconn.OrNoJetStream(s.NATS, explain(ctx, js, brokerConfig(s), err))
		if full := natsconn.StoreOf(js.Conn()).Full(); full != nil && err != nil {
			err = fmt.Errorf("%w: %w", full, err)
		}
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return js, end, nil
}

// logStartup begins the log of a run: who talks to whom.
func logStartup(logger *slog.Logger, s config.Settings, nc *nats.Conn) {
	if natsconn.StoreOf(nc) != nil {
		logger = logger.With("store", s.DataDir)
	}
	logger.Info("bridge starts", "version", version, "vendor", config.MaskURL(s.SaverisURL), "nats", config.MaskURL(nc.ConnectedUrlRedacted()),
		"nats_version", nc.ConnectedServerVersion(), "feeds", strings.Join(s.Feeds, ","), "prefix", s.Prefix)
}

// readyStreams readies the streams, and waits for a broker that is not ready itself yet.
func readyStreams(ctx context.Context, js jetstream.JetStream, config publish.Config) error {
	return natsconn.UntilReady(ctx, js.Conn(), func(ctx context.Context) error { return publish.Open(ctx, js, config) },
		func(err error) bool { return errors.Is(err, publish.ErrUnusable) })
}

// explain names the streams that stand in the way of ours.
func explain(ctx context.Context, js jetstream.JetStream, config publish.Config, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, natsconn.AnswerWait)
	defer cancel()
	return config.Explain(ctx, js, err)
}

// readBroker returns JetStream as it is, see natsconn.Read. A stream that is not there is an error.
func readBroker(ctx context.Context, s config.Settings, log io.Writer) (js jetstream.JetStream, stop func(), err error) {
	if s.LogLevel == "info" {
		s.LogLevel = "warn" // the output speaks for itself
	}
	js, stop, err = natsconn.Read(ctx, s.NATS, newLogger(s.Log, log))
	if err != nil {
		return nil, nil, err
	}
	if err := findStreams(ctx, js, s); err != nil {
		stop()
		if s.Embedded() && errors.Is(err, natsconn.ErrNothingStored) {
			err = natsconn.Elsewhere(s.NATS, err)
		}
		return nil, nil, err
	}
	return js, stop, nil
}

func findStreams(ctx context.Context, js jetstream.JetStream, s config.Settings) error {
	for _, feed := range s.Feeds {
		name := brokerConfig(s).Names.Stream(schema.Feed(feed))
		_, err := checkpoint.NewStream(js, name, s.Prefix, feed).Info(ctx) // whoever else answers
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w under BRIDGE_PREFIX %q: stream %s does not exist", natsconn.ErrNothingStored, s.Prefix, name)
		}
		if err != nil {
			return fmt.Errorf("%w: look up stream %s: %w", natsconn.ErrUnusable, name, natsconn.OrNoJetStream(s.NATS, err))
		}
	}
	return nil
}

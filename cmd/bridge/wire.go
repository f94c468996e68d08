package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// runBridge polls until ctx ends: the broker first, then the vendor, then a line of work for every feed.
func runBridge(ctx context.Context, s settings, logger *slog.Logger) error {
	js, stop, err := openBroker(ctx, s, logger)
	if err != nil {
		return err
	}
	defer stop()
	return poll(ctx, s, js, logger)
}

// poll runs the feeds on a broker that is ready.
func poll(ctx context.Context, s settings, js jetstream.JetStream, logger *slog.Logger) error {
	config := vendorConfig(s)
	config.Throttled = func(until time.Time) { logger.Info("throttled by the vendor", "until", until) }
	if requests, err := publish.OpenRequests(ctx, js, brokerConfig(s)); err == nil {
		config.Requests = requests
	} else {
		logger.Warn("running exports are not remembered across restarts", "err", err)
	}
	vendor, err := saveris.New(config)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	feeds := map[schema.Feed]*poller.Live{}
	for _, name := range s.Feeds {
		feed := schema.Feed(name)
		live := newLive(s, feed, vendor, js, logger.With("feed", feed))
		feeds[feed] = live
		group.Go(func() error { return live.Run(ctx) })
	}
	group.Go(func() error { return serveHealth(ctx, s.HTTPAddr, healthHandler(js.Conn(), feeds)) })
	return group.Wait()
}

// newLive wires one feed together.
func newLive(s settings, feed schema.Feed, vendor *saveris.Client, js jetstream.JetStream, logger *slog.Logger) *poller.Live {
	return &poller.Live{
		Source: vendor,
		Writer: publish.NewWriter(js, brokerConfig(s), publish.Options{
			Feed: feed, Name: writerName(), LiveAge: s.LiveAge, Ages: checkpoint.Ages(s.Revisit), Now: vendorNow(vendor),
		}),
		Maker:    func() *schema.Maker { return schema.NewMaker(feed, s.Prefix, s.SaverisURL) },
		Log:      logger,
		Interval: s.PollInterval,
		Overlap:  s.Overlap,
		Rows:     s.WindowRows,
		Start:    s.StartTime,
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

// openBroker gives JetStream with streams and bucket ready, on the server that the settings name or on one of our own,
// and what ends it.
func openBroker(ctx context.Context, s settings, logger *slog.Logger) (js jetstream.JetStream, stop func(), err error) {
	nc, stop, err := dialBroker(ctx, s, logger)
	if err != nil {
		return nil, nil, err
	}
	if js, err = jetStream(nc, s); err == nil {
		err = readyStreams(ctx, js, brokerConfig(s))
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return js, stop, nil
}

func dialBroker(ctx context.Context, s settings, logger *slog.Logger) (nc *nats.Conn, stop func(), err error) {
	if !s.Embedded() {
		nc, err = connect(ctx, s, logger)
		if err != nil {
			return nil, nil, err
		}
		return nc, func() { drain(nc) }, nil
	}
	server, err := natsd.Start(natsd.Config{Dir: s.DataDir, Listen: s.NATSListen})
	if err != nil {
		return nil, nil, err
	}
	options, err := natsOptions(natsAccess{}, logger)
	if err == nil {
		nc, err = nats.Connect("", append(options, nats.InProcessServer(server))...)
	}
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	logger.Info("embedded NATS server", "url", server.ClientURL(), "store", s.DataDir)
	return nc, func() { drain(nc); server.Close() }, nil
}

// drain sends what is in hand and closes the connection.
func drain(nc *nats.Conn) {
	closed := make(chan struct{})
	nc.SetClosedHandler(func(*nats.Conn) { close(closed) })
	if nc.Drain() != nil {
		nc.Close()
		return
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		nc.Close()
	}
}

// readyStreams readies streams and bucket, and waits for a broker that is not ready itself yet.
func readyStreams(ctx context.Context, js jetstream.JetStream, config publish.Config) error {
	deadline := time.Now().Add(natsWait)
	for {
		err := publish.Open(ctx, js, config)
		if err == nil || errors.Is(err, publish.ErrUnusable) || ctx.Err() != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %w", errNATS, refusal(js.Conn(), err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// serveHealth serves until ctx ends; an empty address serves nothing.
func serveHealth(ctx context.Context, addr string, handler http.Handler) error {
	if addr == "" {
		return nil
	}
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve BRIDGE_HTTP_ADDR: %w", err)
	}
	return nil
}

package service

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"saveris-bridge/internal/inventory"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/metrics"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/notebook"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
	"saveris-bridge/internal/web"
)

// operation is what an operator sees of a running bridge: health, metrics and the page.
type operation struct {
	conditions
	feeds    []schema.Feed
	vendor   *saveris.Client
	polled   func(schema.Feed) time.Time // see poller.Live.LastPoll
	watchdog *watchdog
	metrics  *metrics.Metrics
	board    *status.Board
	notes    *notebook.Notes // nil = none
	page     http.Handler    // what is at /, nil = nothing
	takeOver time.Duration   // see Timings

	started time.Time                 // the process
	began   atomic.Pointer[time.Time] // to ask for leases
	ready   atomic.Bool               // it was, once
}

// pageHistory is how much of the readings the page begins with: channels that have been silent for longer are not known to it.
const pageHistory = 24 * time.Hour

// newOperation wires together what operators see.
func (s *Service) newOperation(vendor *saveris.Client, candidates map[schema.Feed]*candidate, polled map[schema.Feed]*rows, notes *notebook.Notes) *operation {
	c, nc := s.config.Settings, s.JS.Conn()
	rows, feeds, broker := pipeline.Feeds(c.Streams), pipeline.AllFeeds(c.Streams), pipeline.Broker(c.Streams)
	now := conditions{
		leading:   func(feed schema.Feed) bool { return candidates[feed].leading.Load() },
		throttled: vendor.ThrottledUntil,
		nats:      func() (bool, string) { return nc.IsConnected(), nc.Status().String() },
		store:     natsconn.StoreOf(nc).Err,
	}
	board := status.New(s.JS, status.Config{Names: broker.Names, Feeds: rows, Fleet: c.Devices, History: pageHistory, Consumers: func(ctx context.Context) int {
		account, err := jsapi.AccountInfo(ctx, jsapi.Caller{JS: s.JS})
		if err != nil {
			return 0
		}
		return max(0, broker.Tier(account).Limits.MaxConsumers)
	}})
	o := &operation{
		feeds: feeds, vendor: vendor, metrics: s.metrics, conditions: now, notes: notes,
		board: board, started: time.Now(), takeOver: s.config.Timings.TakeOver,
		polled:   func(feed schema.Feed) time.Time { return candidates[feed].polled() },
		watchdog: newWatchdog(feeds, c.PollInterval, now, s.config.Log),
	}
	o.page = web.Handler(board, web.Options{Version: s.config.Build.Version, Whose: whose(c.Vendor), Poll: c.PollInterval, Process: o.process,
		Audit: audits(pipeline.AuditSource(s.JS, c, s.config.Build.Version), usualAudit)})
	o.watchdog.every(schema.Devices, c.InventoryInterval)
	s.metrics.Watch(metrics.Sources{
		Feeds: rows, Fleet: c.Devices, Interval: c.PollInterval, Vendor: vendor, Now: pipeline.VendorNow(vendor), Leading: now.leading,
		ClockAhead: func() float64 { ahead, _ := pipeline.ClockAhead(vendor); return ahead.Seconds() },
		Status:     board.Status,
		Stalled:    func(feed schema.Feed) bool { _, stalled := o.watchdog.stalled(feed); return stalled },
		Connected:  nc.IsConnected,
		Store:      natsconn.StoreOf(nc).SpaceLeft,
		Silent: func() (n int, known bool) {
			if readings := polled[schema.Readings]; readings != nil {
				return readings.silent.open()
			}
			return 0, false
		},
	})
	return o
}

// begin notes that from now on leases are asked for.
func (o *operation) begin() {
	now := o.watchdog.now()
	o.began.Store(&now)
}

// settled reports whether it is known who leads.
func (o *operation) settled() bool {
	began := o.began.Load()
	return began != nil && o.watchdog.now().Sub(*began) > o.takeOver
}

// handler serves all of it.
func (o *operation) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.liveness()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.readiness()) })
	mux.Handle("GET /metrics", o.metrics.Handler())
	if o.page != nil {
		mux.Handle("/", o.page)
	}
	return mux
}

// observe has a feed's lines and its writer report what they do.
func (o *operation) observe(feed schema.Feed, rows *rows) {
	live := rows.live
	count, fail, batch := o.metrics.Stored(feed), o.metrics.Step(feed), o.metrics.Batch(feed)
	live.OnStored = func(s poller.StoredWindow) {
		count(s)
		o.watchdog.stored(feed, s)
		o.notes.OnStored(feed, s)
		rows.silent.stored(s)
	}
	live.OnStep = func(s poller.Step) { fail(s); o.watchdog.step(feed, s); o.notes.OnStep(feed, s) }
	live.Writer.OnStored = func(b publish.Batch) { batch(b); o.watchdog.batch(feed, b) }
}

// observeFleet has the line of the fleet report what it does.
func (o *operation) observeFleet(line *inventory.Line, names *firstNames) {
	line.OnStep = func(s poller.Step) {
		if o.watchdog.step(schema.Devices, s); s.Err != nil {
			names.end()
			o.metrics.LookFailed()
			if !errors.Is(s.Err, publish.ErrDisconnected) && !errors.Is(s.Err, publish.ErrConflict) { // known otherwise, or mended by the next look
				o.notes.Looked(s.Err)
			}
		}
	}
	refused := line.OnRefusal
	line.OnRefusal = func(err error) { names.end(); refused(err) }
	line.OnLook = func(look inventory.Look) {
		names.looked(look)
		o.metrics.Looked(look.Things, look.Changed, look.Err == nil)
		o.watchdog.polled(schema.Devices)
		o.notes.Looked(look.Err)
	}
}

// counting has the metrics count what a client does.
func counting(m *metrics.Metrics, c saveris.Config) saveris.Config {
	c.OnAnswer, c.OnExport, c.OnLoginFailure = m.Answered, m.Exported, m.LoginFailed
	return c
}

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

// Sources are what the gauges ask when somebody scrapes, from any goroutine.
type Sources struct {
	Feeds    []schema.Feed
	Fleet    bool             // the feed of the fleet runs too
	Interval time.Duration    // between polls
	Vendor   *saveris.Client  // of exports, throttling and token
	Now      func() time.Time // the vendor's clock, which ages count by

	ClockAhead func() float64 // of this machine, before the vendor's, in seconds; 0 where his is not known

	Leading   func(schema.Feed) bool
	Stalled   func(schema.Feed) bool
	Connected func() bool          // to NATS
	Status    func() status.Status // nil = nothing is known of what is stored
	// Store is how the store of the embedded server stands: bytes that are free, -1 where nobody knows; nil = none.
	Store func() (free int64, writable, ours bool)
	// Silent is how many channels are silent; known is false where this process does not judge it. nil = it never does.
	Silent func() (n int, known bool)
}

// gauges describes them.
type gauges struct {
	inFlight, exportAge, throttled, token *prometheus.Desc
	sunset, clock                         *prometheus.Desc
	newest, lastPoll, covered, gaps       *prometheus.Desc
	rejected                              *prometheus.Desc
	leading, stalled, connected           *prometheus.Desc
	storeFree, storeWritable, silent      *prometheus.Desc
	ratio, lastUpdate, interval, build    *prometheus.Desc
}

// Watch begins to give the gauges, and sets every series to zero that is sure to come, so that a rate over its first
// increase is right.
func (m *Metrics) Watch(s Sources) {
	m.sources.Store(&s)
	m.zero(s.Feeds)
	if s.Fleet {
		m.zeroFleet()
	}
}

// Describe is for the registry.
func (m *Metrics) Describe(to chan<- *prometheus.Desc) {
	g := &m.gauges
	for _, desc := range []*prometheus.Desc{
		g.inFlight, g.exportAge, g.throttled, g.token, g.sunset, g.clock, g.newest, g.lastPoll, g.covered, g.gaps, g.rejected, g.leading, g.stalled, g.connected,
		g.storeFree, g.storeWritable, g.silent,
		g.ratio, g.lastUpdate, g.interval, g.build,
	} {
		to <- desc
	}
}

// Collect is for the registry.
func (m *Metrics) Collect(to chan<- prometheus.Metric) {
	give := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	g := &m.gauges
	give(g.build, 1, m.build.Version, m.build.Commit, m.build.GoVersion)
	s := m.sources.Load()
	if s == nil {
		return
	}
	give(g.interval, s.Interval.Seconds())
	give(g.inFlight, float64(s.Vendor.ExportsInFlight()))
	give(g.throttled, unix(s.Vendor.ThrottledUntil()))
	give(g.token, unix(s.Vendor.TokenExpiry()))
	for _, end := range s.Vendor.Announcements() {
		give(g.sunset, unix(end.Sunset), end.Endpoint)
	}
	give(g.clock, s.ClockAhead())
	give(g.connected, oneIf(s.Connected()))
	g.giveStore(s, give)
	if s.Silent != nil {
		if n, known := s.Silent(); known {
			give(g.silent, float64(n))
		}
	}
	if s.Fleet {
		give(g.leading, oneIf(s.Leading(schema.Devices)), string(schema.Devices))
		give(g.stalled, oneIf(s.Stalled(schema.Devices)), string(schema.Devices))
	}
	for _, feed := range s.Feeds {
		give(g.leading, oneIf(s.Leading(feed)), string(feed))
		give(g.stalled, oneIf(s.Stalled(feed)), string(feed))
		give(g.exportAge, oldest(s.Vendor.Running(), feed).Seconds(), string(feed))
	}
	if s.Status == nil {
		return
	}
	now, stored := s.Now(), s.Status()
	for _, f := range stored.Feeds {
		g.giveFeed(f, now, give)
	}
	for _, b := range stored.Backfills {
		if b.Running() {
			give(g.ratio, b.Covered, b.ID)
			give(g.lastUpdate, max(0, stored.At.Sub(b.ToldAt).Seconds()), b.ID)
		}
	}
}

// oldest is the age of the oldest export of a feed.
func oldest(running []saveris.Running, feed schema.Feed) (age time.Duration) {
	for _, r := range running {
		if r.Feed == schema.VendorFeed(feed) {
			age = max(age, r.Age())
		}
	}
	return age
}

// giveStore returns what is known of the embedded server's store.
func (g *gauges) giveStore(s *Sources, give func(*prometheus.Desc, float64, ...string)) {
	if s.Store == nil {
		return
	}
	free, writable, ours := s.Store()
	if !ours {
		return
	}
	give(g.storeWritable, oneIf(writable))
	if free >= 0 {
		give(g.storeFree, float64(free))
	}
}

// giveFeed returns what is known of a feed.
func (g *gauges) giveFeed(f status.Feed, now time.Time, give func(*prometheus.Desc, float64, ...string)) {
	feed := string(f.Feed)
	if f.Newest != nil {
		give(g.newest, max(0, now.Sub(*f.Newest).Seconds()), feed)
	}
	if f.ReadAt != nil {
		give(g.lastPoll, max(0, now.Sub(*f.ReadAt).Seconds()), feed)
	}
	if f.CoveredUntil != nil {
		give(g.covered, unix(*f.CoveredUntil), feed)
		give(g.rejected, float64(f.Rejected), feed) // not before the records are known: what grows from 0 then is an alert
	}
	if f.Since != nil && f.CoveredUntil != nil {
		var open time.Duration
		for _, gap := range f.Gaps {
			open += gap.Width()
		}
		give(g.gaps, open.Seconds(), feed)
	}
}

// unix is a time in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

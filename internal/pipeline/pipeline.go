package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/lease"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// Pipeline makes the parts of all feeds of one account on one NATS. Its methods may be called by many goroutines.
type Pipeline struct {
	Settings config.Pipeline
	JS       jetstream.JetStream
	Name     string            // who writes, in records
	Accounts *publish.Accounts // what the writers and leases of the process know of accounts
	Names    *fleet.Names      // what events call things, see FollowFleet
}

// New makes a pipeline on a JetStream. Whoever has the store of an embedded server is alone there, and looks for no leases of other
// accounts.
func New(s config.Pipeline, js jetstream.JetStream) *Pipeline {
	accounts := publish.NewAccounts(js, Broker(s.Streams), AccountOf(s.Vendor))
	accounts.NoLeases = s.Embedded()
	return &Pipeline{Settings: s, JS: js, Name: WriterName(), Accounts: accounts, Names: fleet.NewNames()}
}

// Broker returns how streams and buckets are named and made.
func Broker(s config.Streams) publish.Config {
	return publish.Config{Names: publish.Names{Prefix: s.Prefix}, Replicas: s.Replicas, MaxAge: s.MaxAge, MaxBytes: s.MaxBytes, Immutable: s.Immutable}
}

// AllFeeds returns the feeds that are set, that of the fleet among them.
func AllFeeds(s config.Streams) []schema.Feed {
	list := Feeds(s)
	if s.Devices {
		list = append(list, schema.Devices)
	}
	return list
}

// Feeds returns the feeds of rows that are set.
func Feeds(s config.Streams) (list []schema.Feed) {
	for _, name := range s.Feeds {
		list = append(list, schema.Feed(name))
	}
	return list
}

// Maker makes what turns a feed's rows into events.
func (p *Pipeline) Maker(feed schema.Feed) *schema.Maker {
	m := schema.NewMaker(feed, p.Settings.Prefix, p.Settings.SaverisURL).WithNames(p.Names)
	if p.Settings.TaskUsers == config.DropUsers {
		m = m.WithoutUsers()
	}
	return m
}

// Stream returns a feed's stream, to read.
func (p *Pipeline) Stream(feed schema.Feed) *checkpoint.Stream {
	return checkpoint.NewStream(p.JS, Broker(p.Settings.Streams).Names.Stream(feed), p.Settings.Streams.Prefix, string(feed))
}

// AuditSource returns where reports for auditors are read from.
func AuditSource(js jetstream.JetStream, s config.Pipeline, version string) audit.Source {
	return audit.Source{
		JS: js, Prefix: s.Prefix, Stream: Broker(s.Streams).Names.Stream, Alarms: slices.Contains(s.Feeds, string(schema.Alarms)),
		Interval: s.InventoryInterval, Version: version,
	}
}

// Writer makes a feed's writer, which keeps the ids of so many days; 0 is as many as live polling goes back to.
func (p *Pipeline) Writer(feed schema.Feed, vendor *saveris.Client, days int) *publish.Writer {
	s := p.Settings
	return publish.NewWriter(p.JS, Broker(s.Streams), publish.Options{
		Feed: feed, Name: p.Name, Mode: s.ContentMode, LiveAge: s.LiveAge, Ages: checkpoint.Ages(s.Revisit), Now: VendorNow(vendor), Pages: days,
		Accounts: p.Accounts, Trouble: natsconn.StoreOf(p.JS.Conn()).Err,
	})
}

// Proof makes what finds out whether coverage is of the account of the settings, by rows that the vendor shows it.
func (p *Pipeline) Proof(vendor *saveris.Client, log *slog.Logger) *poller.Proof {
	return &poller.Proof{Source: vendor, Accounts: p.Accounts, Log: log, Maker: p.Maker}
}

// TryLeases makes a feed's leases for an owner and finds out whether the account may have any. The error is the server's refusal
// where there is one.
func (p *Pipeline) TryLeases(ctx context.Context, feed schema.Feed, owner string) (*lease.Leases, error) {
	l := publish.NewLeases(p.JS, Broker(p.Settings.Streams), feed, owner, p.Accounts)
	return l, natsconn.Refusal(p.JS.Conn(), l.Try(ctx))
}

// WriterName tells the bridges apart in the records that they write: host and process id.
func WriterName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// Soon starts what takes a broker that is far away a while, and returns what waits for the result.
func Soon[T any](do func() (T, error)) (wait func() (T, error)) {
	wait = sync.OnceValues(do)
	go wait()
	return wait
}

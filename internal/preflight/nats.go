package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saveris-bridge/internal/config"
	"saveris-bridge/internal/jsapi"
	"saveris-bridge/internal/listen"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsChecks are the checks of the server, whichever it is. An embedded one is there as long as a bridge runs.
func natsChecks(s config.Pipeline) []check {
	list := []check{
		{name: "nats", run: checkConnect},
		{"nats server", (*checkup).connected, checkServer},
		{"jetstream", (*checkup).connected, checkJetStream},
		{"other answers", (*checkup).connected, checkForeignAnswers},
	}
	switch {
	case !s.Embedded():
		list = append(list, check{"sync_interval", (*checkup).usable, checkSync})
	case errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken):
		list = slices.Insert(list, 0, check{name: "nats store", run: joinStore}, check{name: "disk", run: checkDisk})
	default:
		return []check{{name: "nats store", run: checkStore}, {name: "disk", run: checkDisk}, {name: "nats", run: checkEmbedded}}
	}
	return append(list, brokerChecks(s)...)
}

func checkStore(_ context.Context, c *checkup) Finding {
	if err := natsd.CheckStore(c.settings.DataDir); err != nil {
		return fail(err, adviceOf(err))
	}
	return ok("embedded server, store %s; its streams are not checked while it does not run", c.settings.DataDir)
}

// enoughSpace is how many bytes should be free for a store that grows: what a thousand channels take in six weeks.
const enoughSpace = 1 << 30

// checkDisk looks at the space where the store is, or will be.
func checkDisk(_ context.Context, c *checkup) Finding {
	free, err := c.space(existing(c.settings.DataDir))
	switch {
	case err != nil:
		return fail(err, natsconn.StoreHint(err))
	case free < 0:
		return info("the system does not say how much space is left for %s", c.settings.DataDir)
	case free < enoughSpace:
		return warn("give it more, or keep less (BRIDGE_MAX_AGE, BRIDGE_MAX_BYTES): a reading takes 200 to 300 bytes, and nothing is stored on a disk that is full", "%s free for %s", natsd.Size(free), c.settings.DataDir)
	}
	return ok("%s free for %s", natsd.Size(free), c.settings.DataDir)
}

// existing is the nearest folder that there is, of a path and those above it.
func existing(dir string) string {
	for {
		above := filepath.Dir(filepath.Clean(dir))
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || above == dir {
			return dir
		}
		dir = above
	}
}

// joinStore has the checks that follow look at the server of the bridge that runs on the store, as natsconn.Join does.
func joinStore(_ context.Context, c *checkup) Finding {
	url := natsconn.RunningServer(c.settings.NATS)
	address := strings.TrimPrefix(url, "nats://")
	c.settings.NATSURL, c.joined = []string{url}, true
	if listen.Exposed(address) {
		return warn(closeIt, "a bridge runs on %s with a server %s", c.settings.DataDir, openTo(address))
	}
	return ok("a bridge runs on %s, with a server at %s", c.settings.DataDir, address)
}

func checkEmbedded(_ context.Context, c *checkup) Finding {
	s := c.settings
	err := listen.Try("BRIDGE_NATS_LISTEN", s.NATSListen)
	switch {
	case err == nil && listen.Exposed(s.NATSListen):
		return warn(closeIt, "embedded server, %s", openTo(s.NATSListen))
	case err == nil:
		return ok("embedded server, at %s", s.NATSListen)
	}
	failed := natsconn.NotListening(err)
	return fail(failed, adviceOf(failed))
}

const closeIt = "listen on 127.0.0.1, let nobody else reach the port, or use a server that asks for a login (NATS_URL)"

func openTo(address string) string {
	return "at " + address + ": it asks nobody who he is, and whoever reaches it may read and delete everything"
}

func checkConnect(ctx context.Context, c *checkup) Finding {
	nc, err := natsconn.ConnectNamed(ctx, c.settings.NATS, quiet)
	switch {
	case err != nil && c.joined:
		return fail(err, "set BRIDGE_NATS_LISTEN to where that bridge has its server")
	case err != nil:
		return fail(err, natsconn.Hint(err))
	}
	js, err := natsconn.JetStream(nc, c.settings.NATS)
	if err != nil {
		nc.Close()
		return fail(err, "")
	}
	c.nc, c.js = nc, js
	url := config.MaskURL(nc.ConnectedUrlRedacted())
	if readable(nc) {
		return warn("use TLS, by tls:// or wss:// in NATS_URL: events can be read on their way, and passwords and tokens too", "connected to %s, not encrypted", url)
	}
	return ok("connected to %s", url)
}

// readable reports whether a connection leaves this machine without TLS.
func readable(nc *nats.Conn) bool {
	_, plain := nc.TLSConnectionState()
	host, _, err := net.SplitHostPort(nc.ConnectedAddr())
	return plain != nil && (err != nil || !net.ParseIP(host).IsLoopback())
}

func checkServer(ctx context.Context, c *checkup) Finding {
	if err := publish.CheckServer(ctx, c.nc); err != nil {
		return fail(err, natsconn.Hint(err))
	}
	return ok("version %s, messages up to %d bytes", c.nc.ConnectedServerVersion(), c.nc.MaxPayload())
}

func checkJetStream(ctx context.Context, c *checkup) Finding {
	ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
	defer cancel()
	subject := c.api("INFO")
	if err := natsconn.Refused(ctx, c.nc, &nats.Msg{Subject: subject}); err != nil {
		c.off = errors.Is(err, natsconn.ErrNoAnswers)
		return fail(fmt.Errorf("%w: ask for JetStream: %w", natsconn.ErrUnusable, err), c.allow(err, subject))
	}
	info, err := jsapi.AccountInfo(ctx, jsapi.Caller{JS: c.js})
	if err != nil {
		c.off = true
		err = natsconn.OrNoJetStream(c.settings.NATS, err)
		return fail(fmt.Errorf("%w: ask for JetStream: %w", natsconn.ErrUnusable, err), natsconn.Hint(err))
	}
	c.account = info
	if err := c.broker.CheckAccount(info); err != nil {
		c.off = true
		return fail(err, natsconn.Hint(err))
	}
	if limit := info.Limits.MaxStore; limit > 0 && limit-int64(info.Store) < 1<<30 {
		return warn("raise the limit of the account", "%s of storage is left to the account, less than 1 GiB: %d of %d bytes are used", natsd.Size(limit-int64(info.Store)), info.Store, limit)
	}
	return ok("on, %d streams", info.Streams)
}

// checkSync recommends what survives a power cut. Only a system account sees what the server does.
func checkSync(ctx context.Context, c *checkup) Finding {
	version := c.nc.ConnectedServerVersion()
	answer, err := natsconn.Probe(ctx, c.nc, &nats.Msg{Subject: "$SYS.REQ.SERVER.PING.VARZ"})
	if err != nil {
		return syncFinding(version, false, false)
	}
	var varz struct {
		Data struct {
			JetStream struct {
				Config struct {
					SyncAlways bool `json:"sync_always"`
				} `json:"config"`
			} `json:"jetstream"`
		} `json:"data"`
	}
	err = json.Unmarshal(answer.Data, &varz)
	return syncFinding(version, true, err == nil && varz.Data.JetStream.Config.SyncAlways)
}

func syncFinding(version string, seen, always bool) Finding {
	const set = "set jetstream { sync_interval: always } on the server: "
	slow := publish.SlowSync(version)
	switch {
	case !seen && slow:
		return info("cannot be seen by this account; \"always\" on the server survives a power cut, and full speed with it needs version %s or newer, not %s", publish.FastSync, version)
	case !seen:
		return info("cannot be seen by this account; \"always\" on the server survives a power cut")
	case always && slow:
		return warn("upgrade NATS to "+publish.FastSync+" or newer", "always, but in version %s every message of a batch waits for the disk: eight times slower", version)
	case !always && slow:
		return warn(set+"a power cut loses nothing then; full speed with it needs version "+publish.FastSync+" or newer", notAlways)
	case !always:
		return warn(set+"atomic batches keep their speed, and a power cut loses nothing", notAlways)
	}
	return ok("always")
}

const notAlways = "not always: a power cut can lose what was acknowledged in the last two minutes, and make 8 MB of a compressed stream before that unreadable"

// brokerChecks are the checks of streams, buckets and rights. Nothing is created, altered or stored.
func brokerChecks(s config.Pipeline) []check {
	var list []check
	broker := pipeline.Broker(s.Streams)
	for _, feed := range publish.StreamFeeds {
		list = append(list, check{"stream " + broker.Names.Stream(feed), (*checkup).usable, checkStream(feed)})
	}
	for _, bucket := range optionalBuckets(broker) {
		list = append(list, check{"bucket " + bucket.name, (*checkup).usable, bucket.run})
	}
	list = append(list, check{"immutable", (*checkup).usable, checkImmutable})
	list = append(list, check{"other messages", (*checkup).usable, checkForeign})
	return append(list, check{"rights", (*checkup).usable, checkRights})
}

func checkStream(feed schema.Feed) func(context.Context, *checkup) Finding {
	return func(ctx context.Context, c *checkup) Finding {
		ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
		defer cancel()
		name := c.broker.Names.Stream(feed)
		if f := c.mayAsk(ctx, name); f != nil {
			return fatal(*f)
		}
		info, err := c.stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return c.newStream(ctx, feed)
		}
		if err != nil {
			return fail(fmt.Errorf("%w: %w", natsconn.ErrUnusable, err), natsconn.Hint(err))
		}
		have := info.Config
		if err := c.broker.CheckStream(feed, have); err != nil {
			return fail(err, natsconn.Hint(err))
		}
		if f := c.mayStore(ctx, feed); f != nil {
			return *f
		}
		if slices.Contains(publish.Feeds, feed) {
			if err := c.broker.CheckBatches(ctx, c.js, feed); err != nil {
				return fail(err, natsconn.Hint(err))
			}
		}
		if err := mayPublish(ctx, c.nc, c.broker.Names.Ingest()+"."+string(feed)+".check"); err != nil {
			return fail(fmt.Errorf("%w: publish to %s: %w", natsconn.ErrUnusable, name, err), natsconn.Hint(err))
		}
		return c.streamAdvice(feed, have, info.State)
	}
}

// newStream looks whether run will be able to create a stream.
func (c *checkup) newStream(ctx context.Context, feed schema.Feed) Finding {
	if c.broker.Replicas > 1 && c.nc.ConnectedClusterName() == "" {
		return fail(fmt.Errorf("%w: BRIDGE_REPLICAS is %d, but this server is in no cluster", natsconn.ErrUnusable, c.broker.Replicas),
			"set BRIDGE_REPLICAS=1, or use a cluster")
	}
	f := fatal(c.mayCreate(ctx, c.broker.Names.Stream(feed), "run"))
	if f.Err != nil {
		return f
	}
	if c.account == nil {
		return info("it is not known whether run could create it: this account may not ask %s", c.api("INFO"))
	}
	if err := c.reserve(c.account); err != nil {
		return fail(err, natsconn.Hint(err))
	}
	if f := c.mayStore(ctx, feed); f != nil {
		return *f
	}
	names := c.api("STREAM.NAMES")
	if err := natsconn.Refused(ctx, c.nc, &nats.Msg{Subject: names}); err != nil {
		return info("%s, unless another stream has its subjects: this account may not ask %s", f.Text, names)
	}
	conflict, err := c.findConflict(ctx, feed)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", natsconn.ErrUnusable, err), "")
	}
	if conflict != nil {
		return fail(conflict, natsconn.Hint(conflict))
	}
	if known := len(c.nc.Servers()); c.broker.Replicas > known {
		return warn("lower it if the cluster is no larger", "run creates it with BRIDGE_REPLICAS %d, but the cluster tells of %d servers", c.broker.Replicas, known)
	}
	return f
}

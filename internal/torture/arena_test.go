//go:build torture

package torture

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris/saveristest"
)

// The times of a round. There is enough history for the catch-up to be under way while things break: what is old is read
// once, so nothing heals what a broken commit has lost. Rows come up to lateMax late and intervals are read again at two
// ages, so that a late row is found by the second one at the latest. What a logger delivers after an outage is found through
// its alarm alone: one is back backAfter the start with what it measured two hours before.
const (
	history   = 2 * time.Hour // that is there before the bridge starts
	lateMax   = 4 * time.Second
	lastAge   = 8 * time.Second
	outageMax = 40 * time.Second
	backAfter = 20 * time.Second
)

// What a channel is silent by: each measures and transmits once in a cycle.
const (
	cycle       = time.Second
	silentAfter = 3
)

// arena is everything of one round.
type arena struct {
	*testing.T
	rng     *rand.Rand
	start   time.Time // of the world, by the vendor's clock
	began   time.Time // when the first bridge was started
	healed  time.Time // since when nothing is broken any more
	back    time.Time // when the logger that is cut off delivers
	ahead   time.Duration
	vendor  *saveristest.Server
	nodes   []*node
	link    *bridgetest.Link
	bridges []*bridge
	js      jetstream.JetStream
	kills   atomic.Int64
	filled  int // days before the world began

	listener *listener
}

// process is a child that can be killed and started again.
type process struct {
	t    *testing.T
	path string
	args []string
	env  []string
	log  *os.File

	mu  sync.Mutex
	cmd *exec.Cmd
}

func (p *process) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env, p.cmd.Stderr, p.cmd.Dir = p.env, p.log, filepath.Dir(p.log.Name())
	if err := p.cmd.Start(); err != nil {
		p.t.Errorf("start %s: %v", p.path, err)
	}
}

// kill ends the process at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may be gone
	_ = p.cmd.Wait()
}

func (p *process) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.ProcessState != nil
}

func (p *process) signal(s os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(s)
}

// stop asks the process to end and gives its exit code.
func (p *process) stop() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait()
	return p.cmd.ProcessState.ExitCode()
}

// rss is the process's memory in kB, its peak and at present.
func (p *process) rss() (peak, now int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &peak)
		fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &now)
	}
	return peak, now
}

type bridge struct{ process }

type node struct {
	process
	addr, store string
}

// setting is what a round is made of.
type setting struct {
	nodes   int // of the broker, 1 or 3
	bridges int
	ahead   time.Duration // the vendor's clock before ours
	faults  bool          // every fault of the vendor's
	broker  health        // what becomes of the broker
	outages time.Duration // most that a logger is cut off, 0 = outageMax
	leases  bool          // bridges poll in turn, as they do by themselves; without, all poll at once
}

// health is what becomes of a broker, which is what those may rely on who listen.
type health uint8

const (
	keeps   health = iota // it lives, and a subscriber misses nothing
	dies                  // a subscriber may miss what was stored while it died
	forgets               // it loses what it had stored, and stores it again
)

func newArena(t *testing.T, seed uint64, s setting) *arena {
	t.Helper()
	a := &arena{T: t, rng: rand.New(rand.NewPCG(seed, seed)), ahead: s.ahead}
	a.start = a.now().Truncate(time.Second).Add(-history)
	a.startVendor(seed, s)
	dir := logDir(t)
	a.startBroker(dir, s.nodes)
	if !s.leases {
		a.spoilLeases(s.nodes)
	}
	var urls []string
	for _, n := range a.nodes {
		urls = append(urls, "nats://"+n.addr)
	}
	a.listener = listen(t, urls)
	link, err := bridgetest.NewLink(a.nodes[0].addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	a.link = link
	a.began = a.now()
	for i := range s.bridges {
		b := &bridge{process{t: t, path: bridgeBinary, args: []string{"run"}, log: create(t, filepath.Join(dir, fmt.Sprintf("bridge-%d.log", i)))}}
		b.env = append(a.bridgeEnv(i, s.nodes), "BRIDGE_CONTENT_MODE="+contentMode(seed, i))
		a.bridges = append(a.bridges, b)
		b.start()
		t.Cleanup(b.kill)
	}
	return a
}

// contentMode is the mode that a bridge writes in: that of the first is structured for even seeds, and the next is in the other
// one, so that bridges at once fill a stream with both.
func contentMode(seed uint64, bridge int) string {
	return []string{"structured", "binary"}[(seed+uint64(bridge))%2]
}

// now is the vendor's time.
func (a *arena) now() time.Time { return time.Now().UTC().Add(a.ahead) }

func (a *arena) startVendor(seed uint64, s setting) {
	outages := cmp.Or(s.outages, outageMax)
	config := saveristest.Config{
		Record: true, Now: a.now,
		World: saveristest.World{
			Seed: seed, Sites: 2, Loggers: 3, Channels: 2, Cycle: cycle, Start: a.start, LateShare: 0.05, LateMax: lateMax,
			Delay: time.Second, AlarmEvery: 2 * time.Minute, OutageEvery: 2 * outages, OutageMax: outages, ChangeEvery: time.Minute,
		},
		Switches: saveristest.Switches{
			QueryLatency: "0s-300ms", RowsRetransmit: "same", FileDuplicates: "on", RangeEnds: []string{"open", "closed"}[seed%2], MOConfig: "flat",
		},
	}
	config.Faults.Garbage = 0.001
	if s.faults {
		config.Faults = vendorFaults
	}
	vendor, err := saveristest.Start(config)
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() { vendor.Close() })
	a.vendor = vendor
	a.cutOff()
}

// cutOff adds a logger that is cut off from a quarter of an hour after the start of the world until backAfter now. By then
// what it measured first has been read, and no age is left to read it again.
func (a *arena) cutOff() {
	lost, back := a.start.Add(15*time.Minute), a.now().Truncate(time.Second).Add(backAfter)
	a.back = back
	alarm := saveristest.Alarm{
		UUID: "lost", SerialNo: "20208111", AlarmStatus: "Alarm", AlarmSeverity: "Alarm", AlarmType: "device system alarm",
		AlarmConditionType: "Connection timeout, device did not communicated in expected time", AlarmTime: lost,
	}
	a.vendor.AddAlarm(alarm)
	alarm.UUID, alarm.AlarmStatus, alarm.AlarmTime, alarm.SourceAlarmEventUUID = "back", "Ok", back, "lost"
	alarm.VisibleAt = back.Add(time.Second) // when all has been delivered: a round has no time for stragglers
	a.vendor.AddAlarm(alarm)
	for i := range 200 {
		a.vendor.AddMeasurement(saveristest.Measurement{
			UUID: fmt.Sprintf("delayed-%d", i), SensorUUID: "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", ChannelNo: 1, SerialNo: "22011234", Measurement: "4.7",
			Timestamp: lost.Add(time.Duration(i) * 10 * time.Second), VisibleAt: back,
		})
	}
}

// vendorFaults are all that a request can meet, at rates that leave some of them through.
var vendorFaults = saveristest.Faults{
	TooMany: .02, TooManyWait: .01, Throttled: .05, Internal: .02, BadGateway: .02, Unavailable: .02, Timeout: .02, TimeoutStart: .02,
	Reset: .02, Slow: .01, Truncate: .1, Cut: .1, ExpiredLink: .03, NoSuchKey: .02, ExpiredToken: .005, QueryError: .02,
	Forgotten: .02, Duplicate: .02, DuplicateAcross: .02, Garbage: .001,
}

// bridgeEnv connects the first bridge through the link, and the others to the broker itself.
func (a *arena) bridgeEnv(i, nodes int) []string {
	addr := a.link.Addr()
	if i > 0 || nodes > 1 {
		var all []string
		for _, n := range a.nodes {
			all = append(all, "nats://"+n.addr)
		}
		addr = strings.TrimPrefix(strings.Join(all, ","), "nats://")
	}
	return []string{
		"SAVERIS_URL=" + a.vendor.URL(), "SAVERIS_USERNAME=demo", "SAVERIS_PASSWORD=demo", "NATS_URL=nats://" + addr,
		"BRIDGE_HTTP_ADDR=", "BRIDGE_POLL_INTERVAL=1s", "BRIDGE_OVERLAP=1m", "BRIDGE_REVISIT=4s," + lastAge.String(),
		"BRIDGE_START=" + a.start.Format(time.RFC3339), "BRIDGE_WINDOW_ROWS=10000", fmt.Sprintf("BRIDGE_REPLICAS=%d", nodes),
		"BRIDGE_FEEDS=" + strings.Join(feeds, ",") + ",devices", "BRIDGE_INVENTORY_INTERVAL=2s", fmt.Sprintf("BRIDGE_SILENT_AFTER=%d", silentAfter),
		"SAVERIS_EXPORTS=12", // three bridges poll every second, and all of them read what lies behind
		"BRIDGE_LOG_LEVEL=debug", "BRIDGE_LOG_FORMAT=json",
	}
}

func (a *arena) startBroker(dir string, nodes int) {
	a.Helper()
	addrs, routes := make([]string, nodes), make([]string, nodes)
	for i := range nodes {
		addrs[i], routes[i] = bridgetest.Address(a.T), bridgetest.Address(a.T)
	}
	for i := range nodes {
		n := &node{process{t: a.T, path: natsBinary, log: create(a.T, filepath.Join(dir, fmt.Sprintf("nats-%d.log", i)))}, addrs[i], a.TempDir()}
		text := fmt.Sprintf("server_name: n%d\nlisten: %q\njetstream { store_dir: %q, sync_interval: always, limits { batch { max_msgs: 100 } } }\n", i, n.addr, n.store)
		if nodes > 1 {
			text += fmt.Sprintf("cluster { name: c, listen: %q, routes: [%s] }\n", routes[i], `"nats://`+strings.Join(routes, `", "nats://`)+`"`)
		}
		config := filepath.Join(n.store, "nats.conf")
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			a.Fatal(err)
		}
		n.args = []string{"-c", config}
		a.nodes = append(a.nodes, n)
		n.start()
		a.Cleanup(n.kill)
	}
	nc, err := nats.Connect("nats://"+strings.Join(addrs, ",nats://"), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.RetryOnFailedConnect(true))
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(nc.Close)
	if a.js, err = jetstream.New(nc); err != nil {
		a.Fatal(err)
	}
}

// spoilLeases takes the leases from the bridges: a bucket that they do not trust. The guarantee must not depend on them,
// and a killed bridge is back at once.
func (a *arena) spoilLeases(replicas int) {
	a.await("a bucket without leases", func(ctx context.Context) bool {
		_, err := a.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "saveris-leases", TTL: time.Hour, Replicas: replicas})
		return err == nil
	})
}

func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// pause waits for a time drawn between two.
func (a *arena) pause(ctx context.Context, least, most time.Duration) {
	select {
	case <-time.After(least + time.Duration(a.rng.Int64N(int64(most-least)+1))):
	case <-ctx.Done():
	}
}

// some returns one of the bridges.
func (a *arena) some() *bridge { return a.bridges[a.rng.IntN(len(a.bridges))] }

// delayed returns the seconds of event time of which a feed has a row that an outage has held up, and from when on all rows
// of that second can be seen.
func (a *arena) delayed(feed string, until time.Time) map[int64]time.Time {
	late := map[int64]time.Time{}
	note := func(at, visible time.Time) {
		if visible.Sub(at) > lateMax && visible.After(late[at.Unix()]) {
			late[at.Unix()] = visible
		}
	}
	switch feed {
	case "alarms":
		for alarm := range a.vendor.Alarms(a.start, until, until) {
			note(alarm.AlarmTime, alarm.VisibleAt)
		}
	case "readings":
		for m := range a.vendor.Measurements(a.start, until, until) {
			note(m.Timestamp, m.VisibleAt)
		}
	}
	return late
}

// polled is up to when the newest poll of a feed has read, by the vendor's clock.
func (a *arena) polled(ctx context.Context, feed string) (until time.Time) {
	book := checkpoint.NewBook(checkpoint.NewStream(a.js, streamOf(feed), "saveris", feed))
	records, err := book.Records(ctx, checkpoint.Span{From: a.start, Until: a.now()}.Days())
	if err != nil {
		return until
	}
	for _, r := range records {
		for _, iv := range r.Covered {
			if iv.Until.After(until) {
				until = iv.Until
			}
		}
	}
	return until
}

// unread says what of a feed has not been read for the last time up to a moment by the vendor's clock, what was delayed
// included; nothing when all has.
func (a *arena) unread(ctx context.Context, feed string, until time.Time, delayed map[int64]time.Time) string {
	book := checkpoint.NewBook(checkpoint.NewStream(a.js, "SAVERIS_"+strings.ToUpper(feed), "saveris", feed))
	records, err := book.Records(ctx, checkpoint.Span{From: a.start, Until: until}.Days())
	if err != nil {
		return err.Error()
	}
	var all, last []checkpoint.Interval
	for _, r := range records {
		for _, iv := range r.Covered {
			all = append(all, iv)
			if !iv.ReadAt.Before(iv.Until.Add(lastAge)) || !iv.ReadAt.Before(until.Add(lastAge)) {
				last = append(last, iv)
			}
		}
	}
	if gaps := checkpoint.Gaps(last, a.start, until); len(gaps) > 0 {
		return fmt.Sprintf("%v is covered by %v", gaps[0], checkpoint.Within(all, gaps[0]))
	}
	for second, visible := range delayed {
		at := time.Unix(second, 0).UTC()
		is := func(iv checkpoint.Interval) bool { return !at.Before(iv.From) && at.Before(iv.Until) }
		if !slices.ContainsFunc(last, func(iv checkpoint.Interval) bool { return is(iv) && !iv.ReadAt.Before(visible) }) {
			return fmt.Sprintf("what was measured at %v can be seen since %v, and is covered by %v", at, visible, slices.DeleteFunc(all, func(iv checkpoint.Interval) bool { return !is(iv) }))
		}
	}
	return ""
}

// troubled reports whether a bridge has a bucket that it cannot write, by its log since it started last: after a failure it does not try
// for up to a minute, and where it is stopped then it leaves the bucket as it is.
func (b *bridge) troubled() bool {
	text, err := os.ReadFile(b.log.Name())
	if err != nil {
		b.t.Error(err)
		return false
	}
	type line struct{ Msg, Feed, Bucket string }
	buckets := map[line]bool{}
	for text := range bytes.Lines(text) {
		var said line
		if json.Unmarshal(text, &said) != nil {
			continue
		}
		of := line{Feed: said.Feed, Bucket: said.Bucket}
		switch {
		case said.Msg == "bridge starts":
			clear(buckets)
		case said.Msg == "lost leadership": // another one writes them
			maps.DeleteFunc(buckets, func(l line, _ bool) bool { return l.Feed == said.Feed })
		case strings.Contains(said.Msg, "cannot be written"):
			buckets[of] = true
		case strings.HasSuffix(said.Msg, "recovered"):
			delete(buckets, of)
		}
	}
	return len(buckets) > 0
}

//go:build torture

package torture

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
)

var bridgeBinary, natsBinary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "torture")
	if err == nil {
		bridgeBinary, natsBinary = os.Getenv("TORTURE_BRIDGE"), filepath.Join(dir, "nats-server")
	}
	if err == nil && bridgeBinary == "" {
		bridgeBinary = filepath.Join(dir, "bridge")
		err = build(bridgeBinary, "../..", "./cmd/bridge")
	}
	if err == nil {
		err = build(natsBinary, "../..", "github.com/nats-io/nats-server/v2")
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func build(binary, dir, pkg string) error {
	cmd := exec.Command("go", "build", "-o", binary, pkg)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	return nil
}

// row is a line of the table at the end.
type row struct {
	name                    string
	rounds, kills, rows     int
	missing, doubled, other int
	seen, missed            int // by a plain subscriber
	peakRSS                 int // kB, of the first bridge
}

// TestTorture runs the short form, or every nemesis again and again for as long as TORTURE says.
func TestTorture(t *testing.T) {
	length, err := time.ParseDuration(or(os.Getenv("TORTURE"), "0s"))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(or(os.Getenv("TORTURE_SEED"), strconv.FormatInt(time.Now().Unix()%1_000_000, 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	var table []row
	began := time.Now()
	for round := 0; round == 0 || time.Since(began) < length; round++ {
		for i, n := range nemeses {
			if only := os.Getenv("TORTURE_ONLY"); only != "" && only != n.name || length == 0 && only == "" && !n.short {
				continue
			}
			if round > 0 && time.Since(began) > length {
				break
			}
			plan := seed + uint64(round)*1000 + uint64(i)
			result := row{name: n.name}
			t.Run(fmt.Sprintf("%s/%d", n.name, plan), func(t *testing.T) { result = play(t, n, plan) })
			table = add(table, result)
		}
	}
	t.Log("\n" + render(table))
}

func or(text, unset string) string {
	if text == "" {
		return unset
	}
	return text
}

// play plays one round.
func play(t *testing.T, n nemesis, seed uint64) row {
	a := newArena(t, seed, n.setting)
	a.await("the first events", func(ctx context.Context) bool {
		s, err := a.js.Stream(ctx, "SAVERIS_READINGS")
		return err == nil && s.CachedInfo().State.Msgs > 0
	})
	work, cancel := context.WithTimeout(t.Context(), n.length)
	n.work(work, a)
	cancel()
	a.heal()
	a.healed = a.now().Add(n.setting.settles())
	a.await("the logger to be back", func(context.Context) bool { return a.now().After(a.back.Add(2 * time.Second)) })
	if n.setting.outages > 0 {
		a.awaitSilence()
	}
	until := a.now()
	for _, feed := range feeds {
		delayed := a.delayed(feed, until)
		var unread string
		read := func(ctx context.Context) bool { unread = a.unread(ctx, feed, until, delayed); return unread == "" }
		if !a.within(patience, read) {
			a.Fatalf("waited %v for the last re-read of %s: %s", patience, feed, unread)
		}
	}
	a.awaitFleet(until)
	a.awaitShown()
	a.await("buckets to be written again", func(context.Context) bool { return !slices.ContainsFunc(a.bridges, (*bridge).troubled) })
	result := row{name: n.name, rounds: 1, kills: int(a.kills.Load())}
	result.peakRSS, _ = a.bridges[0].rss()
	for i, b := range a.bridges {
		if code := b.stop(); code != 0 {
			t.Errorf("bridge %d was told to stop and ended with %d", i, code)
		}
	}
	stopped := a.now()
	a.auditChanges(until, stopped, &result)
	a.audit(until, &result)
	a.auditListener(n.setting, &result)
	for _, difference := range a.buckets(a.Context()) {
		result.other++
		t.Errorf("the bridges have stopped, and a bucket is not equal to the streams: %s", difference)
	}
	return result
}

// settles is how long what a bridge had asked for when the broker went may keep it waiting: it connects anew after two seconds, and asks
// again then. Where a node goes that it is not connected to, a reader waits ten seconds for its messages.
func (s setting) settles() time.Duration {
	if s.nodes > 1 {
		return 12 * time.Second
	}
	return 3 * time.Second
}

// awaitFleet waits until the newest document of each thing is one that the world has had since a moment.
func (a *arena) awaitFleet(since time.Time) {
	a.Helper()
	var r *bridgetest.AuditReport
	seen := func(ctx context.Context) bool {
		var err error
		r, err = bridgetest.AuditFleet(ctx, a.js, streamOf("devices"), a.vendor, bridgetest.Quiet{Began: a.began, Since: since, Stopped: a.now()})
		return err == nil && r.Missing == 0
	}
	if !a.within(patience, seen) {
		a.Fatalf("waited %v for the fleet to be seen: %s", patience, r)
	}
}

// awaitSilence waits until a channel has been silent for so long, while all was well, that this has to be stored.
func (a *arena) awaitSilence() {
	a.Helper()
	due := func(ctx context.Context) bool {
		r, err := bridgetest.AuditSilence(ctx, a.js, a.vendor, a.silenceRule(), bridgetest.Quiet{Began: a.began, Since: a.healed, Stopped: a.now()})
		return err == nil && r.Due > 0
	}
	if !a.within(patience, due) {
		a.Fatalf("waited %v for a channel to be silent for long", patience)
	}
}

func (a *arena) silenceRule() bridgetest.SilenceRule {
	return bridgetest.SilenceRule{Cycle: cycle, Communication: cycle, After: silentAfter, Start: a.start, Interval: time.Second, Feeds: feeds, Ahead: a.ahead}
}

// auditChanges holds the fleet and the silences against the world.
func (a *arena) auditChanges(until, stopped time.Time, result *row) {
	ctx, cancel := context.WithTimeout(a.Context(), patience)
	defer cancel()
	silence, err := bridgetest.AuditSilence(ctx, a.js, a.vendor, a.silenceRule(), bridgetest.Quiet{Began: a.began, Since: a.healed, Stopped: stopped})
	if err != nil {
		a.Fatal(err)
	}
	a.take("health", silence, result)
	fleet, err := bridgetest.AuditFleet(ctx, a.js, streamOf("devices"), a.vendor, bridgetest.Quiet{Began: a.began, Since: until, Stopped: stopped})
	if err != nil {
		a.Fatal(err)
	}
	a.take("devices", fleet, result)
}

// awaitShown demands that the bucket shows what the streams held once, while bridges store.
func (a *arena) awaitShown() {
	a.Helper()
	began := time.Now()
	var list []string
	if !a.within(patience, func(context.Context) bool { list = a.bucket(a.Context()); return len(list) == 0 }) {
		a.Errorf("waited %v for the bucket to be equal to the streams: %s", patience, strings.Join(list, "; "))
		return
	}
	a.Logf("the bucket was equal to the streams after %v", time.Since(began).Round(time.Millisecond))
}

// bucket returns what the checkpoint bucket shows wrongly.
func (a *arena) bucket(ctx context.Context) (list []string) {
	for _, feed := range feeds {
		wrong, err := bridgetest.AuditBucket(ctx, a.js, "saveris-checkpoints", streamOf(feed), feed)
		if err != nil {
			wrong = []string{err.Error()}
		}
		list = append(list, wrong...)
	}
	return list
}

// buckets returns what any bucket shows wrongly.
func (a *arena) buckets(ctx context.Context) []string {
	list := a.bucket(ctx)
	for _, audit := range []func(context.Context, jetstream.JetStream) ([]string, error){bridgetest.AuditInventory, bridgetest.AuditLatest, bridgetest.AuditOpenAlarms} {
		wrong, err := audit(ctx, a.js)
		if err != nil {
			wrong = []string{err.Error()}
		}
		list = append(list, wrong...)
	}
	return list
}

// heal ends all that a nemesis may have left.
func (a *arena) heal() {
	a.link.Mend()
	a.link.Delay(0)
	a.vendor.Update(noRequestFaults)
}

func (a *arena) audit(until time.Time, result *row) {
	due := bridgetest.Due{From: a.start, Until: until, AsOf: a.now(), Late: lateMax + 2*time.Second}
	ctx, cancel := context.WithTimeout(a.Context(), patience)
	defer cancel()
	for _, feed := range feeds {
		due.Seen = until
		if feed == "tasks" { // no outage has them read again
			due.Seen = time.Time{}
		}
		r, err := bridgetest.Audits[feed](ctx, a.js, streamOf(feed), a.vendor, due)
		if err != nil {
			a.Fatal(err)
		}
		a.take(feed, r, result)
	}
}

func (a *arena) take(feed string, r *bridgetest.AuditReport, result *row) {
	a.Helper()
	a.Logf("%s: %s", feed, r)
	if !r.Clean() {
		a.Errorf("the audit of the %s found fault", feed)
	}
	result.rows += r.Stored
	result.missing += r.Missing
	result.doubled += r.Doubled
	result.other += r.Unexpected + r.Wrong + r.Disordered + r.BadPages
}

// patience is how long a round waits for anything. A bridge that reads a day of readings on a machine that is busy with forty
// other processes needs five minutes.
var patience = func() time.Duration {
	limit, err := time.ParseDuration(or(os.Getenv("TORTURE_PATIENCE"), "15m"))
	if err != nil {
		panic(fmt.Sprintf("TORTURE_PATIENCE: %v", err))
	}
	return limit
}()

func (a *arena) await(what string, so func(context.Context) bool) {
	a.Helper()
	if !a.within(patience, so) {
		a.Fatalf("waited %v for %s", patience, what)
	}
}

// within waits for as long as it may take, and reports whether it is so.
func (a *arena) within(limit time.Duration, so func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(a.Context(), limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	try := func() bool { // a cluster without a leader answers nothing
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		return so(ctx)
	}
	for !try() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// add adds a round to the table.
func add(table []row, r row) []row {
	for i := range table {
		if t := &table[i]; t.name == r.name {
			t.rounds, t.kills, t.rows = t.rounds+r.rounds, t.kills+r.kills, t.rows+r.rows
			t.missing, t.doubled, t.other = t.missing+r.missing, t.doubled+r.doubled, t.other+r.other
			t.seen, t.missed = t.seen+r.seen, t.missed+r.missed
			t.peakRSS = max(t.peakRSS, r.peakRSS)
			return table
		}
	}
	return append(table, r)
}

func render(table []row) string {
	var b strings.Builder
	b.WriteString("| nemesis | rounds | kills | events | lost | doubled | otherwise wrong | seen by a subscriber | missed by him | peak memory, MB |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	total := row{name: "all"}
	for _, r := range table {
		total = add([]row{total}, row{"all", r.rounds, r.kills, r.rows, r.missing, r.doubled, r.other, r.seen, r.missed, r.peakRSS})[0]
		writeRow(&b, r)
	}
	writeRow(&b, total)
	return b.String()
}

func writeRow(b *strings.Builder, r row) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", r.name, r.rounds, r.kills, r.rows, r.missing, r.doubled, r.other, r.seen, r.missed, r.peakRSS/1024)
}

// logDir is where a round's processes write, in the directory that TORTURE_LOGS names if it is set.
func logDir(t *testing.T) string {
	t.Helper()
	base := os.Getenv("TORTURE_LOGS")
	if base == "" {
		return t.TempDir()
	}
	dir := filepath.Join(base, strings.ReplaceAll(t.Name(), "/", "-"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

//go:build torture

package torture

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// edit is one line of the bridge's sources made wrong.
type edit struct{ file, right, wrong string }

// broken is a bridge that does not keep a promise, and the nemesis that has to see it.
type broken struct {
	name    string
	nemesis string
	edits   []edit
}

var (
	noFence        = edit{"internal/publish/batch.go", `	b.expectRecord(header)`, ``}
	coverFirst     = edit{"internal/publish/commit.go", `n, covers = room, nil`, `n, covers = room, cover`}
	memoryOnly     = edit{"internal/checkpoint/book.go", `if seq == page.Seq && record.Batch == page.Record.Batch {`, `if page.Seq > 0 {`}
	twiceInOne     = edit{"internal/checkpoint/page.go", `seen.put(entry)`, ``}
	ownClock       = edit{"internal/poller/tail.go", `now, err := t.Now(ctx)`, `_, err := t.Now(ctx); now := time.Now().UTC()`}
	tornStays      = edit{"internal/publish/torn.go", `if connection == w.lookedOn {`, `if connection > 0 {`}
	noMargin       = edit{"internal/saveris/query.go", `const Margin = time.Second`, `const Margin = 0 * time.Second`}
	noOutages      = edit{"internal/service/rows.go", `live.Outages = poller.NewOutages(pipe.Stream(schema.Alarms)).Ended`, `_ = poller.NewOutages`}
	storedSubjects = []edit{
		{"internal/schema/event.go", `const ingest = "-ingest"`, `const ingest = ""`},
		{"internal/config/rules.go", `strings.HasSuffix(text, schema.IngestPrefix(""))`, `schema.IngestPrefix("") != ""`},
		{"internal/publish/streams.go", `RePublish:          &jetstream.RePublish{Source: c.Names.republished(feed), Destination: c.Names.republished(feed)},`, ``},
	}
	bucketAhead = edit{"internal/views/settle.go", `at.Key == key && bytes.Equal(at.Value, shown.Value)`, `true || at.Key == key && bytes.Equal(at.Value, shown.Value)`}
	bucketWhole = edit{"internal/views/look.go", ` || emptied(v.seen.bucket, info)`, ``}
	changeTwice = edit{"internal/fleet/compare.go", `} else if !doc.changed(t.doc) {`, `} else if false {`}
	heardBefore = edit{"internal/silence/line.go", `	if err := l.ears.listen(ctx, back, clock); err != nil {
		return nil, err
	}
`, ``}
	neverSilent = edit{"internal/silence/line.go", `open := l.open[k]; !open && Overdue(`, `open := l.open[k]; open && !open && Overdue(`}
	neverHeard  = edit{"internal/silence/line.go", `l.ears.heardOf(k); len(heard) > 0 {`, `l.ears.heardOf(k); len(heard) < 0 {`}
	staysOpen   = edit{"internal/views/openalarms.go", `o.changed, o.open = false, map[string]uint64{}`, `if o.changed = false; o.open == nil { o.open = map[string]uint64{} }`}
	nothingLost = []edit{
		{"internal/poller/watermark.go", `	return m.begin, nil`, `	return now, nil`},
		{"internal/publish/watermark.go", `		since = w.begin`, `		since = time.Now().UTC()`},
	}
)

var brokenBuilds = []broken{
	{"covers with the first batch", "bridge killed at named points", []edit{coverFirst}},
	{"covers with the first batch", "bridge killed at random", []edit{coverFirst}},
	{"writes without a fence", "zombie beside a second bridge", []edit{noFence}},
	{"writes without a fence", "three bridges at once", []edit{noFence}},
	{"sends again what may be stored", "NATS killed", []edit{memoryOnly, noFence}},
	{"sends again what may be stored", "nodes of a cluster killed", []edit{memoryOnly, noFence}},
	{"sends again what may be stored", "link cut, slow, deaf", []edit{memoryOnly, noFence}},
	{"leaves a torn batch alone", "NATS loses its tail", []edit{tornStays}},
	{"believes its memory", "NATS loses its tail", []edit{memoryOnly, noFence}},
	{"asks by its own clock", "vendor an hour behind", []edit{ownClock}},
	{"asks by its own clock", "vendor an hour ahead", []edit{ownClock}},
	{"stores what comes twice in one reading", "every fault of the vendor", []edit{twiceInOne}},
	{"forgets what a stream held", "stream deleted", nothingLost},
	{"forgets what a stream held", "stream purged", nothingLost},
	{"asks for the window alone", "bridge killed at named points", []edit{noMargin}}, // with a seed that leaves ends open
	{"leaves outages alone", "bridge killed at random", []edit{noOutages}},
	{"publishes where readers listen", "bridge killed at named points", storedSubjects},
	{"publishes where readers listen", "three bridges at once", storedSubjects},
	{"takes what the bucket shows for stored", "NATS loses its tail", []edit{bucketAhead}},
	{"takes the bucket for what it was", "buckets deleted", []edit{bucketWhole}},
	{"stores documents again, and shows alarms that have ended", "NATS full", []edit{changeTwice, staysOpen}},
	{"hears before it asks what is covered", "bridges dead for long", []edit{heardBefore}},
	{"says of no channel that it is silent", "loggers cut off, bridge killed", []edit{neverSilent}},
	{"says of no channel that it is heard", "loggers cut off, bridge killed", []edit{neverHeard}},
	{"does all of that", "all of it", []edit{coverFirst, noFence, memoryOnly, tornStays}},
}

// TestEveryNemesisSeesABrokenBridge plays a round against each broken build, as a process of its own, and demands that it
// fails. It runs if TORTURE_BROKEN is set, and takes about half a minute a build.
func TestEveryNemesisSeesABrokenBridge(t *testing.T) {
	if os.Getenv("TORTURE_BROKEN") == "" {
		t.Log("set TORTURE_BROKEN=1 to see every nemesis fail on a broken bridge")
		return
	}
	for _, b := range brokenBuilds {
		t.Run(b.name+"/"+b.nemesis, func(t *testing.T) {
			binary := buildBroken(t, b.edits)
			cmd := exec.Command(os.Args[0], "-test.run=^TestTorture$", "-test.v", "-test.timeout=10m")
			cmd.Env = append(os.Environ(), "TORTURE=", "TORTURE_BROKEN=", "TORTURE_ONLY="+b.nemesis, "TORTURE_SEED=5", "TORTURE_PATIENCE=3m", "TORTURE_BRIDGE="+binary)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("the round passed:\n%s", out)
			}
			t.Log(verdict(string(out)))
		})
	}
}

// TestTortureOfBrokenBuildsFitsTheSources notices when an edit has no place any more.
func TestTortureOfBrokenBuildsFitsTheSources(t *testing.T) {
	for _, b := range brokenBuilds {
		for _, e := range b.edits {
			text, err := os.ReadFile(filepath.Join("..", "..", e.file))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), e.right); n != 1 {
				t.Errorf("%s: %s holds %q %d times, want once", b.name, e.file, e.right, n)
			}
		}
	}
}

// verdict is what the audit, or whoever waited in vain, said.
func verdict(out string) string {
	var said []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "stored ") || strings.Contains(line, "seen ") || strings.Contains(line, "waited 3m") || strings.Contains(line, "not equal") {
			said = append(said, strings.TrimSpace(line))
		}
	}
	return strings.Join(said, "\n")
}

func buildBroken(t *testing.T, edits []edit) string {
	t.Helper()
	tree := t.TempDir()
	for _, dir := range []string{"cmd", "internal", "schemas"} {
		if err := os.CopyFS(filepath.Join(tree, dir), os.DirFS(filepath.Join("..", "..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err == nil {
			err = os.WriteFile(filepath.Join(tree, file), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range edits {
		path := filepath.Join(tree, e.file)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.right); n != 1 {
			t.Fatalf("%s holds %q %d times, want once: the edit is out of date", e.file, e.right, n)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), e.right, e.wrong, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(tree, "bridge")
	if err := build(binary, tree, "./cmd/bridge"); err != nil {
		t.Fatal(err)
	}
	return binary
}

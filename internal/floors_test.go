package internal_test

import (
	"go/build"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "saveris-bridge/"

// Other people's modules that have walls around them: only the rooms that name one may import it. Every other module
// than the standard library needs a name here too, so that a new dependency is a decision.
const (
	natsGo      = "github.com/nats-io/nats.go"
	natsServer  = "github.com/nats-io/nats-server/v2"
	orbit       = "github.com/synadia-io/orbit.go"
	nkeys       = "github.com/nats-io/nkeys"
	jwt         = "github.com/nats-io/jwt/v2"
	cloudevents = "github.com/cloudevents/sdk-go/v2"
	jsonV2      = "github.com/go-json-experiment/json"
	backoff     = "github.com/cenkalti/backoff/v4"
	sync        = "golang.org/x/sync"
	cobra       = "github.com/spf13/cobra"
	envconfig   = "github.com/sethvargo/go-envconfig"
	tint        = "github.com/lmittmann/tint"
	progressbar = "github.com/schollz/progressbar/v3"
	compress    = "github.com/klauspost/compress"
	readahead   = "github.com/klauspost/readahead"
	prometheus  = "github.com/prometheus/client_golang"
)

// room is what one package may import besides the standard library: packages of ours, and modules of others.
type room struct {
	ours   []string
	others []string
	http   bool // may import net/http
}

// rooms lists every package of the module from the top floor to the ground: a package may only import what stands below
// it here, and of that only what it names.
var rooms = []struct {
	path string
	room
}{
	{"cmd/bridge", room{
		ours: []string{
			"internal/service",
			"internal/preflight",
			"internal/coverage",
			"internal/backfill",
			"internal/pipeline",
			"internal/natsconn",
			"internal/config",
			"internal/audit",
			"internal/status",
			"internal/tail",
			"internal/verify",
			"internal/replay",
			"internal/publish",
			"internal/checkpoint",
			"internal/schema",
			"internal/saveris",
			"internal/saveris/saveristest",
			"internal/natsd",
			"internal/secret",
			"internal/printable",
			"internal/listen",
			"internal/hint",
			"schemas",
		},
		others: []string{natsGo, cobra, tint, sync, progressbar},
	}},
	{"internal/bench", room{ // the benchmark: a program beside the bridge, which it runs as people do
		ours:   []string{"internal/publish", "internal/schema", "internal/saveris", "internal/saveris/saveristest", "internal/secret"},
		others: []string{natsGo},
		http:   true,
	}},
	{"internal/bridgetest/seed", room{ // test support: events, and how the bridge stores them
		ours:   []string{"internal/bridgetest", "internal/views", "internal/publish", "internal/checkpoint", "internal/schema", "internal/saveris"},
		others: []string{natsGo},
	}},
	{"internal/bridgetest/variants", room{}}, // test support: how much is tried of what there is
	{"internal/bridgetest", room{ // test support: environments, files, logins, a TCP link, and the audit of streams
		ours:   []string{"internal/saveris/saveristest", "internal/natsd"},
		others: []string{natsGo, natsServer, nkeys, jwt},
	}},
	{"internal/torture", room{}}, // the torture suite: tests only, behind a build tag
	{"internal/service", room{
		ours: []string{"internal/preflight", "internal/notebook", "internal/pipeline", "internal/web", "internal/metrics", "internal/status", "internal/inventory", "internal/silence", "internal/audit", "internal/poller", "internal/views", "internal/publish", "internal/lease", "internal/checkpoint",
			"internal/natsconn", "internal/config", "internal/schema", "internal/saveris", "internal/jsapi", "internal/hint", "internal/printable", "internal/sleep"},
		others: []string{natsGo, sync},
		http:   true,
	}},
	{"internal/backfill", room{
		ours: []string{"internal/preflight", "internal/notebook", "internal/pipeline", "internal/poller", "internal/views", "internal/publish", "internal/lease", "internal/checkpoint", "internal/natsconn", "internal/config", "internal/schema", "internal/saveris",
			"internal/hint", "internal/printable", "internal/words"},
		others: []string{natsGo, sync},
	}},
	{"internal/preflight", room{
		ours: []string{"internal/fleet", "internal/notebook", "internal/pipeline", "internal/poller", "internal/views", "internal/publish", "internal/checkpoint", "internal/natsconn", "internal/config", "internal/schema", "internal/saveris", "internal/natsd",
			"internal/listen", "internal/jsapi", "internal/hint", "internal/printable"},
		others: []string{natsGo},
		http:   true, // whether a proxy is set
	}},
	{"internal/coverage", room{
		ours:   []string{"internal/pipeline", "internal/poller", "internal/publish", "internal/checkpoint", "internal/natsconn", "internal/config", "internal/schema", "internal/saveris", "internal/words", "internal/hint", "internal/printable"},
		others: []string{natsGo},
	}},
	{"internal/notebook", room{ours: []string{"internal/pipeline", "internal/status", "internal/poller", "internal/natsconn", "internal/config", "internal/schema", "internal/saveris", "internal/hint", "internal/printable", "internal/words"}}},
	{"internal/pipeline", room{
		ours: []string{"internal/audit", "internal/fleet", "internal/poller", "internal/views", "internal/publish", "internal/lease", "internal/checkpoint", "internal/natsconn", "internal/config", "internal/schema", "internal/saveris",
			"internal/jsapi", "internal/printable", "internal/sleep"},
		others: []string{natsGo},
	}},
	{"internal/web", room{ours: []string{"internal/status", "internal/schema", "internal/words", "internal/sleep"}, http: true}},
	{"internal/metrics", room{ours: []string{"internal/status", "internal/poller", "internal/publish", "internal/schema", "internal/saveris"}, others: []string{prometheus}, http: true}},
	{"internal/status", room{ours: []string{"internal/tail", "internal/publish", "internal/lease", "internal/checkpoint", "internal/schema", "internal/saveris", "internal/printable", "internal/words"}, others: []string{natsGo, sync}}},
	{"internal/tail", room{ours: []string{"internal/publish", "internal/schema", "internal/printable", "internal/words", "internal/sleep"}, others: []string{natsGo, sync}}},
	{"internal/inventory", room{ours: []string{"internal/fleet", "internal/poller", "internal/publish", "internal/schema", "internal/saveris", "internal/sleep"}}},
	{"internal/silence", room{ours: []string{"internal/fleet", "internal/publish", "internal/checkpoint", "internal/schema", "internal/sleep"}}},
	{"internal/audit", room{ours: []string{"internal/fleet", "internal/checkpoint", "internal/schema", "internal/hint", "internal/printable", "internal/words"}, others: []string{natsGo}}},
	{"internal/fleet", room{ours: []string{"internal/schema", "internal/saveris"}, others: []string{jsonV2}}},
	{"internal/poller", room{
		ours:   []string{"internal/publish", "internal/checkpoint", "internal/schema", "internal/saveris", "internal/hint", "internal/sleep"},
		others: []string{backoff, sync},
	}},
	{"internal/verify", room{
		ours:   []string{"internal/checkpoint", "internal/schema", "internal/saveris", "internal/hint", "internal/printable"},
		others: []string{backoff},
	}},
	{"internal/replay", room{ours: []string{"internal/publish", "internal/checkpoint", "internal/schema", "internal/jsapi", "internal/sleep"}, others: []string{natsGo, orbit}}},
	{"internal/views", room{ours: []string{"internal/publish", "internal/checkpoint", "internal/schema", "internal/jsapi", "internal/sleep"}, others: []string{natsGo, sync}}},
	{"internal/publish", room{ours: []string{"internal/lease", "internal/checkpoint", "internal/schema", "internal/jsapi", "internal/hint", "internal/sleep"}, others: []string{natsGo, sync}}},
	{"internal/lease", room{ours: []string{"internal/jsapi", "internal/sleep"}, others: []string{natsGo}}},
	{"internal/checkpoint", room{ours: []string{"internal/schema", "internal/jsapi", "internal/sleep"}, others: []string{natsGo, sync}}},
	{"internal/natsconn", room{ours: []string{"internal/config", "internal/listen", "internal/natsd", "internal/jsapi", "internal/hint", "internal/secret", "internal/printable"}, others: []string{natsGo}}},
	{"internal/config", room{ours: []string{"internal/schema", "internal/saveris", "internal/natsd", "internal/hint", "internal/secret", "internal/printable"}, others: []string{nkeys, envconfig}}},
	{"internal/schema", room{ours: []string{"internal/saveris"}, others: []string{cloudevents, jsonV2}}},
	{"internal/saveris", room{ours: []string{"internal/hint", "internal/secret", "internal/sleep"}, others: []string{backoff, jsonV2, sync, compress, readahead}, http: true}},
	{"internal/saveris/saveristest", room{http: true}},
	{"internal/natsd", room{ours: []string{"internal/hint"}, others: []string{natsServer}, http: true}}, // the server tells its health as an HTTP handler alone
	{"internal/sleep", room{}},
	{"internal/listen", room{ours: []string{"internal/hint", "internal/printable"}}},
	{"internal/words", room{}},
	{"internal/jsapi", room{others: []string{natsGo}}},
	{"internal/hint", room{}},
	{"internal/secret", room{}},
	{"internal/printable", room{}},
	{"schemas", room{}},
}

func TestImportsRunDownwardsAndWallsStand(t *testing.T) {
	floors := map[string]int{}
	for i, r := range rooms {
		floors[r.path] = i
	}
	for path, pkg := range packages(t) {
		floor, known := floors[path]
		if !known {
			t.Errorf("package %s has no room: add it to the table in internal/floors_test.go, on the floor above everything it imports, with what it may import", path)
			continue
		}
		for _, imported := range pkg.Imports {
			if ours, found := strings.CutPrefix(imported, module); found && floors[ours] <= floor {
				t.Errorf("%s imports %s, which does not stand below it: imports run downwards only", path, ours)
			}
			if !rooms[floor].allows(imported) {
				t.Errorf("%s imports %s, which it may not: take it out, or decide in internal/floors_test.go that it may", path, imported)
			}
		}
		for _, allowed := range rooms[floor].unused(pkg.Imports) {
			t.Errorf("%s may import %s in internal/floors_test.go, and does not: take it out there", path, allowed)
		}
	}
}

func TestEveryRoomExists(t *testing.T) {
	found := packages(t)
	for _, r := range rooms {
		if found[r.path] == nil {
			t.Errorf("internal/floors_test.go has a room for %s, which is no package: take it out", r.path)
		}
	}
}

func (r room) allows(imported string) bool {
	if ours, found := strings.CutPrefix(imported, module); found {
		return slices.Contains(r.ours, ours)
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return r.http || !isHTTP(imported)
	}
	return r.allowsOther(imported)
}

func (r room) allowsOther(imported string) bool {
	return slices.ContainsFunc(r.others, func(other string) bool {
		return imported == other || strings.HasPrefix(imported, other+"/")
	})
}

func isHTTP(imported string) bool {
	return imported == "net/http" || strings.HasPrefix(imported, "net/http/")
}

// unused returns what the room may import, and these imports have nothing of.
func (r room) unused(imports []string) (list []string) {
	for _, one := range r.ours {
		if !slices.Contains(imports, module+one) {
			list = append(list, one)
		}
	}
	for _, one := range r.others {
		if !slices.ContainsFunc(imports, room{others: []string{one}}.allowsOther) {
			list = append(list, one)
		}
	}
	if r.http && !slices.ContainsFunc(imports, isHTTP) {
		list = append(list, "net/http")
	}
	return list
}

// TestContributingNamesEveryRoom and no room that there is not.
func TestContributingNamesEveryRoom(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "../CONTRIBUTING.md"), "| room | holds |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for line := range strings.Lines(table) {
		for i, name := range strings.Split(strings.Split(line, "|")[1], "`") {
			if i%2 == 1 {
				named = append(named, name)
			}
		}
	}
	for _, r := range rooms {
		if !slices.Contains(named, r.path) {
			t.Errorf("CONTRIBUTING.md does not say what %s holds", r.path)
		}
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.Join("..", name)); err != nil {
			t.Errorf("CONTRIBUTING.md says what %s holds, which is not there", name)
		}
	}
}

// packages reads the imports of every package of the module, those of its tests left out, under paths without the module.
func packages(t *testing.T) map[string]*build.Package {
	t.Helper()
	found := map[string]*build.Package{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if name == "testdata" || name == "node_modules" || path != ".." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != ".." {
			return filepath.SkipDir // a module of its own
		}
		pkg, err := build.ImportDir(path, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err != nil {
			return err
		}
		if inside, err := filepath.Rel("..", path); err == nil && len(pkg.GoFiles) > 0 {
			found[filepath.ToSlash(inside)] = pkg
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

package fleet

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// fixedVendor serves fixed bodies: of a GET by its path, of an export by the path that it is submitted to. Every other path is
// none.
type fixedVendor struct {
	mu    sync.Mutex
	gets  map[string]string
	files map[string]string // names of files, where dir is set
	dir   string
	codes map[string]int // answer in place of the body, by method and path
}

func (v *fixedVendor) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	path, id, polled := strings.Cut(req.URL.Path, "/id-")
	body, offered := v.gets[path]
	if req.Method == http.MethodPost || polled {
		body, offered = v.files[path]
	}
	code := v.codes[req.Method+" "+path]
	switch {
	case path == "/v1/token":
		claims := base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"exp":%d}`, time.Now().Add(time.Hour).Unix())))
		fmt.Fprintf(w, `{"IdToken":"e30.%s.c2ln"}`, claims)
	case code != 0:
		w.WriteHeader(code)
		io.WriteString(w, `{"message":"no licence"}`)
	case !offered:
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"message":"Missing Authentication Token"}`)
	case req.Method == http.MethodPost:
		io.WriteString(w, `{"status":"Submitted","request_uuid":"id-1"}`)
	case polled && id == "1":
		fmt.Fprintf(w, `{"status":"Completed","data_urls":["http://%s%s/id-file"]}`, req.Host, path)
	case v.dir != "":
		http.ServeFile(w, req, filepath.Join(v.dir, body))
	default:
		io.WriteString(w, body)
	}
}

// start serves the vendor and returns a client of it.
func (v *fixedVendor) start(t testing.TB, change ...func(*saveris.Config)) *saveris.Client {
	t.Helper()
	srv := httptest.NewServer(v)
	t.Cleanup(srv.Close)
	cfg := saveris.Config{BaseURL: srv.URL, Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	c, err := saveris.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// endpoints are where the fixtures come from, by kind, version and route.
var endpoints = map[string]string{
	"tenant v1-sync": "/v1/tenants", "tenant v2-sync": "/v2/tenants-sync", "tenant v3-sync": "/v3/tenants-sync",
	"tenant v3-export": "/v3/tenants", "tenant v2-export": "/v2/tenants", "location v1-export": "/v1/locations",
	"equipment v1-sync": "/v1/equipments", "equipment v2-sync": "/v2/equipments-sync", "equipment v4-export": "/v4/equipments",
	"equipment v3-export": "/v3/equipments", "equipment v2-export": "/v2/equipments", "device v1-sync": "/v1/devices/properties",
	"device v3-export": "/v3/devices/properties", "device v2-export": "/v2/devices/properties-async",
	"device v1-export": "/v1/devices/properties-async", "device_status v1-sync": "/v1/devices/status",
	"device_status v2-sync": "/v2/devices/status-sync", "device_status v4-export": "/v4/devices/status",
	"device_status v3-export": "/v3/devices/status", "device_status v2-export": "/v2/devices/status",
	"sensor_status v1-sync": "/v1/devices/status", "sensor_status v2-sync": "/v2/sensors/status-sync",
	"sensor_status v4-export": "/v4/sensors/status", "sensor_status v3-export": "/v3/sensors/status",
	"sensor_status v2-export": "/v2/sensors/status", "measuring_object v1-export": "/v1/measuring-objects",
}

// fixture is one answer of the vendor, written by the reference.
type fixture struct {
	kind     Kind
	name     string
	endpoint string
	sync     bool
	format   saveris.Format
	body     string
}

// fixturesOf are those of a kind: every route and version, in several spellings.
func fixturesOf(t testing.TB, kind Kind) (all []fixture) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", string(kind)+".v*"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d fixtures of %s (%v)", len(names), kind, err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stem := strings.TrimPrefix(filepath.Base(name), string(kind)+".")
		words := strings.SplitN(strings.TrimSuffix(stem, filepath.Ext(stem)), "-", 3)
		f := fixture{kind: kind, name: filepath.Base(name), sync: words[1] == "sync", format: saveris.JSON, body: string(body)}
		if filepath.Ext(name) == ".csv" {
			f.format = saveris.CSV
		}
		if f.endpoint = endpoints[string(kind)+" "+words[0]+"-"+words[1]]; f.endpoint == "" {
			t.Fatalf("nobody serves %s", name)
		}
		all = append(all, f)
	}
	return all
}

// look looks at the fixture with a client of its own.
func (f fixture) look(t *testing.T) Look {
	t.Helper()
	v := &fixedVendor{}
	if f.sync {
		v.gets = map[string]string{f.endpoint: f.body}
	} else {
		v.files = map[string]string{f.endpoint: f.body}
	}
	w := NewWalker(v.start(t, func(cfg *saveris.Config) { cfg.Format = f.format }), NewInventory())
	seen := w.kind(t.Context(), f.kind)
	if seen.Err != nil || seen.Things != 1 || seen.Endpoint != f.endpoint {
		t.Fatalf("%s: %d things by %s (%v)", f.name, seen.Things, seen.Endpoint, seen.Err)
	}
	return seen
}

// store takes the changes for stored, with sequences from 1 on, and returns their events.
func store(inv *Inventory, changes []Change) (events []schema.FleetChange) {
	for i, c := range changes {
		events = append(events, c.Event())
		inv.Stored(c, uint64(i+1))
	}
	return events
}

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/secret"
)

// The restaurant chain of the behaviour notes (section 16): 1,500 sites, 12 loggers, 2 channels, 15 minutes.
const rowsASecond = 1500 * 12 * 2 / (15 * 60)

// beginning is the start of the range: long ago, so that every late row has come.
var beginning = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// fetchWidth is how wide the windows are that the benchmark itself reads.
const fetchWidth = 30 * time.Minute

// span is a half-open range of event time.
type span struct{ From, Until time.Time }

// rangeOf is the range that holds so many rows.
func rangeOf(rows int) span {
	return span{beginning, beginning.Add(time.Duration(rows/rowsASecond) * time.Second)}
}

// vendor is the pretend vendor, and beside it a server of plain files for those who cannot ask for exports.
type vendor struct {
	api   *saveristest.Server
	cache *saveristest.Cache
	plain *http.Server
	base  string // of the plain files
	whole span
	fixed []saveristest.CachedFile // what contenders read

	mu   sync.Mutex
	sets map[int][][]byte // plain files, by the number of their rows
}

func startVendor(rows int) (*vendor, error) {
	v := &vendor{cache: new(saveristest.Cache), sets: map[int][][]byte{}, whole: rangeOf(rows)}
	var err error
	if v.api, err = saveristest.Start(chain(v.cache)); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		v.api.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{rows}/{number}", v.file)
	v.plain, v.base = &http.Server{Handler: mux}, "http://"+listener.Addr().String()
	go v.plain.Serve(listener)
	return v, nil
}

// chain is the world: each row stands in its files once, exports are ready at once.
func chain(cache *saveristest.Cache) saveristest.Config {
	return saveristest.Config{
		World: saveristest.World{
			Sites: 1500, Loggers: 12, Channels: 2, Cycle: 15 * time.Minute,
			Start: beginning.AddDate(0, 0, -1), AlarmEvery: -1, RetransmitShare: 1e-300,
		},
		Switches: saveristest.Switches{QueryLatency: "zero", RangeEnds: "half-open"},
		Cache:    cache,
	}
}

func (v *vendor) close() {
	v.plain.Close()
	v.api.Close()
}

// client reads the vendor as the bridge does.
func client(url string, format saveris.Format) (*saveris.Client, error) {
	return saveris.New(saveris.Config{
		BaseURL: url, Username: "demo", Password: secret.New("demo"), Format: format, Sync: saveris.SyncNever, FirstPoll: time.Millisecond,
	})
}

// windows cuts a range into the windows that the benchmark reads.
func (s span) windows() (list []span) {
	for at := s.From; at.Before(s.Until); at = at.Add(fetchWidth) {
		list = append(list, span{at, earlier(at.Add(fetchWidth), s.Until)})
	}
	return list
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// each reads windows one after the other, each row once: the client asks for a margin beyond both ends.
func each(ctx context.Context, c *saveris.Client, windows []span, row func(*saveris.Row) error) error {
	for _, w := range windows {
		if _, err := c.Rows(ctx, saveris.Query{Feed: saveris.Measurements, From: w.From.Add(saveris.Margin), Until: w.Until.Add(-saveris.Margin)}, row); err != nil {
			return err
		}
	}
	return nil
}

// fill has the vendor render the windows of the range.
func (v *vendor) fill(ctx context.Context, format saveris.Format) error {
	c, err := client(v.api.URL(), format)
	if err != nil {
		return err
	}
	say("rendering %s files", format)
	return each(ctx, c, v.whole.windows(), func(*saveris.Row) error { return nil })
}

// files returns the JSON files that were served for the benchmark's own windows; those of the bridge overlap.
func (v *vendor) files() (list []saveristest.CachedFile) {
	windows := v.whole.windows()
	for _, f := range v.cache.Files() {
		if f.Feed == saveristest.FeedMeasurements && !f.CSV && slices.Contains(windows, span{f.From, f.Until}) {
			list = append(list, f)
		}
	}
	return list
}

// fix makes what was served for the benchmark what contenders read. It fails if the files do not hold each row of the range once.
func (v *vendor) fix(rows int) error {
	v.fixed = v.files()
	if _, err := cutFiles(v.fixed, rows); err != nil {
		return err
	}
	if _, err := cutFiles(v.fixed, rows+1); err == nil {
		return errors.New("the files hold rows twice: windows overlap")
	}
	return nil
}

// links offers the first rows of the range as plain files and gives their addresses: the exports' own files, the last one cut.
func (v *vendor) links(rows int) ([]string, error) {
	v.mu.Lock()
	set := v.sets[rows]
	v.mu.Unlock()
	if set == nil {
		var err error
		if set, err = cutFiles(v.fixed, rows); err != nil {
			return nil, err
		}
	}
	return v.offer(rows, set), nil
}

// offer puts plain files up under a number and gives their addresses.
func (v *vendor) offer(number int, set [][]byte) (links []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sets[number] = set
	for i := range set {
		links = append(links, fmt.Sprintf("%s/%d/%d", v.base, number, i))
	}
	return links
}

// cutFiles takes files until they hold so many rows, and cuts the last one.
func cutFiles(files []saveristest.CachedFile, rows int) (set [][]byte, err error) {
	for _, f := range files {
		if rows == 0 {
			break
		}
		zip, err := gzip.NewReader(bytes.NewReader(f.Body))
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(zip)
		if err != nil {
			return nil, err
		}
		lines := bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n"))
		if len(lines) <= rows {
			set, rows = append(set, f.Body), rows-len(lines)
			continue
		}
		body, err := pack(lines[:rows])
		if err != nil {
			return nil, err
		}
		set, rows = append(set, body), 0
	}
	if rows > 0 {
		return nil, fmt.Errorf("the files lack %d rows", rows)
	}
	return set, nil
}

func pack(lines [][]byte) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if _, err := zip.Write(line); err != nil {
			return nil, err
		}
	}
	err = zip.Close()
	return out.Bytes(), err
}

// file answers with one plain file.
func (v *vendor) file(w http.ResponseWriter, r *http.Request) {
	rows, _ := strconv.Atoi(r.PathValue("rows"))
	number, err := strconv.Atoi(r.PathValue("number"))
	v.mu.Lock()
	set := v.sets[rows]
	v.mu.Unlock()
	if err != nil || number < 0 || number >= len(set) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(set[number])))
	w.Write(set[number])
}

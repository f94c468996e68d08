package saveristest

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// vendor is a server under test with a clock that the test moves.
type vendor struct {
	*Server
	t     *testing.T
	clock *atomic.Int64
	http  *http.Client
	token string
}

func start(t *testing.T, change func(*Config)) *vendor {
	t.Helper()
	v := &vendor{t: t, clock: new(atomic.Int64), http: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	v.clock.Store(noon.UnixNano())
	cfg := Config{Now: v.now, Record: true, Switches: Switches{QueryLatency: "zero"}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if v.Server, err = Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close(); v.http.CloseIdleConnections() })
	return v
}

// startWith starts a vendor with settings changed, each as key=value.
func startWith(t *testing.T, settings ...string) *vendor {
	return start(t, func(c *Config) {
		for _, s := range settings {
			key, value, _ := strings.Cut(s, "=")
			if err := c.Set(key, value); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func (v *vendor) now() time.Time          { return time.Unix(0, v.clock.Load()) }
func (v *vendor) advance(d time.Duration) { v.clock.Add(int64(d)); v.token = "" }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the transport, while reading the body too
}

func (a answer) json() map[string]any {
	var m map[string]any
	json.Unmarshal(a.body, &m)
	return m
}

func (v *vendor) do(method, url, body string, header ...string) answer {
	if strings.HasPrefix(url, "/") {
		url = v.URL() + url
	}
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := v.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, raw, err}
}

// call does an authorized request; the login happens once.
func (v *vendor) call(method, url, body string) answer {
	if v.token == "" {
		v.token, _ = v.do("POST", "/v1/token", `{"username":"demo","password":"demo"}`).json()["IdToken"].(string)
	}
	return v.do(method, url, body, "Authorization", "Bearer "+v.token)
}

func (v *vendor) submit(path, body string) string {
	v.t.Helper()
	a := v.call("POST", path, body)
	id, _ := a.json()["request_uuid"].(string)
	if a.status != 200 || id == "" {
		v.t.Fatalf("POST %s %s: %d %s %v", path, body, a.status, a.body, a.err)
	}
	return id
}

func rangeBody(from, until time.Time, format string) string {
	return fmt.Sprintf(`{"date_time_from":%q,"date_time_until":%q,"options":{"result_file_format":%q}}`,
		from.Format(time.RFC3339), until.Format(time.RFC3339), format)
}

// links submits and polls; the query latency must be zero.
func (v *vendor) links(path, body string) []string {
	v.t.Helper()
	a := v.call("GET", path+"/"+v.submit(path, body), "")
	if s, _ := a.json()["status"].(string); !strings.EqualFold(strings.TrimSpace(s), "completed") {
		v.t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	var links []string
	list, _ := a.json()["data_urls"].([]any)
	for _, l := range list {
		links = append(links, l.(string))
	}
	return links
}

// export downloads a whole result.
func (v *vendor) export(path, body string) (rows []map[string]string, raw []string) {
	v.t.Helper()
	for _, link := range v.links(path, body) {
		a := v.do("GET", link, "")
		if a.status != 200 || a.err != nil {
			v.t.Fatalf("GET %s: %d %s %v", link, a.status, a.body, a.err)
		}
		r, g := parse(v.t, a, strings.Contains(link, ".csv"))
		rows, raw = append(rows, r...), append(raw, g...)
	}
	return rows, raw
}

// parse reads a file without the help of the code that wrote it. Rows without a
// readable time, or without an id, are raw.
func parse(t *testing.T, a answer, isCSV bool) (rows []map[string]string, raw []string) {
	t.Helper()
	data := unzip(t, a.body)
	for _, r := range split(t, data, isCSV) {
		if r.row == nil || !readable(r.row) {
			raw = append(raw, r.text)
			continue
		}
		rows = append(rows, r.row)
	}
	return rows, raw
}

func readable(row map[string]string) bool {
	at := row["timestamp"] + row["alarm_time"]
	_, err := time.Parse(time.RFC3339, at)
	_, err2 := time.Parse("2006-01-02 15:04:05.000", at)
	return (err == nil || err2 == nil) && row["uuid"] != ""
}

type parsed struct {
	row  map[string]string
	text string
}

func split(t *testing.T, data []byte, isCSV bool) (out []parsed) {
	t.Helper()
	switch {
	case len(data) == 0:
	case isCSV:
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		names, err := csv.NewReader(strings.NewReader(lines[0])).Read()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[1:] {
			out = append(out, parsed{csvRow(names, line), line})
		}
	case data[0] == '[':
		var list []json.RawMessage
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			out = append(out, parsed{jsonRow(m), string(m)})
		}
	case bytes.HasPrefix(data, []byte("{\n")):
		out = append(out, parsed{jsonRow(data), string(data)})
	default:
		for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
			out = append(out, parsed{jsonRow([]byte(line)), line})
		}
	}
	return out
}

func csvRow(names []string, line string) map[string]string {
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil || len(fields) != len(names) {
		return nil
	}
	row := map[string]string{}
	for i, f := range fields {
		if f != "" {
			row[names[i]] = f
		}
	}
	return row
}

func jsonRow(raw []byte) map[string]string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	row := map[string]string{}
	for k, v := range m {
		if v != nil {
			row[k] = fmt.Sprint(v)
		}
	}
	return row
}

func unzip(t *testing.T, data []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

package saveris

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// discard is the log of test servers that meet clients who turn away.
var discard = log.New(io.Discard, "", 0)

func tls10() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
}

// peak runs f and gives the most heap that was in use meanwhile, beyond what was before.
func peak(f func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // as in a bridge, whatever other tests have
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := int64(m.HeapAlloc), int64(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			runtime.GC() // or a busy machine is measured, on which a collection takes its time
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapAlloc)-before)
		case <-done:
			return most
		}
	}
}

// members is gzip of so many pieces, each a member of its own.
func members(piece []byte, n int) io.Reader {
	var one bytes.Buffer
	z, _ := gzip.NewWriterLevel(&one, gzip.BestCompression)
	z.Write(piece)
	z.Close()
	return &again{piece: one.Bytes(), times: n}
}

// again gives the same piece so many times.
type again struct {
	piece    []byte
	pos      int
	times, n int
}

func (r *again) Read(p []byte) (int, error) {
	if r.n == r.times {
		return 0, io.EOF
	}
	n := copy(p, r.piece[r.pos:])
	if r.pos += n; r.pos == len(r.piece) {
		r.pos, r.n = 0, r.n+1
	}
	return n, nil
}

// A hostile vendor's answers, read by the whole client over a real connection. Each ends in an error or in rejected rows,
// and no more memory is used than a file of any other kind takes.
func TestHostileAnswersAreBounded(t *testing.T) {
	const mib = 1 << 20
	spaces := bytes.Repeat([]byte{' '}, 16*mib)
	for name, tt := range map[string]struct {
		path   string // empty: the file
		answer func(w http.ResponseWriter)
		want   error // nil: rows come
		broken int   // of them, in all tries
		text   string
	}{
		"a bomb of 512 MiB in half a MiB": {answer: func(w http.ResponseWriter) { io.Copy(w, members(spaces, 32)) }},
		"a line of 64 MiB": {answer: func(w http.ResponseWriter) {
			io.Copy(w, io.MultiReader(strings.NewReader(`{"a":"`), &endless{'x', 64 * mib}))
		}, want: io.ErrUnexpectedEOF},
		"nested lists": {answer: func(w http.ResponseWriter) {
			io.Copy(w, io.MultiReader(strings.NewReader(`[`), &endless{'[', 16 * mib}))
		}, want: io.ErrUnexpectedEOF, broken: 1 + moreTries},
		"nested objects": {answer: func(w http.ResponseWriter) {
			fmt.Fprint(w, strings.Repeat(`{"a":`, 40_000), `1`, strings.Repeat(`}`, 40_000))
		}, want: ErrNotUnderstood, broken: 1 + moreTries},
		"another column each row": {answer: func(w http.ResponseWriter) {
			for i := range 100_000 {
				fmt.Fprintf(w, `{"column-%d":%d}`+"\n", i, i)
			}
		}, want: ErrNotUnderstood},
		"more than it says": {answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "20")
			io.WriteString(w, reading+"\n")
		}, want: io.ErrUnexpectedEOF},
		"links without end": {path: "/v2/measurements/" + exportID, answer: func(w http.ResponseWriter) {
			io.WriteString(w, `{"status":"Completed","data_urls":["x"`)
			link := []byte(strings.Repeat(`,"https://files.example.net/a"`, 1000))
			for range 2000 {
				w.Write(link)
			}
		}, want: ErrTooLarge},
		"an endless login":               {path: tokenPath, answer: func(w http.ResponseWriter) { io.Copy(w, &endless{'{', 512 * mib}) }, want: errLong},
		"a packed login without content": {path: tokenPath, answer: func(w http.ResponseWriter) { io.Copy(w, members(nil, 1<<20)) }, want: errLong},
		"a packed login that swells":     {path: tokenPath, answer: func(w http.ResponseWriter) { io.Copy(w, members(spaces, 60)) }, want: errLong},
		"a packed error that swells": {path: "/v2/measurements", answer: func(w http.ResponseWriter) {
			w.WriteHeader(500)
			io.Copy(w, members(spaces, 60))
		}, want: errAny},
		"an error body without end": {path: "/v2/measurements", answer: func(w http.ResponseWriter) {
			w.WriteHeader(500)
			io.Copy(w, &endless{'x', 512 * mib})
		}, want: errAny},
		"headers without end": {path: "/v2/measurements", answer: func(w http.ResponseWriter) {
			w.Header().Set("X-Long", strings.Repeat("x", mib))
		}, want: errAny, text: "headers exceeded"},
		"a vendor who asks to wait for a year": {path: "/v2/measurements", answer: func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "31536000")
			w.WriteHeader(503)
		}, want: errAny},
	} {
		t.Run(name, func(t *testing.T) {
			var srv *httptest.Server
			srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				switch path := req.URL.Path; {
				case path == tt.path || path == "/a" && tt.path == "":
					tt.answer(w)
				case path == tokenPath:
					fmt.Fprintf(w, `{"IdToken":%q}`, jwt(time.Now().Add(time.Hour)))
				case req.Method == http.MethodPost:
					fmt.Fprintf(w, `{"status":"Submitted","request_uuid":%q}`, exportID)
				default:
					fmt.Fprintf(w, `{"status":"Completed","data_urls":[%q]}`, srv.URL+"/a")
				}
			}))
			srv.Config.ErrorLog = discard
			defer srv.Close()
			c := newClient(t, srv.URL, func(cfg *Config) { cfg.Sync = SyncNever })
			rows, broken := 0, 0
			var err error
			most := peak(func() {
				_, err = c.Rows(t.Context(), sixHours, func(row *Row) error {
					if rows++; row.Err != nil {
						broken++
					}
					return nil
				})
			})
			t.Logf("%d rows, %d of them broken, %d MiB of heap at most: %v", rows, broken, most>>20, err)
			var e *Error
			switch {
			case tt.want == errAny && !errors.As(err, &e), tt.want == nil && err != nil, tt.want != errAny && !errors.Is(err, tt.want):
				t.Errorf("got %v, want %v", err, tt.want)
			case tt.text != "" && !strings.Contains(err.Error(), tt.text):
				t.Errorf("got %v, want %q in it", err, tt.text)
			case broken != tt.broken:
				t.Errorf("%d broken rows, want %d", broken, tt.broken)
			case most > 48*mib: // a collection may be due
				t.Errorf("%d MiB of heap", most>>20)
			}
		})
	}
}

// errAny stands for an *Error of any meaning.
var errAny = errors.New("any")

// TestATrickleEnds: a body that brings a byte now and then never stalls, and would never end.
func TestATrickleEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		piece int // bytes every half minute
		ends  bool
	}{"a byte": {1, true}, "enough": {31 * slowest, false}} {
		synctest.Test(t, func(t *testing.T) {
			c := wired(t, vendor(func(req *http.Request) *http.Response {
				if req.URL.Path != "/a" {
					return nil
				}
				resp := reply(200, "")
				resp.Body = io.NopCloser(&trickle{piece: tt.piece, left: 40})
				return resp
			}))
			_, err := c.Rows(t.Context(), sixHours, nothing)
			if ended := errors.Is(err, errStalled); ended != tt.ends || err != nil && !ended {
				t.Errorf("%s: got %v", name, err)
			}
		})
	}
}

// trickle gives a piece of blanks every half minute.
type trickle struct{ piece, left int }

func (r *trickle) Read(p []byte) (int, error) {
	if r.left--; r.left < 0 {
		return 0, io.EOF
	}
	time.Sleep(30 * time.Second) // of the bubble
	for i := range p[:r.piece] {
		p[i] = ' '
	}
	return r.piece, nil
}

// TestDribbledHeadersEnd: a header that comes byte by byte is no answer in time.
func TestDribbledHeadersEnd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: ")
				for tick := time.NewTicker(time.Millisecond); err == nil; _, err = conn.Write([]byte("x")) {
					<-tick.C
				}
			}()
		}
	}()
	var asked atomic.Int32
	c := newClient(t, "http://"+l.Addr().String(), func(cfg *Config) {
		cfg.Answer, cfg.OnAnswer = time.Second, func(int) { asked.Add(1) }
	})
	if err := c.Login(t.Context()); err == nil || asked.Load() != 1+moreTries { // the transport's bound or ours, they are the same
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

func TestMoreRowsThanAWindowMayHaveAreRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		most int
		want error
	}{"as many": {3, nil}, "one more": {2, ErrTooLarge}, "no limit": {0, nil}} {
		file := strings.Repeat(reading+"\n", 3)
		for _, mode := range []SyncMode{SyncNever, SyncAlways} {
			synctest.Test(t, func(t *testing.T) {
				c := wired(t, vendor(func(req *http.Request) *http.Response {
					if req.URL.Path == "/a" {
						return reply(200, file)
					}
					if req.URL.Path == "/v1/measurements" {
						return reply(200, "["+strings.TrimSuffix(strings.ReplaceAll(file, "\n", ","), ",")+"]")
					}
					return nil
				}), func(cfg *Config) { cfg.MostRows, cfg.Sync = tt.most, mode })
				if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, tt.want) {
					t.Errorf("%s, %s: got %v, want %v", name, mode, err, tt.want)
				}
			})
		}
	}
	long := `{"a":"` + strings.Repeat("x", 3*averageRow) + `"}`
	c := wired(t, vendor(func(req *http.Request) *http.Response {
		if req.URL.Path == "/a" {
			return reply(200, long)
		}
		return nil
	}), func(cfg *Config) { cfg.MostRows = 2 })
	if _, err := c.Rows(t.Context(), sixHours, nothing); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a row of 3 KiB where two of 1 KiB may be: %v", err)
	}
}

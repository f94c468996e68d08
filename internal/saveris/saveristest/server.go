package saveristest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes a pretend vendor. The zero value is a small, well-behaved one
// on a free port of the loopback interface.
type Config struct {
	Listen   string           // address; default 127.0.0.1:0
	Now      func() time.Time // the vendor's clock, from which the Date header, tokens, links and query times follow; default time.Now
	World    World
	Switches Switches
	Faults   Faults

	Username, Password string // of the login; default demo, demo
	APIKey             string // of the Smart Connect variant; default demo-key

	Record bool   // remember every row that was served; see Server.Served
	Watch  bool   // remember every request and its answer; see Server.Traffic
	Cache  *Cache // keep result files of old windows once they are rendered; nil = render each anew
}

// Server is a running pretend vendor. All its methods are safe for concurrent use.
type Server struct {
	cfg      Config
	loggers  []*logger
	began    time.Time // by the vendor's clock
	settings atomic.Pointer[settings]
	extra    atomic.Pointer[handMade]
	listener net.Listener
	http     *http.Server
	done     chan struct{} // closed by Close; ends hanging answers
	ended    chan struct{} // closed when Serve returned

	secret     []byte
	tokenEpoch atomic.Int64
	linkEpoch  atomic.Int64
	turns      turns

	mu          sync.Mutex // guards what follows, and changes of settings and extra
	counts      map[string]int
	injected    []*Fault
	rng         *mathrand.Rand
	exports     map[string]*export
	mostRunning int
	bucket      bucket
	closed      bool

	answering sync.RWMutex // read-locked while an answer is on its way, under Config.Watch
	traffic   Traffic      // guarded by mu and answering

	finishing sync.RWMutex // read-locked while the last byte of a result leaves
	servedMu  sync.Mutex
	served    Served
	servedRaw map[[2]string]bool
}

// settings are what Update replaces. A value is never changed after publication.
type settings struct {
	sw     Switches
	faults Faults
}

// Start opens the port and serves until Close. It fails if the address cannot be
// opened or a setting is unknown.
func Start(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("start pretend vendor: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("start pretend vendor: %w", err)
	}
	s := &Server{
		cfg: cfg, loggers: cfg.World.build(), began: cfg.Now(), listener: listener,
		done: make(chan struct{}), ended: make(chan struct{}), secret: make([]byte, 32),
		counts: map[string]int{}, exports: map[string]*export{}, servedRaw: map[[2]string]bool{},
		rng:    mathrand.New(mathrand.NewPCG(cfg.World.Seed, 0x5a7e)),
		served: Served{map[string][]Measurement{}, map[string][]Alarm{}, map[string][]Task{}, map[string][]string{}},
	}
	rand.Read(s.secret)
	s.settings.Store(&settings{cfg.Switches, cfg.Faults})
	s.extra.Store(&handMade{})
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(s.ended)
		s.http.Serve(listener)
	}()
	return s, nil
}

// complete fills in the defaults.
func (c *Config) complete() error {
	for field, def := range map[*string]string{
		&c.Listen: "127.0.0.1:0", &c.Username: "demo", &c.Password: "demo", &c.APIKey: "demo-key",
	} {
		if *field == "" {
			*field = def
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return errors.Join(c.World.check(), complete(&c.Switches), complete(&c.Faults))
}

// URL is the base URL as this machine reaches it, without a slash at its end.
func (s *Server) URL() string {
	addr, ok := s.listener.Addr().(*net.TCPAddr)
	if ok && addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", addr.Port)
	}
	return "http://" + s.listener.Addr().String()
}

// Close ends all connections and frees the port. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	err := s.http.Close()
	<-s.ended
	return err
}

// Count is how many requests there were so far: token, submit, poll, download,
// sync, options, unknown; all but the first and the last two also by feed, as in
// submit.alarms; and how many of them a fault broke, as in fault.429.
func (s *Server) Count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[what]
}

// Update changes switches and faults at run time, for requests that come later.
// Switches that shape rows (rows.*, range.*, alarm.*, unit.text, site.value,
// fault.late) change what Measurements and Alarms say as well, about the past
// too. It panics on a value that is not in the list of keys.
func (s *Server) Update(f func(*Switches, *Faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.settings.Load()
	f(&next.sw, &next.faults)
	if err := errors.Join(complete(&next.sw), complete(&next.faults)); err != nil {
		panic("saveristest: update: " + err.Error())
	}
	s.settings.Store(&next)
}

// scene is the world as it is under the present settings.
func (s *Server) scene() *scene {
	set := s.settings.Load()
	return &scene{
		world: s.cfg.World, sw: set.sw, late: s.cfg.World.LateShare + set.faults.Late,
		loggers: s.loggers, extra: s.extra.Load(),
	}
}

// bucket counts the requests of one second, for the throttle switch.
type bucket struct {
	second int64
	used   int
}

// throttled reports whether this request is one too many.
func (s *Server) throttled(now time.Time, sw *Switches) bool {
	if sw.Throttle == "off" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Unix() != s.bucket.second {
		s.bucket = bucket{second: now.Unix()}
	}
	s.bucket.used++
	return s.bucket.used > sw.ThrottleRate
}

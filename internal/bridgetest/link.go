package bridgetest

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Link forwards connections to a target. Its methods may be called at any time from any goroutine.
type Link struct {
	listener net.Listener
	workers  sync.WaitGroup

	mu     sync.Mutex
	target string
	conns  map[net.Conn]bool
	down   bool
	deaf   bool
	deafAt string // the answer that deafens
	before trap
	after  trap
	delay  time.Duration
	closed bool
}

// NewLink opens a link to an address on a free port of the loopback.
func NewLink(target string) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{target: target, listener: listener, conns: map[net.Conn]bool{}}
	l.workers.Go(l.accept)
	return l, nil
}

// LinkTo opens a link to a NATS server, and closes it with the test.
func LinkTo(t testing.TB, url string) *Link {
	t.Helper()
	l, err := NewLink(strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// Addr is where to connect.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// URL is where to connect a client of NATS.
func (l *Link) URL() string { return "nats://" + l.Addr() }

// Lead ends all connections and leads the next ones to another address.
func (l *Link) Lead(target string) { l.set(func() { l.target = target; l.drop() }) }

// Cut ends all connections and refuses new ones until Mend.
func (l *Link) Cut() { l.set(func() { l.down = true; l.drop() }) }

// DeafenAt drops what the target answers until Mend, from the first answer on that holds the text: the target gets all
// that is sent, but what it says is lost.
func (l *Link) DeafenAt(text string) { l.set(func() { l.deafAt = text }) }

// trap is sprung once, by the next answer that holds a text.
type trap struct {
	text   string
	spring func()
}

// Before calls f once, before the next answer that holds the text is handed on; After calls it once that has been done. Both take the place
// of what was to be called before, and report whether it was not and never will be.
func (l *Link) Before(text string, f func()) (pending bool) {
	l.set(func() { pending, l.before = l.before.spring != nil, trap{text, f} })
	return pending
}

// After: see Before.
func (l *Link) After(text string, f func()) (pending bool) {
	l.set(func() { pending, l.after = l.after.spring != nil, trap{text, f} })
	return pending
}

// Deaf reports whether that answer has come.
func (l *Link) Deaf() (deaf bool) { l.set(func() { deaf = l.deaf }); return deaf }

// Delay holds back every piece for d.
func (l *Link) Delay(d time.Duration) { l.set(func() { l.delay = d }) }

// Mend ends Cut and DeafenAt; connections that were deaf are ended, since what they lost is lost.
func (l *Link) Mend() {
	l.set(func() {
		if l.deaf {
			l.drop()
		}
		l.down, l.deaf, l.deafAt = false, false, ""
	})
}

// Close ends the link and everything on it.
func (l *Link) Close() {
	l.set(func() { l.closed = true; l.drop() })
	l.listener.Close()
	l.workers.Wait()
}

func (l *Link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// drop ends all connections. The lock must be held.
func (l *Link) drop() {
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.workers.Go(func() { l.serve(client) })
	}
}

func (l *Link) serve(client net.Conn) {
	defer client.Close()
	var target string
	l.set(func() { target = l.target })
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	if !l.admit(client, server) {
		return
	}
	defer l.set(func() { delete(l.conns, client); delete(l.conns, server) })
	l.workers.Go(func() {
		l.pump(server, client, false)
		server.Close()
	})
	l.pump(client, server, true)
}

func (l *Link) admit(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down || l.closed {
		return false
	}
	for _, conn := range conns {
		l.conns[conn] = true
	}
	return true
}

// pump forwards from one end to the other until either is gone; answers are lost while the link is deaf.
func (l *Link) pump(to io.Writer, from io.Reader, answers bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.forward(to, buf[:n], answers) || err != nil {
			return
		}
	}
}

func (l *Link) forward(to io.Writer, data []byte, answers bool) bool {
	lost, delay := l.fate(data, answers)
	if lost {
		return true
	}
	if answers {
		l.spring(&l.before, data)
	}
	time.Sleep(delay)
	_, err := to.Write(data)
	if answers {
		l.spring(&l.after, data)
	}
	return err == nil
}

func (l *Link) spring(t *trap, answer []byte) {
	l.mu.Lock()
	f := t.spring
	if f == nil || !bytes.Contains(answer, []byte(t.text)) {
		f = func() {}
	} else {
		*t = trap{}
	}
	l.mu.Unlock()
	f()
}

func (l *Link) fate(data []byte, answer bool) (lost bool, delay time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer && l.deafAt != "" && bytes.Contains(data, []byte(l.deafAt)) {
		l.deaf = true
	}
	return answer && l.deaf, l.delay
}

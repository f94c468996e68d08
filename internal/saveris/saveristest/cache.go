package saveristest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cache keeps the result files of exports once they are rendered, for measurements that must not pay for the pretend
// vendor's own work. A window that is asked for again gets the same files in the same number, whatever the request's id
// and moment: that is good for windows so long ago that no row of theirs can come any more, and only those are kept, and
// under settings that stay. The zero value is empty and ready. All its methods are safe for concurrent use.
type Cache struct {
	mu    sync.Mutex
	files map[string]*cached
}

// CachedFile is one result file as it goes over the wire.
type CachedFile struct {
	Feed        string
	From, Until time.Time // of the window that was asked for
	CSV         bool
	Number, Of  int // counted from 0
	Body        []byte
	Asked       int // how often it was asked for
}

// cached is a file and what it holds, made by the first who asks.
type cached struct {
	CachedFile
	once sync.Once
	rows *tally
}

// Files lists what was asked for so far, by feed, window and number. The bodies belong to the cache.
func (c *Cache) Files() []CachedFile {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []CachedFile
	for _, f := range c.files {
		list = append(list, f.CachedFile)
	}
	slices.SortFunc(list, func(a, b CachedFile) int {
		return cmp.Or(strings.Compare(a.Feed, b.Feed), a.From.Compare(b.From), a.Until.Compare(b.Until), cmp.Compare(a.Number, b.Number))
	})
	return list
}

// file returns file i of n of a query, rendered if it is not there yet.
func (c *Cache) file(q query, i, n int, zip bool, render func() ([]byte, *tally)) ([]byte, *tally) {
	if !q.kept {
		return render()
	}
	f := c.entry(q, i, n, zip)
	f.once.Do(func() {
		body, rows := render()
		c.mu.Lock()
		defer c.mu.Unlock()
		f.Body, f.rows = slices.Clip(body), rows
	})
	return f.Body, f.rows
}

func (c *Cache) entry(q query, i, n int, zip bool) *cached {
	key := fmt.Sprint(q.window(), q.version, q.choice, q.objects, zip, i, n)
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[key]
	if f == nil {
		if c.files == nil {
			c.files = map[string]*cached{}
		}
		f = &cached{CachedFile: CachedFile{Feed: q.feed, From: q.from, Until: q.until, CSV: q.csv, Number: i, Of: n}}
		c.files[key] = f
	}
	f.Asked++
	return f
}

// keepFiles decides whether a query's files are kept, and in which order and number they come: by the request's id, or by the
// window where they are.
func (s *Server) keepFiles(q *query, id string) {
	q.kept = s.cfg.Cache != nil && (q.feed == FeedMeasurements || q.feed == FeedAlarms) && q.asOf.Sub(q.until) > s.cfg.World.maxLateness()
	q.salt, q.turn = spreadOf(id), s.turns.next(q.feed)
	if q.kept {
		q.salt = spreadOf(q.window())
		q.turn = q.salt
	}
}

// window names what a query asks for.
func (q query) window() string {
	return fmt.Sprint(q.feed, q.from.UnixNano(), q.until.UnixNano(), q.csv)
}

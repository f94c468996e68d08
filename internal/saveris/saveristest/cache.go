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
// vendor's own work. It holds bytes, not time: a window that is asked for again gets the same files in the same number,
// whatever the request's id and moment. So it is good for ranges about which nothing changes any more, under settings
// that stay. The zero value is empty and ready; one may be handed to servers of the same world one after the other. All
// its methods are safe for concurrent use.
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

// file gives file i of n of a query, rendered if it is not there yet. A nil cache renders always.
func (c *Cache) file(q query, i, n int, zip bool, render func() ([]byte, *tally)) ([]byte, *tally) {
	if c == nil {
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

// salt decides the order of a query's rows and files and, under file.count=auto, their number: by its id, or by its
// window where files are kept.
func (c *Cache) salt(q query, id string) uint64 {
	if c == nil {
		return spreadOf(id)
	}
	return spreadOf(q.window())
}

// window names what a query asks for.
func (q query) window() string {
	return fmt.Sprint(q.feed, q.from.UnixNano(), q.until.UnixNano(), q.csv)
}

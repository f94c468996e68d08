package saveristest

import (
	"bytes"
	"testing"
	"time"
)

// TestCacheServesOldWindowsAgain: an old window gives the same bytes in as many files, rendered once; another window gives
// others, and one that can still change is not kept.
func TestCacheServesOldWindowsAgain(t *testing.T) {
	cache := new(Cache)
	v := start(t, func(c *Config) { c.Cache = cache })
	read := func(from, until time.Time) (bodies [][]byte) {
		t.Helper()
		for _, link := range v.links("/v2/measurements", rangeBody(from, until, "JSON")) {
			bodies = append(bodies, v.do("GET", link, "").body)
		}
		return bodies
	}
	old := noon.AddDate(0, 0, -3)
	first := read(old, old.Add(6*time.Hour))
	for range 5 { // without the cache, order and number follow from the request's id
		if again := read(old, old.Add(6*time.Hour)); len(again) != len(first) || !bytes.Equal(again[0], first[0]) {
			t.Fatal("the same window brought other files")
		}
	}
	files := cache.Files()
	if len(files) != len(first) || files[0].Asked != 6 || files[0].Of != len(first) || len(files[0].Body) == 0 {
		t.Errorf("the cache holds %d files, the first asked for %d times, of %d", len(files), files[0].Asked, files[0].Of)
	}
	if other := read(old, old.Add(7*time.Hour)); bytes.Equal(other[0], first[0]) {
		t.Error("another window brought the same file")
	}
	kept := len(cache.Files())
	if read(noon.Add(-time.Hour), noon); len(cache.Files()) != kept {
		t.Error("a window was kept that late rows can still come to")
	}
}

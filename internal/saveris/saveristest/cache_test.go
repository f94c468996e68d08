package saveristest

import (
	"bytes"
	"testing"
	"time"
)

// TestCacheServesAWindowsFilesAgain: the same window gives the same bytes in as many files, rendered once, and another
// window gives others.
func TestCacheServesAWindowsFilesAgain(t *testing.T) {
	cache := new(Cache)
	v := start(t, func(c *Config) { c.Cache = cache })
	read := func(hours int) [][]byte {
		t.Helper()
		from := noon.Add(-time.Duration(hours) * time.Hour)
		var bodies [][]byte
		for _, link := range v.links("/v2/measurements", rangeBody(from, noon, "JSON")) {
			bodies = append(bodies, v.do("GET", link, "").body)
		}
		return bodies
	}
	first := read(6)
	for range 5 { // without the cache, order and number follow from the request's id
		if again := read(6); len(again) != len(first) || !bytes.Equal(again[0], first[0]) {
			t.Fatal("the same window brought other files")
		}
	}
	files := cache.Files()
	if len(files) != len(first) || files[0].Asked != 6 || files[0].Of != len(first) || len(files[0].Body) == 0 {
		t.Errorf("the cache holds %d files, the first asked for %d times, of %d", len(files), files[0].Asked, files[0].Of)
	}
	if other := read(7); bytes.Equal(other[0], first[0]) {
		t.Error("another window brought the same file")
	}
}

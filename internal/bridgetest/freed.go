package bridgetest

import (
	"runtime"
	"testing"
)

// Headers returns a text as a broker's client has headers, of which those of a message are parts, and what is closed once nothing of it
// is held any more.
func Headers(text string) (headers []byte, freed <-chan struct{}) {
	headers = []byte(text)
	gone := make(chan struct{})
	runtime.AddCleanup(&headers[0], func(gone chan struct{}) { close(gone) }, gone)
	return headers, gone
}

// AwaitFreed collects garbage until Headers are freed, or the test has no time left. What must not hold them is to be kept alive behind it.
func AwaitFreed(t *testing.T, freed <-chan struct{}) {
	t.Helper()
	for {
		runtime.GC()
		select {
		case <-freed:
			return
		case <-t.Context().Done():
			t.Fatal("the headers are kept")
		default:
		}
	}
}

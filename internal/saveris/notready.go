package saveris

import (
	"sync"
	"time"
)

// notReady remembers the exports of this process that were not ready in time, by the keys of their windows: the next read of
// such a window goes on waiting, and asks for nothing.
type notReady struct {
	mu      sync.Mutex
	exports map[string]export
}

// keep remembers an export. What nobody has asked for again for as long as the vendor knows it is forgotten.
func (n *notReady) keep(x export) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.exports == nil {
		n.exports = map[string]export{}
	}
	for key, old := range n.exports {
		if time.Since(old.askedLocal) > requestLife {
			delete(n.exports, key)
		}
	}
	n.exports[x.key] = x
}

// take returns the export of a window, and forgets it.
func (n *notReady) take(key string) (x export, found bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	x, found = n.exports[key]
	delete(n.exports, key)
	return x, found
}

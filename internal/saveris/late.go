package saveris

import (
	"sync"
	"time"
)

// late remembers the exports of this process that were not ready in time, by the keys of their windows: the next read of
// such a window goes on waiting, and asks for nothing.
type late struct {
	mu      sync.Mutex
	exports map[string]export
}

// keep remembers an export. What nobody has asked for again for as long as the vendor knows it is forgotten.
func (l *late) keep(x export) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exports == nil {
		l.exports = map[string]export{}
	}
	for key, old := range l.exports {
		if time.Since(old.asked) > requestLife {
			delete(l.exports, key)
		}
	}
	l.exports[x.key] = x
}

// take returns the export of a window, and forgets it.
func (l *late) take(key string) (x export, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x, found = l.exports[key]
	delete(l.exports, key)
	return x, found
}

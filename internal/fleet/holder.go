package fleet

import (
	"sync"
	"sync/atomic"

	"saveris-bridge/internal/schema"
)

// Names holds the newest Directory for those who make events; it is a schema.Names. Any number of goroutines may use it.
type Names struct {
	now    atomic.Pointer[lookup]
	count  atomic.Uint64 // of Set
	known  chan struct{} // closed once there is a Directory
	wanted chan string   // holds one

	mu    sync.Mutex
	asked map[string]bool // channels and alarms that were not known
}

// maxAsked bounds what is remembered of places that are not known; beyond it, none asks for a look.
const maxAsked = 100_000

// NewNames returns one that knows no fleet yet.
func NewNames() *Names {
	return &Names{known: make(chan struct{}), wanted: make(chan string, 1), asked: map[string]bool{}}
}

// Set takes over what is known now.
func (n *Names) Set(d *Directory) {
	if n.now.Swap(&lookup{d, n, n.count.Add(1)}) == nil {
		close(n.known)
	}
}

// Known returns what is closed once the fleet is known.
func (n *Names) Known() <-chan struct{} { return n.known }

// Wanted returns what receives when a place was seen in an event that the Directory does not know, once for each place and not
// while another one waits there: the fleet should be looked at soon. It receives the place, in words for the log.
func (n *Names) Wanted() <-chan string { return n.wanted }

// Directory implements schema.Names.
func (n *Names) Directory() schema.Directory {
	if l := n.now.Load(); l != nil {
		return l
	}
	return nil
}

// Channels returns the channels that are known now, see Directory.Channels; none while the fleet is not known.
func (n *Names) Channels() []Channel {
	if l := n.now.Load(); l != nil {
		return l.Channels()
	}
	return nil
}

// want asks for a look, the first time that it is called with a place.
func (n *Names) want(place string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked[place] || len(n.asked) >= maxAsked {
		return
	}
	n.asked[place] = true
	select {
	case n.wanted <- place:
	default: // somebody has asked already
	}
}

// lookup is a Directory as makers of events use it.
type lookup struct {
	*Directory
	names   *Names
	version uint64
}

// Version implements schema.Directory.
func (l *lookup) Version() uint64 { return l.version }

// Channel implements schema.Directory. A channel that is not known asks for a look.
func (l *lookup) Channel(sensor, channel []byte) schema.Place {
	if place := l.Directory.Channel(sensor, channel); place != nil {
		return place
	}
	l.names.want("channel " + string(sensor) + "/" + string(channel))
	return nil
}

// Alarm implements schema.Directory. A place that is not known asks for a look.
func (l *lookup) Alarm(a schema.AlarmPlace) schema.Place {
	if place := l.Directory.Alarm(Alarm(a)); place != nil {
		return place
	}
	l.names.want("alarm " + a.Source + "/" + a.Serial)
	return nil
}

package saveris

import (
	"context"
	"encoding/json"
)

// Shared keeps one short text that all processes of a prefix read and write: what each of them has in flight at the vendor, and
// whether he makes it wait. It is best effort: whoever cannot have it goes on as if he were alone.
type Shared interface {
	// Load returns the text and its revision, "" and 0 where there is none.
	Load(ctx context.Context) (text string, revision uint64, err error)
	// Store replaces the text of a revision and returns the new one's. It fails where the old one is no longer the newest.
	Store(ctx context.Context, text string, revision uint64) (uint64, error)
}

// peers is the text. Nothing in it is a moment of ours: clocks differ, and who has died shows in that his beat does not change.
type peers struct {
	Tickets   uint64          `json:"tickets"` // handed out so far
	Processes map[string]peer `json:"processes"`
}

// peer is what a process says of itself.
type peer struct {
	Beat       uint64    `json:"beat"`       // grows with each word
	Polls      bool      `json:"polls"`      // live, so that it needs a slot at any time
	Live       int       `json:"live"`       // exports in flight
	Background int       `json:"background"` // the same
	Ticket     uint64    `json:"ticket"`     // its turn, while it waits for a slot in the background; else 0
	Throttled  float64   `json:"throttled"`  // seconds more that the vendor asked this process to wait
	Late       []Running `json:"late"`       // exports that are overdue
}

// readPeers makes sense of the text. What makes none is as good as nothing.
func readPeers(text string) peers {
	var p peers
	if json.Unmarshal([]byte(text), &p) != nil || p.Processes == nil {
		return peers{Processes: map[string]peer{}}
	}
	return p
}

func (p peers) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic("saveris: internal error: " + err.Error())
	}
	return string(text)
}

// SharedOverdue returns the exports that are overdue by the text of a Shared, the oldest first.
func SharedOverdue(text []byte) []Running {
	var all []Running
	for _, process := range readPeers(string(text)).Processes {
		all = append(all, process.Late...)
	}
	return oldestFirst(all)
}

package saveris

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Running is an export that the vendor is preparing.
type Running struct {
	Feed    Feed      `json:"feed"`
	From    time.Time `json:"from"` // of the window, like Until
	Until   time.Time `json:"until"`
	AskedAt time.Time `json:"asked_at"` // by the vendor's clock

	Background bool      `json:"background"` // nobody polls by it
	askedLocal time.Time // by our clock
}

// Age is how long the vendor has been preparing it.
func (r Running) Age() time.Duration { return time.Since(r.askedLocal) }

// OverdueAfter is from which age on an export is overdue: the vendor's usual ones take half of it at most.
const OverdueAfter = time.Minute

// Running returns the exports that this client waits for, the oldest first.
func (c *Client) Running() []Running { return c.flights.list() }

// flights are the exports that are waited for.
type flights struct {
	mu  sync.Mutex
	all map[*export]Running
}

func (f *flights) begin(x *export, q *Query) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[*export]Running{}
	}
	f.all[x] = Running{q.Feed, q.From.UTC(), q.Until.UTC(), x.askedAt.Truncate(time.Second), q.Background, x.askedLocal}
}

func (f *flights) end(x *export) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, x)
}

func (f *flights) list() []Running {
	f.mu.Lock()
	defer f.mu.Unlock()
	return oldestFirst(slices.Collect(maps.Values(f.all)))
}

// overdue returns those that are overdue.
func (f *flights) overdue() []Running {
	return slices.DeleteFunc(f.list(), func(r Running) bool { return r.Age() < OverdueAfter })
}

func oldestFirst(list []Running) []Running {
	slices.SortFunc(list, func(a, b Running) int { return a.AskedAt.Compare(b.AskedAt) })
	return list
}

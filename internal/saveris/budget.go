package saveris

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"saveris-bridge/internal/sleep"
)

// DeadAfter is how long a process is believed that does not say anything new.
const DeadAfter = 30 * time.Second

// How processes share what they have in flight.
const (
	beatEvery  = 5 * time.Second
	sharedMost = 5 * time.Second  // that a query in the background waits for the text
	leaveMost  = time.Second      // that a process which ends does
	blindFor   = 10 * time.Second // after it could not be had
	muteFor    = time.Minute      // after it could not be written, twice as long after each time, up to muteMost
	muteMost   = time.Hour        // for whoever lacks the right
	askAgain   = 500 * time.Millisecond
	storeTries = 4
)

// budget bounds the exports in flight of all processes together. Queries in the background begin only while all of them leave
// room; live ones never ask, they only count. It has no lock over processes: a live poll may begin while the last slot is
// being taken in the background.
type budget struct {
	shared  Shared // nil = this process is alone
	exports int
	polls   bool
	id      string
	overdue func() []Running
	hold    func(time.Duration) // called when the vendor makes another process wait
	wake    chan struct{}
	turn    chan struct{} // to exchange words: one at a time has it, and what stands in the next line

	blind, mute time.Time // until when the text is not read, or not written
	muted       int       // times
	text        string    // as this process has written it
	revision    uint64    // of that, 0 = it has to be read first

	mu               sync.Mutex // of all that follows
	live, background int
	wanting          int // lines that wait for a slot in the background
	ticket           uint64
	beat             uint64
	throttled        time.Time // as the vendor asked this process
	known            map[string]sighting
	looked           bool
}

// sighting is what was seen of another process last.
type sighting struct {
	beat uint64
	at   time.Time
}

func newBudget(cfg *Config, overdue func() []Running, hold func(time.Duration)) *budget {
	return &budget{
		shared: cfg.Shared, exports: cfg.Exports, polls: !cfg.NoLive, id: rand.Text(), overdue: overdue, hold: hold, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		known: map[string]sighting{},
	}
}

// acquire waits until one more export may begin; release it with the same background.
func (b *budget) acquire(ctx context.Context, background bool) error {
	if !background {
		b.count(&b.live, 1)
		return nil
	}
	b.want(1)
	defer b.want(-1)
	for !b.granted(ctx) {
		if err := sleep.For(ctx, longer(askAgain)); err != nil {
			return err
		}
	}
	return nil
}

func (b *budget) release(background bool) {
	if background {
		b.count(&b.background, -1)
	} else {
		b.count(&b.live, -1)
	}
}

// count changes what is in flight. Others get to know soon; nobody waits for that.
func (b *budget) count(n *int, by int) {
	b.mu.Lock()
	*n += by
	b.mu.Unlock()
	b.notify()
}

// notify has the other processes hear of what has changed, soon.
func (b *budget) notify() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *budget) want(by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wanting += by; b.wanting == 0 {
		b.ticket = 0
	}
}

// throttledUntil notes until when the vendor asked this process to wait.
func (b *budget) throttledUntil(until time.Time) {
	b.mu.Lock()
	b.throttled = until
	b.mu.Unlock()
	b.notify()
}

// granted takes a slot in the background if there is room for one, or nobody can say.
func (b *budget) granted(ctx context.Context) bool {
	granted, err := b.exchange(ctx, true)
	if err != nil && !granted {
		b.count(&b.background, 1)
	}
	return granted || err != nil
}

// errAlone says that nothing is known of other processes.
var errAlone = errors.New("what other processes have in flight is not known")

// exchange reads what the others say, and writes what this process does. With take, it takes a slot in the background if there
// is room for one. Only what the text says can hold that back, and a moment of waiting for it.
func (b *budget) exchange(ctx context.Context, take bool) (taken bool, err error) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	if b.shared == nil || time.Now().Before(b.blind) {
		return false, errAlone
	}
	short, cancel := context.WithTimeout(ctx, sharedMost)
	defer cancel()
	for range storeTries {
		read, err := b.read(short)
		if err != nil {
			return false, err
		}
		said, taken := b.reply(readPeers(b.text), take)
		if time.Now().After(b.mute) {
			err = b.write(short, said)
		} else {
			b.revision = 0
		}
		switch {
		case err == nil:
			b.took(taken)
			return taken, nil
		case ctx.Err() != nil: // nothing is known of the text by that
			return false, ctx.Err()
		case short.Err() != nil && !read: // whether it can be had is not known
			b.blind = time.Now().Add(blindFor)
			return false, err
		case short.Err() != nil:
			b.mute, b.muted = time.Now().Add(min(muteFor<<min(b.muted, 10), muteMost)), b.muted+1
			b.took(taken)
			return taken, nil
		}
	}
	return false, nil // others were quicker each time
}

// read loads the text and reports that it did, unless what this process has written last may still be it: writing finds out,
// at a far broker in half the time.
func (b *budget) read(ctx context.Context) (read bool, err error) {
	if b.revision > 0 {
		return false, nil
	}
	if b.text, b.revision, err = b.shared.Load(ctx); err != nil {
		b.blind = time.Now().Add(blindFor)
	}
	return true, err
}

// write replaces the text. Where somebody else has done so, it has to be read again.
func (b *budget) write(ctx context.Context, said peers) (err error) {
	b.text = said.String()
	if b.revision, err = b.shared.Store(ctx, b.text, b.revision); err != nil {
		b.revision = 0
	}
	return err
}

func (b *budget) took(taken bool) {
	if taken {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.background, b.ticket = b.background+1, 0
	}
}

// reply is what the text becomes by this process, and whether a slot in the background is taken by that.
func (b *budget) reply(p peers, take bool) (said peers, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if held := b.look(p, time.Now()); held > 0 {
		b.hold(held)
	}
	delete(p.Processes, b.id)
	taken = take && b.room(p) && !b.behind(p)
	mine := peer{Polls: b.polls, Live: b.live, Background: b.background, Late: b.overdue()}
	if taken {
		mine.Background++
	} else if take && b.ticket == 0 {
		b.ticket = p.Tickets + 1
	}
	if !taken {
		mine.Ticket = b.ticket
	}
	p.Tickets = max(p.Tickets, b.ticket)
	b.beat++
	mine.Beat, mine.Throttled = b.beat, max(0, time.Until(b.throttled).Seconds())
	p.Processes[b.id] = mine
	return p, taken
}

// look takes out of the text who has died, and returns for how long the vendor asked others to wait. A process
// that was there before this one is believed when it says something new.
func (b *budget) look(p peers, now time.Time) (held time.Duration) {
	known := map[string]sighting{}
	for id, other := range p.Processes {
		if id == b.id {
			continue
		}
		s, before := b.known[id]
		switch {
		case !before || s.beat != other.Beat:
			s = sighting{other.Beat, now}
			if before || b.looked {
				held = max(held, time.Duration(min(other.Throttled, longestWait.Seconds())*float64(time.Second)))
			}
		case now.Sub(s.at) >= DeadAfter:
			delete(p.Processes, id)
		}
		known[id] = s
	}
	b.known, b.looked = known, true
	return held
}

// room reports whether all processes leave room for one more export in the background: one slot less than there are, where there
// are several and somebody polls; one in any case, or bridges that poll all the time would leave none.
func (b *budget) room(others peers) bool {
	live, background, most := b.live, b.background, b.exports
	polls := b.polls
	for _, other := range others.Processes {
		live, background, polls = live+max(0, other.Live), background+max(0, other.Background), polls || other.Polls
	}
	if polls {
		most = max(1, b.exports-1)
	}
	return background == 0 || background < most && live+background < b.exports
}

// behind reports whether another process has waited longer.
func (b *budget) behind(others peers) bool {
	for _, other := range others.Processes {
		if other.Ticket > 0 && (b.ticket == 0 || other.Ticket < b.ticket) {
			return true
		}
	}
	return false
}

// Share has the other processes of Config.Shared know what this one has in flight, and follows the vendor's wish to be left
// alone that was asked of one of them, until ctx ends; its error is returned.
func (c *Client) Share(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		_, _ = c.budget.exchange(ctx, false) // the next beat is another try
		select {
		case <-tick.C:
		case <-c.budget.wake:
		case <-ctx.Done():
			c.budget.leave(context.WithoutCancel(ctx))
			return ctx.Err()
		}
	}
}

// leave takes this process out of the text; if that fails, the others find it dead.
func (b *budget) leave(ctx context.Context) {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	if b.shared == nil || time.Now().Before(b.mute) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, leaveMost)
	defer cancel()
	for range storeTries {
		text, revision, err := b.shared.Load(ctx)
		if err != nil {
			return
		}
		p := readPeers(text)
		delete(p.Processes, b.id)
		if _, err := b.shared.Store(ctx, p.String(), revision); err == nil {
			return
		}
	}
}

package saveris

import (
	"context"
	"sync"
)

// slots bounds the exports in flight. Live queries go before those in the background, which leave one slot free where
// there are two or more: a poll never waits behind a backfill of hours. The semaphore of golang.org/x/sync serves whoever has
// waited longest; it knows no one who goes before others.
type slots struct {
	mu         sync.Mutex
	all        int
	free       int
	background int // how many more the background may take
	live, back []chan struct{}
}

// newSlots makes n slots, of which queries in the background may take one less, or all where nothing is polled live.
func newSlots(n int, live bool) *slots {
	if !live {
		return &slots{all: n, free: n, background: n}
	}
	return &slots{all: n, free: n, background: max(1, n-1)}
}

func (s *slots) inFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all - s.free
}

// acquire waits for a slot; release it with the same background.
func (s *slots) acquire(ctx context.Context, background bool) error {
	turn := make(chan struct{})
	s.mu.Lock()
	queue := s.queue(background)
	*queue = append(*queue, turn)
	s.serve()
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-turn: // it came at the same moment
		s.put(background)
	default:
		s.leave(queue, turn)
	}
	return ctx.Err()
}

func (s *slots) release(background bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(background)
}

func (s *slots) put(background bool) {
	s.free++
	if background {
		s.background++
	}
	s.serve()
}

// serve hands out what is free to whoever has waited longest.
func (s *slots) serve() {
	for s.free > 0 {
		switch {
		case len(s.live) > 0:
			close(s.live[0])
			s.live = s.live[1:]
		case len(s.back) > 0 && s.background > 0:
			close(s.back[0])
			s.back = s.back[1:]
			s.background--
		default:
			return
		}
		s.free--
	}
}

func (s *slots) queue(background bool) *[]chan struct{} {
	if background {
		return &s.back
	}
	return &s.live
}

func (s *slots) leave(queue *[]chan struct{}, turn chan struct{}) {
	for i, other := range *queue {
		if other == turn {
			*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
			return
		}
	}
}

package saveris

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestLiveGoesBeforeBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(2, true)
		var order []string
		take := func(name string, background bool) {
			go func() {
				if s.acquire(t.Context(), background) == nil {
					order = append(order, name)
				}
			}()
			synctest.Wait()
		}
		take("back 1", true)
		take("back 2", true) // waits: one slot is for the living
		take("live 1", false)
		take("live 2", false)
		take("live 3", false)
		want := []string{"back 1", "live 1"}
		check := func() {
			t.Helper()
			synctest.Wait()
			if len(order) != len(want) || order[len(order)-1] != want[len(want)-1] {
				t.Fatalf("got %q, want %q", order, want)
			}
		}
		check()
		for _, step := range []struct {
			background bool
			next       string
		}{{true, "live 2"}, {false, "live 3"}, {false, "back 2"}} {
			s.release(step.background)
			want = append(want, step.next)
			check()
		}
		s.release(false)
		s.release(true)
		if s.free != 2 || s.background != 1 {
			t.Errorf("%d free, %d for the background", s.free, s.background)
		}
	})
}

func TestLiveOvertakesBackgroundThatHasWaitedLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1, true)
		if err := s.acquire(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var order []bool
		for _, background := range []bool{true, false} {
			go func() {
				if s.acquire(t.Context(), background) == nil {
					order = append(order, background)
					s.release(background)
				}
			}()
			synctest.Wait()
		}
		s.release(false)
		synctest.Wait()
		if len(order) != 2 || order[0] || !order[1] {
			t.Errorf("background %v, want the live one first", order)
		}
	})
}

func TestGivingUpFreesTheQueue(t *testing.T) {
	t.Parallel()
	s := newSlots(1, true)
	if err := s.acquire(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, background := range []bool{true, false} {
		if err := s.acquire(ctx, background); err != context.Canceled {
			t.Errorf("got %v", err)
		}
	}
	s.release(true)
	if err := s.acquire(t.Context(), true); err != nil || s.free != 0 || len(s.live)+len(s.back) != 0 {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestBackgroundTakesAllWhereNothingIsLive(t *testing.T) {
	t.Parallel()
	s := newSlots(2, false)
	for range 2 {
		if err := s.acquire(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	if s.free != 0 {
		t.Errorf("%d free", s.free)
	}
}

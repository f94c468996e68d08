package replay

import (
	"testing"
	"testing/synctest"
	"time"

	"saveris-bridge/internal/sleep"
)

func TestSpeedKeepsTheDistancesOfMeasuring(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		speed float64
		want  time.Duration // after which the event that was measured two hours later is due
	}{{1, 2 * time.Hour}, {60, 2 * time.Minute}, {0.5, 4 * time.Hour}, {0, 0}} {
		synctest.Test(t, func(t *testing.T) {
			began, first := time.Now(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			p := pacer{speed: c.speed}
			for _, after := range []time.Duration{0, 0, time.Minute, 2 * time.Hour} {
				if err := sleep.For(t.Context(), p.left(first.Add(after))); err != nil {
					t.Fatal(err)
				}
			}
			if took := time.Since(began); took != c.want {
				t.Errorf("speed %v: two hours took %v, want %v", c.speed, took, c.want)
			}
		})
	}
}

func TestWhatWasLateIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		p := pacer{speed: 1}
		p.left(first)
		time.Sleep(time.Minute) // publishing took longer than it should have
		if left := p.left(first.Add(30 * time.Second)); left > 0 {
			t.Errorf("an event that is overdue is waited for, %v", left)
		}
		if left := p.left(first.Add(90 * time.Second)); left != 30*time.Second {
			t.Errorf("the next one is due in %v, want 30s", left)
		}
	})
}

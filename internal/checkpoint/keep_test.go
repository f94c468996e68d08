package checkpoint

import (
	"maps"
	"slices"
	"testing"
	"time"
)

func TestPagesThatNobodyAsksForAreLetGo(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	book := NewBook(&Stream{})
	book.Pages = 3
	for _, c := range []struct {
		ask   string
		after time.Duration
		keeps []string
	}{
		{"mon", 0, []string{"mon"}},
		{"tue", time.Minute, []string{"mon", "tue"}},
		{"wed", time.Minute, []string{"mon", "tue", "wed"}},
		{"mon", time.Minute, []string{"mon", "tue", "wed"}},
		{"thu", time.Minute, []string{"mon", "thu", "wed"}}, // three at most: the one that was asked for longest ago goes
		{"thu", idle - time.Minute, []string{"mon", "thu"}},
		{"thu", idle, []string{"thu"}},
	} {
		now = now.Add(c.after)
		book.keep(c.ask, &Page{}, now)
		if kept := slices.Sorted(maps.Keys(book.pages)); !slices.Equal(kept, c.keeps) {
			t.Errorf("asked for %s: keeps %v, want %v", c.ask, kept, c.keeps)
		}
	}
}

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

// TestOfLargePagesTheNewestDayStays and the one that is in use: the others are asked for once an hour.
func TestOfLargePagesTheNewestDayStays(t *testing.T) {
	now := time.Now()
	book := NewBook(&Stream{})
	page := func(ids int) *Page { return &Page{ids: table{used: ids}} }
	for _, c := range []struct {
		ask   string
		ids   int
		keeps []string
	}{
		{"2026-11-24", 1000, []string{"2026-11-24"}},
		{RejectedDay, 1, []string{"2026-11-24", RejectedDay}},
		{"2026-11-27", maxIDs - 2000, []string{"2026-11-24", "2026-11-27", RejectedDay}},
		{"2026-11-20", maxIDs, []string{"2026-11-20", "2026-11-27"}},
		{"2026-11-26", 10, []string{"2026-11-26", "2026-11-27"}},
		{"2026-11-27", maxIDs - 1000, []string{"2026-11-26", "2026-11-27"}},
	} {
		book.keep(c.ask, page(c.ids), now)
		if kept := slices.Sorted(maps.Keys(book.pages)); !slices.Equal(kept, c.keeps) {
			t.Errorf("asked for %s: keeps %v, want %v", c.ask, kept, c.keeps)
		}
	}
	book.release(len(book.recent), now)
	if book.pages["2026-11-27"] == nil {
		t.Error("the newest day is gone before another one is loaded")
	}
}

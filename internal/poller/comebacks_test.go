package poller

import (
	"testing"
	"time"

	"saveris-bridge/internal/schema"
)

// TestComebacksThatNobodyAsksForAreForgotten: a bridge may lead the fleet for years while another one polls the rows.
func TestComebacksThatNobodyAsksForAreForgotten(t *testing.T) {
	t.Parallel()
	var c Comebacks
	for age := 100; age >= 0; age-- {
		c.Add([]schema.Outage{{Ended: time.Now().AddDate(0, 0, -age)}})
	}
	if got := len(c.ended); got != 31 {
		t.Errorf("those of %d days are remembered, want 31", got)
	}
	if got := len(c.lately(time.Now().AddDate(0, 0, -7))); got != 7 {
		t.Errorf("%d of the last week", got)
	}
}

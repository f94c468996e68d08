package pipeline

import (
	"context"
	"time"

	"saveris-bridge/internal/saveris"
)

// VendorNow returns the vendor's clock for what cannot wait: ours as long as he has not told the time.
func VendorNow(vendor *saveris.Client) func() time.Time {
	done, cancel := context.WithCancel(context.Background())
	cancel() // Now asks the vendor nothing then
	return func() time.Time {
		now, err := vendor.Now(done)
		if err != nil {
			return time.Now()
		}
		return now
	}
}

// ClockAhead returns how far the clock of this machine is ahead of the vendor's, up to a second of which is his rounding. It is not known
// before he has answered, nor where his answers have no Date to go by.
func ClockAhead(vendor *saveris.Client) (ahead time.Duration, known bool) {
	ended, end := context.WithCancel(context.Background())
	end() // Now asks the vendor nothing then
	now, err := vendor.Now(ended)
	if err != nil || vendor.ClockTrouble() != "" {
		return 0, false
	}
	return time.Since(now).Round(time.Second), true
}

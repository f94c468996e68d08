package notebook

import (
	"context"
	"fmt"
	"time"

	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/status"
)

// clockLook is how often the clock of this machine is compared with the vendor's.
const clockLook = 10 * time.Second

// WatchClock compares the clocks until ctx ends, whose error it returns.
func (v *Notes) WatchClock(ctx context.Context, vendor *saveris.Client) error {
	v.forget(skewKey)
	v.forget(clockKey)
	tick := time.NewTicker(clockLook)
	defer tick.Stop()
	for {
		if ahead, known := pipeline.ClockAhead(vendor); known {
			v.clockDiffers(ahead)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SkewLimit is the difference of clocks from which on ages that are shown would be wrong.
const SkewLimit = 30 * time.Second

const (
	skewKey  = "skew"
	clockKey = "clock" // of the note that the vendor's clock is not known
)

// clockDiffers takes over how far the clock of this machine is ahead of the vendor's. The log has it once, and when it is over.
func (v *Notes) clockDiffers(ahead time.Duration) {
	known := v.text(skewKey) != ""
	switch {
	case !known && ahead.Abs() > SkewLimit:
		v.log.Warn("the clocks of this machine and of the vendor differ, ages that are shown and ce-recordedtime are wrong by as much", "ahead", ahead, "hint", SetClock)
		v.put(skewKey, status.Note{Level: status.Look, Text: skewText(ahead)})
	case known && ahead.Abs() < SkewLimit/2:
		v.log.Info("the clocks of this machine and of the vendor agree again", "ahead", ahead)
		v.drop(skewKey)
	}
}

// SetClock is the hint where the clocks differ.
const SetClock = "set the clock of this machine by NTP"

func skewText(ahead time.Duration) string {
	if ahead < 0 {
		return fmt.Sprintf("the clock of the bridge's machine is %v behind the vendor's", -ahead)
	}
	return fmt.Sprintf("the clock of the bridge's machine is %v ahead of the vendor's", ahead)
}

package audit

import (
	"encoding/json"
	"math"
	"sort"
	"time"
)

// state is what is known of a channel at a moment. Times are milliseconds since 1970.
type state struct {
	cycle int64 // 0 = not known
	off   bool
	until int64 // when it is on again, where it is off; never = math.MaxInt64
}

// never is a moment that does not come.
const never = math.MaxInt64

// period returns the number of the period of a moment, -1 before the first one.
func (c *channel) period(at int64) int {
	if c.now < len(c.starts) && c.starts[c.now] <= at && (c.now+1 == len(c.starts) || at < c.starts[c.now+1]) {
		return c.now
	}
	i := sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > at }) - 1
	c.now = max(i, 0)
	return i
}

// at returns what the inventory knows of a moment.
func (c *channel) at(at int64) state {
	i := c.period(at)
	if i < 0 {
		return state{}
	}
	s := state{cycle: c.Periods[i].Cycle.Milliseconds(), off: c.Periods[i].Off, until: never}
	for i++; s.off && i < len(c.Periods); i++ {
		if !c.Periods[i].Off {
			s.until = c.starts[i]
			break
		}
	}
	return s
}

// firstOn returns the first moment of a half-open time at which the inventory has the channel as active; never where there is none.
func (c *channel) firstOn(from, end int64) int64 {
	at := from
	if len(c.starts) > 0 {
		at = max(at, c.starts[0])
	}
	if s := c.at(at); s.off {
		at = s.until
	}
	if len(c.starts) == 0 || at >= end {
		return never
	}
	return at
}

// limitsAt returns the limits in force at a moment, nil where none is known.
func (c *channel) limitsAt(at int64) *limits {
	i := c.period(at)
	if i < 0 || c.Periods[i].Limits == nil {
		return nil
	}
	text := c.Periods[i].Limits.Limits(time.UnixMilli(at).UTC(), c.Unit)
	if text != c.limitsText {
		c.limitsText, c.limits = text, nil
		_ = json.Unmarshal([]byte(text), &c.limits) // ours; null leaves it nil
	}
	return c.limits
}

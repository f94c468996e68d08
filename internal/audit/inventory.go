package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/fleet"
	"saveris-bridge/internal/schema"
)

// Key names a channel: the serial number of its sensor and its number there, as a literal.
type Key struct{ Serial, No string }

// Channel is one that the inventory knows. Empty texts are not known.
type Channel struct {
	Key
	Tenant, Site, Quantity, Unit string
	Names                        *Names
	Periods                      []Period // oldest first; before the first one nothing is known
}

// Names are for people; empty ones are not known.
type Names struct{ Tenant, Site, Device, Sensor, Equipment, Part, Area string }

// Period is a time in which nothing has changed for a channel: until the next one, or for good.
type Period struct {
	From   time.Time
	Off    bool          // inactive, or retired: no reading is due
	Cycle  time.Duration // 0 = not known
	Limits LimitsAt      // nil = none
}

// LimitsAt says which limits are in force at a time of a period, in a unit of UCUM: an object of an event's "limits", or null.
type LimitsAt interface {
	Limits(at time.Time, unit string) string
}

// limits are those of a channel; nil = there is none.
type limits struct {
	LowerAlarm   *float64 `json:"lower_violation"`
	LowerWarning *float64 `json:"lower_warning"`
	UpperWarning *float64 `json:"upper_warning"`
	UpperAlarm   *float64 `json:"upper_violation"`
}

func outside(value float64, lower, upper *float64) bool {
	return lower != nil && value < *lower || upper != nil && value > *upper
}

// looks is how many looks at the fleet it takes at most until a thing that is gone counts as removed.
const looks = 2

// ReadInventory reads what was in force in a span from the stream of the fleet, which is looked at once an interval. It takes two looks
// until a thing counts as removed. So what makes less due, that a channel is off or has a longer cycle, counts from two intervals
// before the look that has found it. A channel that was gone before the first look counts as off from its last reading on; nil for
// the stream of readings = such channels are not looked for.
func ReadInventory(ctx context.Context, stream, readings *checkpoint.Stream, prefix string, span checkpoint.Span, interval time.Duration) ([]Channel, error) {
	from := span.From.Add(-24 * time.Hour)
	last, err := stream.Last(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit the inventory: %w", err)
	}
	var filters []string
	for _, kind := range fleet.PlaceKinds {
		filters = append(filters, prefix+"."+string(schema.Devices)+"."+string(kind)+".>")
	}
	history := fleet.NewHistory(from, span.Until)
	err = stream.EventsOnAny(ctx, filters, checkpoint.Since{}, last+1, func(e checkpoint.StoredEvent) error {
		change, err := schema.ReadFleetChange(e.Subject, e.Header, e.Data)
		if err != nil {
			return nil // somebody else's
		}
		if err := history.Take(change.Data, change.At); err != nil {
			return fmt.Errorf("%s at sequence %d: %w", e.Subject, e.Seq, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit the inventory: %w", err)
	}
	var channels []Channel
	for _, past := range history.Channels() {
		channels = append(channels, channelOf(past, looks*interval))
	}
	if readings != nil {
		before, err := goneBefore(ctx, readings, prefix, channels, from)
		if err != nil {
			return nil, fmt.Errorf("audit the inventory: %w", err)
		}
		channels = append(channels, before...)
	}
	return channels, nil
}

// goneBefore returns the channels whose last reading was before the first look at their tenant, which has not found them. It reads the
// last message of each subject, and nothing where all tenants were known since a moment.
func goneBefore(ctx context.Context, readings *checkpoint.Stream, prefix string, known []Channel, from time.Time) ([]Channel, error) {
	there, looked, all := map[Key]bool{}, map[string]time.Time{}, true
	for _, c := range known {
		there[c.Key] = true
		if first, some := looked[c.Tenant]; !some || c.Periods[0].From.Before(first) {
			looked[c.Tenant] = c.Periods[0].From
		}
	}
	for _, first := range looked {
		all = all && !first.After(from)
	}
	if all {
		return nil, nil
	}
	reader, last := schema.NewReadingReader(), map[Key]schema.StoredReading{}
	err := readings.LastOn(ctx, prefix+"."+string(schema.Readings)+".>", func(e checkpoint.StoredEvent) error {
		r, err := reader.Read(e.Header, e.Data)
		if key := keyOf(&r); err == nil && !there[key] && !there[Key{r.Sensor, r.Channel}] && r.MeasuredAt.After(last[key].MeasuredAt) {
			last[key] = r
		}
		return nil
	})
	var gone []Channel
	for key, r := range last {
		if r.MeasuredAt.Before(looked[r.Tenant]) {
			gone = append(gone, Channel{Key: key, Tenant: r.Tenant, Site: r.Site, Quantity: r.Quantity, Periods: []Period{{From: r.MeasuredAt.Add(time.Millisecond), Off: true}}})
		}
	}
	return gone, err
}

func channelOf(past *fleet.PastChannel, notice time.Duration) Channel {
	c := Channel{
		Key: Key{cmp.Or(past.Serial, past.Sensor), past.No}, Tenant: past.Tenant, Site: past.Site, Quantity: past.Quantity, Unit: past.Unit,
	}
	_ = json.Unmarshal([]byte(past.Names), &c.Names) // ours; null leaves it nil
	for _, p := range past.Periods {
		now := Period{From: p.From, Off: p.Off, Cycle: p.Cycle, Limits: p.Place}
		c.lessen(now, now.From.Add(-notice))
		c.Periods = append(c.Periods, now)
	}
	return c
}

// lessen makes no more due from a moment on than in a period that follows.
func (c *Channel) lessen(p Period, from time.Time) {
	for i := len(c.Periods) - 1; i >= 0; i-- {
		was := c.Periods[i]
		less := was
		less.Off, less.Cycle = was.Off || p.Off, max(was.Cycle, p.Cycle)
		if was.From.Before(from) {
			if less != was {
				less.From = from
				c.Periods = slices.Insert(c.Periods, i+1, less)
			}
			return
		}
		c.Periods[i] = less
	}
}

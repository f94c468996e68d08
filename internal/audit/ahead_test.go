package audit_test

import (
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
)

// crowd stores n readings of a day, of so many sensors that each has one every quarter of an hour, but for the first of each.
func (c *court) crowd(day, n int) {
	c.Helper()
	var events []schema.Event
	for i := 1; len(events) < n; i++ {
		if i%96 > 0 {
			events = append(events, c.reading(fmt.Sprint(1000+i/96), midnight.AddDate(0, 0, day).Add(time.Duration(i%96)*15*time.Minute), "5"))
		}
	}
	c.store(schema.Readings, events...)
}

// TestADayOfAnySizeIsReadWithItsNeighbours: more than are read ahead, as many, and few, behind each other.
func TestADayOfAnySizeIsReadWithItsNeighbours(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	sizes := []int{95, audit.Ahead + 1, 190, 95, audit.Ahead + 96}
	for day, n := range sizes {
		c.crowd(day, n)
	}
	c.covered(schema.Alarms, days(0, len(sizes)))
	got := c.read(c.audit(days(0, len(sizes)), nil))
	stored := make([]int, len(sizes))
	for _, channel := range got.Channels {
		for _, d := range channel.Days {
			for day := range sizes {
				if d.Day == checkpoint.DayOf(midnight.AddDate(0, 0, day)) {
					stored[day] += d.Stored
				}
			}
		}
	}
	for day, n := range sizes {
		if stored[day] != n || got.Days[day].Rows != n {
			t.Errorf("day %d: %d readings, and %d by its record, want %d", day, stored[day], got.Days[day].Rows, n)
		}
	}
	if len(got.Faults) > 0 {
		t.Errorf("%q", got.Faults)
	}
}

// TestADayThatIsReadAheadWaitsForNobody: else the server drops its consumer while a day before it is summed up.
func TestADayThatIsReadAheadWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.crowd(0, audit.Ahead)
	if err := audit.ReadAhead(t.Context(), audit.Config{Readings: c.stream(schema.Readings)}, checkpoint.DayOf(midnight)); err != nil {
		t.Error(err)
	}
}

package verify_test

import (
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// Steps of an execution that goes on over midnight, or that the vendor finds by another of their times, are proven on the day that they
// are stored on.
func TestTasksAcrossMidnightAreProven(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"start", "end", "processed"} {
		c := newCourt(t, saveristest.World{Start: midnight.AddDate(0, 0, -3), Cycle: time.Minute, Sites: 8, Loggers: 1, Channels: 1, TaskEvery: 55 * time.Minute},
			saveristest.Switches{TasksColumn: column, RowsLate: "off"})
		c.feed = schema.Tasks
		c.store(midnight.Add(-24*time.Hour), midnight.Add(30*time.Hour))
		across := 0
		for task := range c.vendor.Tasks(midnight.Add(-24*time.Hour), midnight.Add(30*time.Hour), c.now) {
			asked := map[string]time.Time{"start": task.TaskTimestampStart, "end": task.TaskTimestampEnd, "processed": task.ProcessedAt}[column]
			if task.Timestamp.YearDay() != asked.YearDay() {
				across++
			}
		}
		d := c.about()
		if wantProven(t, d, d.RecordRows); across == 0 || t.Failed() {
			t.Fatalf("%s: %d of %d steps lie across midnight", column, across, d.RecordRows)
		}
	}
}

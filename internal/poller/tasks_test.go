package poller_test

import (
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// TestEveryExecutedStepOnce, whichever column the vendor compares with the range: steps from outside of a window are stored on
// their own day, and an execution that goes on is a correction.
func TestEveryExecutedStepOnce(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"start", "end", "processed"} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, saveristest.Config{
				World:    saveristest.World{Sites: 40, Loggers: 1, Channels: 1, Cycle: time.Minute, TaskEvery: 55 * time.Minute},
				Switches: saveristest.Switches{TasksColumn: column},
				Faults:   saveristest.Faults{Duplicate: .05, Garbage: .05},
			})
			client := b.client(nil)
			b.run(func() { b.awaitCovered(schema.Tasks, dayEnd) }, b.live(b.js, schema.Tasks, client))
			first := b.audit(schema.Tasks, dayEnd)
			if first.Stored < 300 || first.Rejected == 0 {
				t.Errorf("%s: too few to prove anything", first)
			}
			b.ahead.Store(int64(8 * time.Hour)) // what was paused has gone on, across midnight, and the revisits see it
			until := dayEnd.Add(8 * time.Hour)
			structured := b.live(b.js, schema.Tasks, client)
			structured.Writer.Mode = schema.Structured // ids and checks are those of the other mode
			b.run(func() { b.awaitCovered(schema.Tasks, until) }, structured)
			then := b.audit(schema.Tasks, until)
			if then.Corrections == 0 && column != "end" {
				t.Errorf("%s: no execution has gone on", then)
			}
			for _, day := range []string{checkpoint.DayOf(dayEnd), checkpoint.DayOf(until)} {
				page, err := checkpoint.NewBook(checkpoint.NewStream(b.js, names.Stream(schema.Tasks), names.Prefix, "tasks")).Page(b.Context(), day)
				if err != nil || page.Record.Rows == 0 {
					t.Errorf("%s: %+v, %v", day, page, err)
				}
			}
		})
	}
}

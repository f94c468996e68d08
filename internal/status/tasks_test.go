package status_test

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/seed"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

// The board shows of tasks what it shows of every feed, and takes them for no reading.
func TestTasksAreAFeedOfTheBoard(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	task := seed.Event(schema.Tasks, "uuid", "u1", "task_execution_uuid", "x", "sequence_no", "1", "timestamp", at.Format(time.RFC3339),
		"processed_at", at.Add(5*time.Minute).Format(time.RFC3339))
	s.store(s.writer(schema.Tasks), nil, task)
	b := s.board()
	of := func() (f struct {
		newest *time.Time
		rows   int
		late   float64
	}) {
		for _, feed := range b.Status().Feeds {
			if feed.Feed == schema.Tasks {
				if f.newest, f.rows = feed.Newest, int(feed.Rows); feed.Lateness != nil {
					f.late = feed.Lateness.Arrival.Median
				}
			}
		}
		return f
	}
	s.await(b, "the task", func() bool { f := of(); return f.newest != nil && f.newest.Equal(at) && f.rows == 1 && f.late == 300 })
	row := &saveris.Row{Raw: []byte(`{"username":"j.doe"}`), Fields: []saveris.Field{{Name: "username", Kind: saveris.String, Text: []byte("j.doe")}}}
	garbage := schema.NewMaker(schema.Tasks, "saveris", "http://vendor").Event(row, schema.Window{}, at)
	s.store(s.writer(schema.Tasks), nil, garbage)
	shown := func() (rows []string) {
		for _, r := range b.Recent("").Rejects {
			rows = append(rows, r.Row)
		}
		return rows
	}
	s.await(b, "the rejected row", func() bool { return len(shown()) == 1 })
	if row := shown()[0]; strings.Contains(row, "doe") || !strings.Contains(row, "--rejected") {
		t.Errorf("a rejected row of tasks is shown as %q", row)
	}
	if sensors := b.Recent("").Sensors; len(sensors) > 0 {
		t.Errorf("it is a reading: %+v", sensors)
	}
}

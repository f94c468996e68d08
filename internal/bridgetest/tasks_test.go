package bridgetest_test

import (
	"slices"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
)

// TestTheJudgeOfTasks holds a step that is missing, a content that was served and is not stored, and one that no step had.
func TestTheJudgeOfTasks(t *testing.T) {
	for name, fault := range map[string]struct {
		spoil  func([]schema.Event) []schema.Event
		column func(r *bridgetest.AuditReport) int
	}{
		"nothing":         {func(all []schema.Event) []schema.Event { return all }, func(r *bridgetest.AuditReport) int { return 0 }},
		"a step":          {func(all []schema.Event) []schema.Event { return all[1:] }, func(r *bridgetest.AuditReport) int { return r.Missing }},
		"nobody's":        {func(all []schema.Event) []schema.Event { return append(all, step("nobody's", "FINISHED")) }, func(r *bridgetest.AuditReport) int { return r.Unexpected }},
		"another content": {func(all []schema.Event) []schema.Event { all[0] = step(all[0].ID, "FORGED"); return all }, func(r *bridgetest.AuditReport) int { return r.Wrong }},
		"its own content": {func(all []schema.Event) []schema.Event { all[0] = step(all[0].ID, "FORGED"); return all }, func(r *bridgetest.AuditReport) int { return r.Missing }},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			vendor, err := saveristest.Start(saveristest.Config{
				World: saveristest.World{Sites: 4, Cycle: time.Minute, Start: noon.Add(-time.Hour)}, Switches: saveristest.Switches{QueryLatency: "zero"},
				Now: func() time.Time { return noon.Add(8 * time.Hour) }, Record: true,
			})
			c.check(err)
			t.Cleanup(func() { vendor.Close() })
			client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
			c.check(err)
			var all []schema.Event
			maker := schema.NewMaker(schema.Tasks, "saveris", "http://vendor")
			_, err = client.Rows(t.Context(), saveris.Query{Feed: saveris.Tasks, From: noon, Until: noon.Add(time.Hour)}, func(row *saveris.Row) error {
				all = append(all, maker.Event(row, schema.Window{}, noon))
				return nil
			})
			c.check(err)
			slices.SortFunc(all, func(a, b schema.Event) int { return a.Time.Compare(b.Time) })
			w := publish.NewWriter(c.js, publish.Config{Names: publish.Names{Prefix: "saveris"}, Replicas: 1}, publish.Options{
				Feed: schema.Tasks, Name: "test", LiveAge: time.Hour, Now: func() time.Time { return noon },
			})
			_, err = w.Commit(t.Context(), day, fault.spoil(all), nil)
			c.check(err)
			r, err := bridgetest.AuditTasks(t.Context(), c.js, "SAVERIS_TASKS", vendor, bridgetest.Due{From: noon, Until: noon.Add(time.Hour), AsOf: noon.Add(8 * time.Hour), Served: vendor.Served()})
			c.check(err)
			if good := name == "nothing"; r.Clean() != good || !good && fault.column(r) == 0 || r.Stored < 20 {
				t.Errorf("found %s", r)
			}
		})
	}
}

func step(id, status string) schema.Event {
	field := func(name, value string) saveris.Field {
		return saveris.Field{Name: name, Kind: saveris.String, Text: []byte(value)}
	}
	row := saveris.Row{Fields: []saveris.Field{field("uuid", id), field("task_status", status), field("timestamp", noon.Format(time.RFC3339))}}
	return schema.NewMaker(schema.Tasks, "saveris", "http://vendor").Event(&row, schema.Window{}, noon)
}

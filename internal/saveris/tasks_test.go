package saveris

import (
	"maps"
	"slices"
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// Tasks are exports alone: what is set of synchronous endpoints says nothing of them.
func TestTasksAreReadByWhicheverVersionIsThere(t *testing.T) {
	t.Parallel()
	for _, mode := range []SyncMode{SyncAuto, SyncAlways, SyncNever} {
		srv := startVendor(t, saveristest.Config{World: saveristest.World{TaskEvery: time.Hour}})
		heard := &notices{}
		c := newClient(t, srv.URL(), heard.listen, func(cfg *Config) { cfg.Sync = mode })
		var want []string
		for task := range srv.Tasks(from.Add(-Margin), until.Add(Margin), time.Now()) {
			want = append(want, task.UUID)
		}
		slices.Sort(want)
		for _, retired := range []string{"off", "newest"} {
			srv.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.Retired = retired })
			rows := map[string]bool{}
			answer, err := c.Rows(t.Context(), Query{Feed: Tasks, From: from, Until: until}, func(r *Row) error {
				if !r.Of(Tasks) {
					t.Errorf("%s is no task", r.Raw)
				}
				for _, f := range r.Fields {
					if f.Name == "uuid" {
						rows[string(f.Text)] = true
					}
				}
				return nil
			})
			if got := slices.Sorted(maps.Keys(rows)); err != nil || len(want) == 0 || !slices.Equal(got, want) || answer.Route != RouteExport {
				t.Errorf("%s, %s: %d of %d tasks by %s %s, %v", mode, retired, len(got), len(want), answer.Route, answer.Endpoint, err)
			}
		}
		if said := heard.of(Replaced); len(said) != 1 || said[0].Endpoint != "/v3/tasks" || said[0].Instead != "/v2/tasks" {
			t.Errorf("%s: noticed %v", mode, said)
		}
	}
}

package poller_test

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// TestEveryRowOnceInWhateverSpelling: rows that look different each time they are read are stored once, also where they stand in
// two files, change in place, or hold no number.
func TestEveryRowOnceInWhateverSpelling(t *testing.T) {
	t.Parallel()
	mixed := "time.fraction=mixed uuid.case=mixed column.case=mixed file.duplicates=on value.broken_probe="
	for _, c := range []struct {
		settings string
		format   saveris.Format
	}{
		{mixed + "NaN json.time=mixed json.channel_no=mixed alarm.value=number", saveris.JSON},
		{mixed + "Infinity json.layout=array alarm.rows=in-place alarm.source_uuid=empty", saveris.JSON},
		{mixed + "string json.layout=object rows.changed_content=on json.null=null", saveris.JSON},
		{mixed + "NaN csv.time=UTC csv.quoting=none site.value=text", saveris.CSV},
		{mixed + "NaN sync=object json.channel_no=mixed", saveris.JSON},
	} {
		t.Run(c.settings, func(t *testing.T) {
			t.Parallel()
			config := saveristest.Config{World: saveristest.World{Cycle: time.Minute, AlarmEvery: 10 * time.Minute}}
			for _, setting := range strings.Fields(c.settings) {
				key, value, _ := strings.Cut(setting, "=")
				if err := config.Set(key, value); err != nil {
					t.Fatal(err)
				}
			}
			b := newBench(t, config)
			b.start = dayEnd.Add(-90 * time.Minute)
			client := b.client(func(config *saveris.Config) { config.Format = c.format })
			var lives []*poller.Live
			for _, feed := range schema.RowFeeds {
				lives = append(lives, b.live(b.js, feed, client))
			}
			b.run(func() {
				for _, feed := range schema.RowFeeds {
					b.awaitCovered(feed, dayEnd)
				}
			}, lives...)
			for _, feed := range schema.RowFeeds {
				if report := b.audit(feed, dayEnd); report.Stored == 0 || report.Rejected > 0 {
					t.Error(feed, report)
				}
			}
		})
	}
}

package verify

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/hint"
)

func TestASummaryNamesWhatHelpsMostAgainstItsDifferences(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	const fill = "bridge backfill --from 2026-11-23T22:00:00Z --until 2026-11-24T22:00:00Z --feeds readings,alarms"
	proven := Day{VendorRows: 5, Stored: 5, Proven: true}
	for name, c := range map[string]struct {
		day        Day
		text, hint string // empty = it is proven
	}{
		"nothing differs": {day: proven},
		"late":            {Day{Missing: 2, Changed: 1}, "3 rows are missing or changed, 0 events", "BRIDGE_REVISIT"},
		"not covered":     {Day{Missing: 2, Unread: 1}, "2 rows are missing", fill + " reads what is not covered"},
		"wrong entries":   {Day{Missing: 2, Unread: 1, Unexpected: 1, Doubled: 1, BadIndex: 1}, "3 events or entries", "who else writes"},
		"removed":         {Day{Missing: 2, Gone: 1, Unread: 1, Doubled: 1}, "2 rows are missing", fill + " --repair"},
	} {
		sum := NewSummary(from, from.Add(24*time.Hour), []string{"readings", "alarms"})
		for _, d := range []Day{proven, c.day, proven} {
			sum.Add(d)
		}
		err := sum.Err()
		if sum.Proven != (err == nil) || (err == nil) != (c.text == "") || sum.Days != 3 || sum.Unnamed != c.day.Total() {
			t.Errorf("%s: %v, %+v", name, err, sum)
		}
		if code, advice := hint.Of(err); err != nil && (code != hint.Failed || !strings.Contains(advice, c.hint) || !strings.Contains(err.Error(), c.text)) {
			t.Errorf("%s: exit code %d, hint %q: %v", name, code, advice, err)
		}
	}
}

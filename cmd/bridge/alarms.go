package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/status"
)

// openAlarms are those that have been raised and not cleared, the newest first.
type openAlarms struct {
	Alarms []status.Alarm `json:"alarms"`
	Since  *time.Time     `json:"alarms_since"` // those raised before are not known; nil where none is
}

// shownAlarms is how many are shown.
const shownAlarms = 10

// alarmsText is the list for people, the severe ones first; empty where nothing has been read of alarms.
func alarmsText(open openAlarms, now time.Time) string {
	if open.Since == nil && len(open.Alarms) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nopen alarms\n")
	if len(open.Alarms) == 0 {
		b.WriteString("  none\n")
	}
	list := slices.Clone(open.Alarms)
	slices.SortStableFunc(list, func(x, y status.Alarm) int { return severityRank(x) - severityRank(y) })
	for _, a := range list[:min(shownAlarms, len(list))] {
		b.WriteString("  " + alarmLine(a, now) + "\n")
	}
	if rest := len(list) - shownAlarms; rest > 0 {
		fmt.Fprintf(&b, "  and %d more\n", rest)
	}
	if open.Since != nil {
		fmt.Fprintf(&b, "  those raised before %s are not known; bridge backfill --feeds alarms with an earlier --from reads them\n", shownTime(*open.Since))
	}
	return b.String()
}

func severityRank(a status.Alarm) int {
	if i := slices.Index([]string{"alarm", "warning"}, a.Severity); i >= 0 {
		return i
	}
	return 2
}

// alarmLine is severity, condition with its value, whose it is, and since when.
func alarmLine(a status.Alarm, now time.Time) string {
	what := printable(a.Condition)
	if a.Value != nil {
		what += strings.TrimRight(" "+a.Value.String()+" "+printable(a.Unit), " ")
	}
	whose := strings.Join(slices.DeleteFunc([]string{printable(a.Serial), printable(a.Quantity)}, func(s string) bool { return s == "" }), " ")
	return fmt.Sprintf("%-8s %s, %s, since %s", printable(a.Severity), what, whose, whenAndAgo(&a.At, now))
}

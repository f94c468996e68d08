package main

import (
	"fmt"
	"strings"
	"time"

	"saveris-bridge/internal/printable"
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
	groups, rest := status.Together(open.Alarms), len(open.Alarms)
	for _, group := range groups[:min(shownAlarms, len(groups))] {
		b.WriteString("  " + alarmLine(group, now) + "\n")
		rest -= len(group)
	}
	if rest > 0 {
		fmt.Fprintf(&b, "  and %d more\n", rest)
	}
	if open.Since != nil {
		fmt.Fprintf(&b, "  those raised before %s are not known; bridge backfill --feeds alarms with an earlier --from reads them\n", shownTime(*open.Since))
	}
	return b.String()
}

// alarmLine is severity, what is the matter, whose it is, and since when; then what else is open of the same channel.
func alarmLine(group []status.Alarm, now time.Time) string {
	a := group[0]
	line := fmt.Sprintf("%-8s %s", printable.Text(a.Severity), printable.Text(a.Text))
	for _, whose := range []string{strings.TrimSpace(printable.Text(a.Serial) + " " + printable.Text(a.Quantity)), shownSite(a.Site)} {
		if whose != "" {
			line += ", " + whose
		}
	}
	line += ", since " + whenAndAgo(&a.At, now)
	for _, other := range group[1:] {
		line += "; " + printable.Text(other.Severity) + " since " + whenAndAgo(&other.At, now)
	}
	return line
}

// shownSite is a site as lines show it.
func shownSite(site string) string {
	if site == "" {
		return ""
	}
	return "site " + printable.Text(fmt.Sprintf("%.8s", site))
}

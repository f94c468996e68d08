package status

import (
	"fmt"
	"strings"
	"time"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/words"
)

// shownAlarms is how many are shown.
const shownAlarms = 10

// alarmsText lists the open alarms for people, the severe ones first; empty where nothing has been read of alarms.
func (r Report) alarmsText() string {
	if r.AlarmsSince == nil && len(r.Alarms) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nopen alarms\n")
	if len(r.Alarms) == 0 {
		b.WriteString("  none\n")
	}
	groups, rest := Together(r.Alarms), len(r.Alarms)
	for _, group := range groups[:min(shownAlarms, len(groups))] {
		b.WriteString("  " + alarmLine(group, r.At) + "\n")
		rest -= len(group)
	}
	if rest > 0 {
		fmt.Fprintf(&b, "  and %d more\n", rest)
	}
	if r.AlarmsSince != nil {
		fmt.Fprintf(&b, "  those raised before %s are not known; bridge backfill --feeds alarms with an earlier --from reads them\n", words.Time(*r.AlarmsSince))
	}
	return b.String()
}

// alarmLine returns severity, what is the matter, whose it is, and since when; then what else is open of the same channel.
func alarmLine(group []Alarm, now time.Time) string {
	a := group[0]
	line := fmt.Sprintf("%-8s %s", printable.Text(a.Severity), printable.Text(a.Text))
	site := shownSite(a.Site)
	if a.SiteName != "" {
		site = printable.Text(a.SiteName)
	}
	for _, whose := range []string{printable.Text(a.Name), strings.TrimSpace(printable.Text(a.Serial) + " " + printable.Text(a.Quantity)), site} {
		if whose != "" {
			line += ", " + whose
		}
	}
	line += ", since " + words.TimeAndAgo(&a.At, now)
	for _, other := range group[1:] {
		line += "; " + printable.Text(other.Severity) + " since " + words.TimeAndAgo(&other.At, now)
	}
	return line
}

// shownSite returns a site as lines show it.
func shownSite(site string) string {
	if site == "" {
		return ""
	}
	return "site " + printable.Text(fmt.Sprintf("%.8s", site))
}

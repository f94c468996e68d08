package tail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// lines makes a line for people of each event.
type lines struct {
	colour bool
	dated  bool // lines show the date too
	raised raisedAlarms
}

// head prints what the columns are.
func head(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%-14s  %-7s  %-8s  %-14s  %-22s  %10s %s\n", "measured (UTC)", "lane", "site", "sensor/channel", "quantity", "value", "unit")
	return err
}

// longestRow is how many characters of a rejected row a line shows.
const longestRow = 200

// longestName is how many characters of a name a line shows.
const longestName = 40

// line returns the line of an event, harmless and without its end.
func (l *lines) line(e Event) string {
	stamp := e.at().UTC().Format(time.TimeOnly)
	if l.dated {
		stamp = e.at().UTC().Format("01-02 15:04:05")
	}
	if !e.Rejected.IsZero() {
		return printable.Text(fmt.Sprintf("%-14s  rejected: %s: %.*s", stamp, e.Reason, longestRow, e.Row))
	}
	switch {
	case !e.Task.At.IsZero():
		return said(stamp, e.Lane, e.Task.Site, e.Task.Title, e.Task.text())
	case e.Silence != nil:
		return l.coloured(e, said(stamp, string(schema.Health), e.Names.Site, cmp.Or(e.Names.Label(), e.Silence.bridge(), e.channel()), e.silence()))
	case e.Change != nil:
		return l.coloured(e, said(stamp, string(schema.Devices), e.Change.Site, cmp.Or(e.Change.Name, kindName(e.Change.Kind)), e.Change.Text+"  "+e.Change.Key))
	}
	sensor, value := e.channel(), fmt.Sprintf("%10s %s", twoDecimals(e.Value), cmp.Or(e.Unit, e.VendorUnit))
	if e.alarm() {
		sensor, value = e.Sensor.Serial, fmt.Sprintf("%s %s  %s%s", strings.ToUpper(e.Severity), e.State, e.Text, l.raised.beside(e))
	}
	if limits := e.Limits.text(); limits != "" && !e.alarm() {
		value += "  " + limits
	}
	site, siteWidth, sensorWidth := fmt.Sprintf("%.*s", shortSite, e.Site), shortSite, 14
	if name := e.Names.Label(); name != "" { // as people call it, and the serial number last
		sensor, value, sensorWidth = words.Shortened(name, longestName), value+"  "+sensor, 30
	}
	if e.Names.Site != "" {
		site, siteWidth = words.Shortened(e.Names.Site, longestName), 16
	}
	text := fmt.Sprintf("%-14s  %-7s  %-*s  %-*s  %-22s  %s", stamp, e.Lane, siteWidth, site, sensorWidth, sensor, e.Quantity, value)
	return l.coloured(e, printable.Text(strings.TrimRight(text, " ")))
}

// text returns between which values all is well: the limits of a warning, else those of an alarm; empty where there are none.
func (l limits) text() string {
	low, high := cmp.Or(l.LowerWarning, l.LowerViolation), cmp.Or(l.UpperWarning, l.UpperViolation)
	switch {
	case low != "" && high != "":
		return fmt.Sprintf("limits %s to %s", twoDecimals(low), twoDecimals(high))
	case low != "":
		return "limit " + twoDecimals(low) + " at least"
	case high != "":
		return "limit " + twoDecimals(high) + " at most"
	}
	return ""
}

// said is a line that says in words what has happened, the name first.
func said(stamp, lane, site, name, text string) string {
	line := fmt.Sprintf("%-14s  %-7s  %-16s  %-30s  %s", stamp, lane, words.Shortened(site, longestName), words.Shortened(name, longestName), text)
	return printable.Text(strings.TrimRight(line, " "))
}

// channel is the serial number of a sensor and the number of a channel.
func (e Event) channel() string { return e.Sensor.Serial + "/" + e.Sensor.Channel.String() }

// bridge is what is silent where it is no channel.
func (s *silence) bridge() string {
	if s.Feed == "" {
		return ""
	}
	return "bridge, " + s.Feed
}

// silence returns in words that something is silent, or heard again, and the channel's number.
func (e Event) silence() string {
	s, what, since := e.Silence, "reading", ""
	if s.Feed != "" {
		what = "poll"
	}
	if s.LastAt != nil {
		since = " since " + moment(*s.LastAt, s.At)
	}
	text := "SILENT  no " + what + since
	switch {
	case s.Resumed && s.Missing > 0:
		text = "heard again  " + words.Count(s.Missing, what) + " missing" + since
	case s.Resumed:
		text = "heard again, it was silent" + since
	}
	if s.Feed == "" && e.Names.Label() != "" {
		text += "  " + e.channel()
	}
	return text
}

// moment is a time of day, with its day where that is another than that of a line.
func moment(at, line time.Time) string {
	if day := 24 * time.Hour; !at.Truncate(day).Equal(line.Truncate(day)) {
		return at.UTC().Format(time.DateTime)
	}
	return at.UTC().Format(time.TimeOnly)
}

// The colours of alarms, silences and batteries.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

// coloured colours the line of what somebody should look at, and of its end.
func (l *lines) coloured(e Event, line string) string {
	switch {
	case !l.colour:
		return line
	case e.Silence != nil && e.Silence.Resumed, e.Change != nil && e.Change.Renewed:
		return green + line + plain
	case e.Silence != nil, e.Change != nil && e.Change.Low:
		return yellow + line + plain
	case !e.alarm():
		return line
	case e.State == "cleared":
		return green + line + plain
	case e.Severity == "alarm":
		return red + line + plain
	}
	return yellow + line + plain
}

// twoDecimals shortens a number for a terminal. What is stored keeps its digits.
func twoDecimals(n json.Number) string {
	f, err := n.Float64()
	if err != nil || !strings.Contains(n.String(), ".") {
		return n.String()
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// text returns the step in words: how far its execution is, what was to be done and what was entered.
func (t *taskStep) text() string {
	text := fmt.Sprintf("%s task, %s  step %s", spoken(t.Type), spoken(t.Status), cmp.Or(t.Sequence, "_"))
	if t.What != "" {
		text += ": " + words.Shortened(t.What, longestName)
	}
	if t.Content != "" {
		text += "  " + words.Shortened(t.Content, longestName)
	}
	return text
}

// spoken is a word of the vendor's as people write it.
func spoken(word string) string { return strings.ToLower(strings.ReplaceAll(word, "_", " ")) }

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
	if !e.Task.At.IsZero() {
		return printable.Text(fmt.Sprintf("%-14s  %-7s  %-16s  %s", stamp, e.Lane, words.Shortened(e.Task.Site, longestName), e.Task.text()))
	}
	sensor, value := e.Sensor.Serial+"/"+e.Sensor.Channel.String(), fmt.Sprintf("%10s %s", twoDecimals(e.Value), cmp.Or(e.Unit, e.VendorUnit))
	if e.alarm() {
		sensor, value = e.Sensor.Serial, fmt.Sprintf("%s %s  %s%s", strings.ToUpper(e.Severity), e.State, e.Text, l.raised.beside(e))
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

// The colours of alarms.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	green  = "\x1b[32m"
	plain  = "\x1b[0m"
)

// coloured colours the line of an alarm.
func (l *lines) coloured(e Event, line string) string {
	switch {
	case !l.colour || !e.alarm():
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

// text returns the step in words: the task, how far its execution is, what was to be done and what was entered.
func (t *taskStep) text() string {
	text := fmt.Sprintf("%s  %s %s  step %s", words.Shortened(t.Title, longestName), t.Type, t.Status, cmp.Or(t.Sequence, "_"))
	if t.What != "" {
		text += ": " + words.Shortened(t.What, longestName)
	}
	if t.Content != "" {
		text += "  " + words.Shortened(t.Content, longestName)
	}
	return text
}

package audit

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/words"
)

// mostLines is how many alarms, and how many days of a channel with something missing, the table names.
const mostLines = 20

// aligned is how many channels stand in the same columns: a table that is aligned is held in memory.
const aligned = 500

// Text writes the report as tables for a terminal: a line for each channel with the sums of the range, a line for each of its days
// on which something is missing, then the days of the feeds. Numbers are rounded.
func (r *Report) Text(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "audit from %s until %s\nprefix %s, streams %s, bridge %s, made at %s\n\n", stamp(r.From), stamp(r.Until), r.Prefix, strings.Join(r.Streams, ", "), r.Version, stamp(r.MadeAt))
	if err := r.textChannels(b); err != nil {
		return err
	}
	r.textAlarms(b)
	r.textDays(b)
	for _, line := range r.remarks() {
		fmt.Fprintln(b, printable.Text(line))
	}
	fmt.Fprintf(b, "%s\ncheck again: %s\n", r.sentence(), r.Check())
	return b.Flush()
}

func (r *Report) textChannels(b io.Writer) (failed error) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "channel\tquantity\tdue\tstored\tlate\tmissing\tmin\tmean\tmax\tMKT\toutside warning\toutside alarm\t")
	for i, c := range r.channels {
		if i%aligned == aligned-1 {
			_ = t.Flush() // b keeps its error
		}
		f := c.figures()
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", printable.Text(c.title()), printable.Text(c.Quantity), c.due, c.stored, c.late, c.missing, f.values(), f.minutes())
		if c.missing == 0 {
			continue
		}
		left := mostLines
		for i, one := range r.rowsOf(c, &failed) {
			if one.Missing == 0 {
				continue
			}
			if left--; left < 0 {
				fmt.Fprintln(t, "…\t(--csv has all)\t\t\t\t\t\t\t\t\t\t\t")
				break
			}
			f := one.figures(c.Unit)
			fmt.Fprintf(t, "%s\t\t%d\t%d\t%d\t%d\t%s\t%s\n", r.day(i), one.Due, one.Stored, one.Late, one.Missing, f.values(), f.minutes())
		}
	}
	if failed != nil {
		return failed
	}
	return t.Flush()
}

// title is what a channel is called: its names first, if there are any.
func (c *channel) title() string {
	title := cmp.Or(c.Serial, "?") + "/" + cmp.Or(c.No, "?")
	if name := c.name(); name != "" {
		return name + " " + title
	}
	return title
}

// name is where a channel measures, in words; empty where that is not known.
func (c *channel) name() string {
	if c.Names == nil {
		return ""
	}
	var parts []string
	for _, part := range []string{cmp.Or(c.Names.Equipment, c.Names.Device, c.Names.Sensor), c.Names.Part, c.Names.Area, c.Names.Site} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func (f *figures) values() string {
	return strings.Join([]string{rounded(f.Min, 2), rounded(f.Mean, 2), rounded(f.Max, 2), rounded(f.MKT, 2)}, "\t")
}

func (f *figures) minutes() string {
	return rounded(f.MinutesOutsideWarning, 0) + "\t" + rounded(f.MinutesOutsideAlarm, 0) + "\t"
}

func rounded(value *float64, digits int) string {
	if value == nil {
		return "–"
	}
	return decimal(*value, digits)
}

// decimal writes a number for people: one that is too large for its digits to mean anything has an exponent.
func decimal(value float64, digits int) string {
	if math.Abs(value) >= 1e15 {
		return strconv.FormatFloat(value, 'g', 6, 64)
	}
	return strconv.FormatFloat(value, 'f', digits, 64)
}

// short is a literal as the vendor wrote it, rounded where it has more than two decimals or an exponent.
func short(literal string) string {
	whole, decimals, _ := strings.Cut(literal, ".")
	value, err := strconv.ParseFloat(literal, 64)
	if err != nil || len(decimals) <= 2 && !strings.ContainsAny(whole+decimals, "eE") {
		return literal
	}
	return decimal(value, 2)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (r *Report) textAlarms(b io.Writer) {
	if r.AlarmCount == 0 {
		return
	}
	fmt.Fprintf(b, "\nalarms: %d\n", r.AlarmCount)
	for i, a := range r.Alarms {
		if i == mostLines {
			fmt.Fprintf(b, "  … and %d more (--json has all)\n", r.AlarmCount-i)
			break
		}
		fmt.Fprintf(b, "  %s  %s  %s\n", stamp(a.RaisedAt), a.length(), printable.Text(a.text()))
	}
}

func (a *Alarm) length() string {
	if a.EndedAt == nil {
		return "open"
	}
	return strconv.FormatFloat(a.Minutes, 'f', 0, 64) + " min"
}

func (a *Alarm) text() string {
	return strings.Join(strings.Fields(strings.Join([]string{a.Severity, cmp.Or(a.Condition, a.Kind), a.Place(), a.SerialNo, a.Quantity, short(a.Value), a.Unit}, " ")), " ")
}

// Place is what people called where an alarm was raised; empty where that was not known.
func (a *Alarm) Place() string {
	if a.Name == "" || a.SiteName == "" {
		return a.Name + a.SiteName
	}
	return a.Name + ", " + a.SiteName
}

func (r *Report) textDays(b io.Writer) {
	fmt.Fprintln(b)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, d := range r.Days {
		fmt.Fprintf(t, "%s\t%s\t%d rows\tdigest %s\t%s\n", d.Feed, d.Day, d.Rows, d.Digest, d.read())
	}
	_ = t.Flush() // b keeps its error
	fmt.Fprintln(b)
}

// read is when the day was read last.
func (d *FeedDay) read() string {
	if d.Day == "rejected" {
		return ""
	}
	var last time.Time
	for _, iv := range d.Covered {
		if iv.ReadAt.After(last) {
			last = iv.ReadAt
		}
	}
	if last.IsZero() {
		return "not read"
	}
	return "read " + stamp(last)
}

// remarks are lines about what is not as it should be.
func (r *Report) remarks() (list []string) {
	for _, gap := range r.NotRead {
		list = append(list, fmt.Sprintf("not read: %s from %s until %s", gap.Feed, stamp(gap.From), stamp(gap.Until)))
	}
	for _, fault := range r.Faults {
		list = append(list, "fault: "+fault)
	}
	for _, note := range r.Notes {
		list = append(list, "note: "+note)
	}
	if r.Corrections > 0 {
		list = append(list, fmt.Sprintf("corrections: %d; the last content of a reading counts", r.Corrections))
	}
	if r.RejectedCount > 0 {
		list = append(list, fmt.Sprintf("rejected rows: %d, asked for in the range; they could not be events, and may be readings that are missing here", r.RejectedCount))
	}
	for i, one := range r.Rejected {
		if i == mostLines {
			break
		}
		list = append(list, fmt.Sprintf("rejected: %s %s, asked for from %s until %s: %s: %s", one.Feed, one.ID, stamp(one.From), stamp(one.Until), one.Reason, one.Row))
	}
	return list
}

// sentence is the result in one sentence.
func (r *Report) sentence() string {
	switch {
	case r.Complete():
		return fmt.Sprintf("complete: %s, nothing that was due is missing", words.Count(len(r.channels), "channel"))
	case r.Missing > 0:
		return fmt.Sprintf("NOT complete: %d readings are missing", r.Missing)
	}
	return "NOT complete: not all of the range could be judged"
}

package status

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/words"
)

// Report is a status with the verdict on it and the open alarms, as bridge status prints it.
type Report struct {
	OK       bool      `json:"ok"` // Problems is empty
	Problems []Problem `json:"problems"`
	Status
	Severe      int        `json:"severe_alarms"` // of Alarms, those of severity alarm
	Alarms      []Alarm    `json:"alarms"`        // open, newest first
	AlarmsSince *time.Time `json:"alarms_since"`  // alarms that were raised before are not known; nil where none is
}

// NewReport judges a status by the rules.
func NewReport(now Status, recent Recent, rules Rules) Report {
	problems := now.Problems(rules)
	return Report{len(problems) == 0, problems, now, Severe(recent.Alarms), recent.Alarms, recent.AlarmsSince}
}

const allIsWell = "all is well"

// Verdict returns in words that all is well, or what is not. It is harmless on a terminal.
func (r Report) Verdict() string {
	if r.OK {
		return allIsWell
	}
	var wrong []string
	for _, problem := range r.Problems {
		wrong = append(wrong, printable.Text(problem.Text))
	}
	return strings.Join(wrong, "; ")
}

// Text returns the report for people. It is harmless on a terminal.
func (r Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", words.Time(r.At), r.verdictAndAlarms())
	for _, f := range r.Feeds {
		fmt.Fprintf(&b, "\n%s\n", f.Feed)
		for _, line := range feedLines(f, r.At) {
			b.WriteString(strings.TrimRight(fmt.Sprintf("  %-14s %s", line[0], line[1]), " ") + "\n")
		}
	}
	for i, feed := range r.LeftOut {
		b.WriteString([...]string{"\n", ""}[min(i, 1)] + LeftOutText(feed) + "\n")
	}
	if len(r.Vendor) > 0 {
		b.WriteString("\nvendor\n")
		for _, n := range r.Vendor {
			fmt.Fprintf(&b, "  %s  %s\n", words.Time(n.Since), printable.Text(n.Text))
		}
	}
	if len(r.Backfills) > 0 {
		b.WriteString("\nbackfills\n")
		for _, line := range backfillLines(r.Status) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String() + r.fleetText() + r.silencesText() + r.alarmsText()
}

// LeftOutText says of a feed that it is stored too.
func LeftOutText(feed schema.Feed) string {
	return fmt.Sprintf("note: %s are stored too; BRIDGE_FEEDS of this command leaves them out", feed)
}

// verdictAndAlarms adds severe alarms and silent channels to the verdict. They are no fault of the bridge, but then not all is well.
func (r Report) verdictAndAlarms() string {
	verdict := r.Verdict()
	if r.OK && r.Severe+len(r.Silent) > 0 {
		verdict = "the bridge is well"
	}
	if r.Severe > 0 {
		verdict += fmt.Sprintf("; %s %s open", words.Count(r.Severe, "severe alarm"), are(r.Severe))
	}
	if n := len(r.Silent); n > 0 {
		verdict += fmt.Sprintf("; %s %s silent", words.Count(n, "channel"), are(n))
	}
	return verdict
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// feedLines returns a feed's facts, each with its name.
func feedLines(f Feed, now time.Time) [][2]string {
	if len(f.Days) == 0 && f.Rejected == 0 {
		lines := [][2]string{{"nothing is stored yet"}}
		if f.Export != nil {
			lines = append(lines, exportLine(*f.Export, now))
		}
		return lines
	}
	polled := words.Ago(f.ReadAt, now)
	if f.Ahead(now) {
		polled = "not known: what has been read lies ahead of the clock here"
	}
	if f.Leader != "" {
		polled += ", polled by " + printable.Text(f.Leader)
	} else if f.Writer != "" {
		polled += ", last record by " + printable.Text(f.Writer)
	}
	lines := [][2]string{
		{"covered until", words.TimeAndAgo(f.CoveredUntil, now)},
		{"last poll", polled},
		{"newest event", words.TimeAndAgo(f.Newest, now)},
	}
	if f.Export != nil {
		lines = append(lines, exportLine(*f.Export, now))
	}
	gaps := "none"
	switch {
	case f.Since == nil:
		gaps = "none are looked for: only backfills have written here"
	case len(f.Gaps) > 0:
		gaps = gapsText(f.Gaps)
	}
	lines = append(lines, [2]string{"gaps", gaps})
	for i, gap := range f.Gaps {
		if i == shownGaps {
			lines = append(lines, [2]string{"", fmt.Sprintf("and %d more", len(f.Gaps)-i)})
			break
		}
		lines = append(lines, [2]string{"", fmt.Sprintf("%s until %s (%s)", words.Time(gap.From), words.Time(gap.Until), words.Length(gap.Width()))})
	}
	if len(f.Partly) > 0 {
		lines = append(lines, [2]string{"partly read", partlyDays(f.Partly)})
	}
	lines = append(lines,
		[2]string{"rows", fmt.Sprintf("%d on %s", f.Rows, words.Count(len(f.Days), "day"))},
		[2]string{"late rows", lateDays(f)},
		[2]string{"rejected rows", fmt.Sprint(f.Rejected)},
	)
	if l := f.Lateness; l != nil {
		lines = append(lines,
			[2]string{"lateness", fmt.Sprintf("measured to cloud: median %s, 95%% within %s (the newest %d)", words.Seconds(l.Arrival.Median), words.Seconds(l.Arrival.P95), l.Events)},
			[2]string{"", fmt.Sprintf("cloud to stream: median %s, 95%% within %s", words.Seconds(l.Storing.Median), words.Seconds(l.Storing.P95))})
	}
	return lines
}

// exportLine names what a feed waits for.
func exportLine(x Export, now time.Time) [2]string {
	return [2]string{"export", fmt.Sprintf("waiting for the vendor's export since %s, %s; it is of %s until %s",
		words.Time(x.AskedAt), words.Ago(&x.AskedAt, now), words.Time(x.From), words.Time(x.Until))}
}

// How much of a list is shown.
const (
	shownGaps     = 5
	shownLateDays = 5
	shownEnded    = 3 // backfills that have ended
)

// gapsText counts gaps, and names their length.
func gapsText(gaps []checkpoint.Span) string {
	var all time.Duration
	for _, gap := range gaps {
		all += gap.Width()
	}
	return fmt.Sprintf("%s, %s in all", words.Count(len(gaps), "gap"), words.Length(all))
}

// partlyDays names the newest days that have been read in part, with their shares.
func partlyDays(days []Day) string {
	var texts []string
	for _, day := range slices.Backward(days) {
		texts = append(texts, fmt.Sprintf("%s: %s", printable.Text(day.Day), share(day.Covered)))
	}
	more := ""
	if rest := len(texts) - shownLateDays; rest > 0 {
		texts, more = texts[:shownLateDays], fmt.Sprintf(" and %s more", words.Count(rest, "day"))
	}
	return strings.Join(texts, ", ") + more
}

// share is a part of a whole in per cent, which never rounds up to all of it.
func share(part float64) string { return fmt.Sprintf("%.4g%%", math.Floor(part*1000)/10) }

// lateDays names the newest days that had late rows.
func lateDays(f Feed) string {
	if f.Late == 0 {
		return "none"
	}
	var days []string
	for _, day := range slices.Backward(f.Days) {
		if day.Late > 0 {
			days = append(days, fmt.Sprintf("%s: %d", day.Day, day.Late))
		}
	}
	more := ""
	if rest := len(days) - shownLateDays; rest > 0 {
		days, more = days[:shownLateDays], fmt.Sprintf(" and %s more", words.Count(rest, "day"))
	}
	return fmt.Sprintf("%d (%s%s)", f.Late, strings.Join(days, ", "), more)
}

// backfillLines returns the running backfills and the last ones that ended.
func backfillLines(now Status) []string {
	var lines []string
	ended, hidden := 0, 0
	for _, b := range now.Backfills {
		if !b.Running() {
			if ended++; ended > shownEnded {
				hidden++
				continue
			}
		}
		line := fmt.Sprintf("%s  %s  %.0f%% covered, %s until %s, told %s", printable.Text(b.ID), printable.Text(string(b.Phase)), 100*b.Covered,
			words.Time(b.From), words.Time(b.Until), words.Ago(&b.ToldAt, now.At))
		if b.Running() && b.ETA != nil {
			line += fmt.Sprintf(", about %s to go", words.Seconds(*b.ETA))
		}
		if b.Error != nil {
			line += ": " + printable.Text(*b.Error)
		}
		lines = append(lines, line)
	}
	if hidden > 0 {
		lines = append(lines, fmt.Sprintf("and %d older", hidden))
	}
	return lines
}

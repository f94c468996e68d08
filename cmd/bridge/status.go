package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/status"
)

func statusCommand(std streams) *cobra.Command {
	var asJSON, exitCode bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "what is covered, what is late, what is running",
		Long: `Prints how the bridge stands, from what is stored on NATS: for each feed how far it is covered, when it was polled last
and by whom, the gaps, the rows that came late, how long events were under way, the backfills, and the alarms that are open,
however long ago they were raised. The first line says whether all is well. It changes nothing, and needs no bridge to run. Settings are those of run, but none of the vendor's is
needed; bridge run --help lists them. All times are UTC.

Well is a feed that is covered without a gap since its beginning, was polled within the last three BRIDGE_POLL_INTERVAL (a
minute at least), and had no row rejected within a day; readings that are not older than two hours; no backfill that has
failed within a day or, while it runs, said nothing for ten minutes; space on the disk of an embedded server; and a bridge that runs:
none is running where nobody has held the lease to poll for 20 seconds, or, if the store of an embedded server is in use,
none holds that lease. The page and its status.json go by the same.

Exit code 0: it could be read, whatever it says. With --exit-code, for cron and health checks, 1: the verdict is not well. 4: NATS
cannot be used, or nothing has been stored yet.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			now, open, err := readStatus(cmd.Context(), s, std.err)
			if err != nil {
				return orStopped(cmd.Context(), err)
			}
			rules := statusRules(s)
			if err := printStatus(std.out, now, open, rules, asJSON); err != nil {
				return err
			}
			if exitCode && !judged(now, rules).OK {
				return errors.New(verdictOf(now, rules))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "end with 1 where the verdict is not well")
	return cmd
}

func printStatus(out io.Writer, now status.Status, open openAlarms, rules status.Rules, asJSON bool) error {
	if asJSON {
		document := json.NewEncoder(out)
		document.SetIndent("", "  ")
		return document.Encode(statusAndAlarms{judged(now, rules), status.Severe(open.Alarms), open})
	}
	_, err := io.WriteString(out, statusText(now, rules, status.Severe(open.Alarms))+alarmsText(open, now.At))
	return err
}

// recentHistory is how much of the newest readings is looked at for lateness.
const recentHistory = 15 * time.Minute

// readStatus looks once.
func readStatus(ctx context.Context, s config.Settings, log io.Writer) (now status.Status, open openAlarms, err error) {
	js, stop, err := readBroker(ctx, s, log)
	if err != nil {
		return now, open, err
	}
	defer stop()
	alone := natsd.Locks && natsconn.StoreOf(js.Conn()) != nil
	board := status.New(js, status.Config{Names: brokerConfig(s).Names, Feeds: feedsOf(s.Feeds), History: recentHistory, Alone: alone})
	ctx, done := context.WithCancel(ctx)
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return board.Run(both) })
	wait, cancel := context.WithTimeout(ctx, natsconn.StartWait)
	defer cancel()
	err = board.Ready(wait)
	unfit := unfitStreams(wait, js, s)
	interrupted := ctx.Err()
	done()
	_ = group.Wait() // it ends because it was told to
	switch {
	case interrupted != nil:
		return now, open, interrupted
	case err != nil:
		return now, open, fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
	}
	something := func(f status.Feed) bool { return len(f.Days) > 0 || f.Rejected > 0 || f.Export != nil }
	if now = board.Status(); len(now.Vendor)+len(now.Bridge) == 0 && !slices.ContainsFunc(now.Feeds, something) {
		return now, open, fmt.Errorf("%w: no checkpoint is there", natsconn.ErrNothingStored)
	}
	now.Bridge = append(now.Bridge, unfit...)
	recent := board.Recent("")
	return now, openAlarms{recent.Alarms, recent.AlarmsSince}, nil
}

// unfitStreams names what has been edited in streams so that they cannot hold their feeds, with the remedy.
func unfitStreams(ctx context.Context, js jetstream.JetStream, s config.Settings) (notes []status.Note) {
	config := brokerConfig(s)
	for _, feed := range feedsOf(s.Feeds) {
		name := config.Names.Stream(feed)
		stream, err := js.Stream(ctx, name)
		if err != nil {
			continue // what it holds has been read
		}
		info := stream.CachedInfo()
		if err := config.CheckStream(feed, info.Config); err != nil {
			notes = append(notes, status.Note{Level: status.Bad, Text: fmt.Sprintf("stream %s: %v; %s", name, err, natsHint(err)), Since: info.TimeStamp.UTC(), Own: true})
		}
	}
	return notes
}

// statusRules are what the verdict goes by when no store is ours. On a disk that is full nobody could store what this process
// sees itself.
func statusRules(s config.Settings) status.Rules {
	rules := status.Rules{Poll: s.PollInterval}
	if s.Embedded() {
		_, err := natsd.CheckSpace(s.DataDir)
		rules.Here.Store = natsconn.StoreText(err)
		rules.Taken = errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken)
	}
	return rules
}

// statusText is a status for people, where so many severe alarms are open.
func statusText(now status.Status, rules status.Rules, severe int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", shownTime(now.At), withAlarms(verdictOf(now, rules), severe))
	for _, f := range now.Feeds {
		fmt.Fprintf(&b, "\n%s\n", f.Feed)
		for _, line := range feedLines(f, now.At) {
			b.WriteString(strings.TrimRight(fmt.Sprintf("  %-14s %s", line[0], line[1]), " ") + "\n")
		}
	}
	if len(now.Vendor) > 0 {
		b.WriteString("\nvendor\n")
		for _, n := range now.Vendor {
			fmt.Fprintf(&b, "  %s  %s\n", shownTime(n.Since), printable.Text(n.Text))
		}
	}
	if len(now.Backfills) > 0 {
		b.WriteString("\nbackfills\n")
		for _, line := range backfillLines(now) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// withAlarms adds severe alarms to a verdict. They are no fault of the bridge, but then not all is well.
func withAlarms(verdict string, severe int) string {
	if severe == 0 {
		return verdict
	}
	if verdict == allIsWell {
		verdict = "the bridge is well"
	}
	is := "are"
	if severe == 1 {
		is = "is"
	}
	return fmt.Sprintf("%s; %s %s open", verdict, plural(severe, "severe alarm"), is)
}

const allIsWell = "all is well"

// verdictOf says in words whether all is well, or what is not.
func verdictOf(now status.Status, rules status.Rules) string {
	var wrong []string
	for _, problem := range now.Problems(rules) {
		wrong = append(wrong, printable.Text(problem.Text))
	}
	if len(wrong) == 0 {
		return allIsWell
	}
	return strings.Join(wrong, "; ")
}

// statusAndAlarms is what --json prints.
type statusAndAlarms struct {
	judgedStatus
	Severe int `json:"severe_alarms"` // of those that are open
	openAlarms
}

// judgedStatus is a status with the verdict on it.
type judgedStatus struct {
	OK       bool             `json:"ok"`
	Problems []status.Problem `json:"problems"`
	status.Status
}

func judged(now status.Status, rules status.Rules) judgedStatus {
	problems := now.Problems(rules)
	return judgedStatus{len(problems) == 0, problems, now}
}

// feedLines are a feed's facts, each with its name.
func feedLines(f status.Feed, now time.Time) [][2]string {
	if len(f.Days) == 0 && f.Rejected == 0 {
		lines := [][2]string{{"nothing is stored yet"}}
		if f.Export != nil {
			lines = append(lines, exportLine(*f.Export, now))
		}
		return lines
	}
	polled := ago(f.ReadAt, now)
	if f.Ahead(now) {
		polled = "not known: what has been read lies ahead of the clock here"
	}
	if f.Leader != "" {
		polled += ", polled by " + printable.Text(f.Leader)
	} else if f.Writer != "" {
		polled += ", last record by " + printable.Text(f.Writer)
	}
	lines := [][2]string{
		{"covered until", whenAndAgo(f.CoveredUntil, now)},
		{"last poll", polled},
		{"newest event", whenAndAgo(f.Newest, now)},
	}
	if f.Export != nil {
		lines = append(lines, exportLine(*f.Export, now))
	}
	gaps := gapsSum(f.Gaps)
	if f.Since == nil {
		gaps = "none are looked for: only backfills have written here"
	}
	lines = append(lines, [2]string{"gaps", gaps})
	for i, gap := range f.Gaps {
		if i == shownGaps {
			lines = append(lines, [2]string{"", fmt.Sprintf("and %d more", len(f.Gaps)-i)})
			break
		}
		lines = append(lines, [2]string{"", fmt.Sprintf("%s until %s (%s)", shownTime(gap.From), shownTime(gap.Until), took(gap.Width()))})
	}
	if len(f.Partly) > 0 {
		lines = append(lines, [2]string{"partly read", partlyDays(f.Partly)})
	}
	lines = append(lines,
		[2]string{"rows", fmt.Sprintf("%d on %s", f.Rows, plural(len(f.Days), "day"))},
		[2]string{"late rows", lateDays(f)},
		[2]string{"rejected rows", fmt.Sprint(f.Rejected)},
	)
	if l := f.Lateness; l != nil {
		lines = append(lines,
			[2]string{"lateness", fmt.Sprintf("measured to cloud: median %s, 95%% within %s (the newest %d)", seconds(l.Arrival.Median), seconds(l.Arrival.P95), l.Events)},
			[2]string{"", fmt.Sprintf("cloud to stream: median %s, 95%% within %s", seconds(l.Storing.Median), seconds(l.Storing.P95))})
	}
	return lines
}

// exportLine says what a feed waits for.
func exportLine(x status.Export, now time.Time) [2]string {
	return [2]string{"export", fmt.Sprintf("waiting for the vendor's export since %s, %s; it is of %s until %s",
		shownTime(x.AskedAt), ago(&x.AskedAt, now), shownTime(x.From), shownTime(x.Until))}
}

// How much of a list is shown.
const (
	shownGaps     = 5
	shownLateDays = 5
	shownEnded    = 3 // backfills that have ended
)

func gapsSum(gaps []checkpoint.Span) string {
	if len(gaps) == 0 {
		return "none"
	}
	var width time.Duration
	for _, gap := range gaps {
		width += gap.Width()
	}
	return fmt.Sprintf("%s, %s in all", plural(len(gaps), "gap"), took(width))
}

// partlyDays names the newest days that have been read in part, with their shares.
func partlyDays(days []status.Day) string {
	var texts []string
	for _, day := range slices.Backward(days) {
		texts = append(texts, fmt.Sprintf("%s: %s", printable.Text(day.Day), share(day.Covered)))
	}
	more := ""
	if rest := len(texts) - shownLateDays; rest > 0 {
		texts, more = texts[:shownLateDays], fmt.Sprintf(" and %s more", plural(rest, "day"))
	}
	return strings.Join(texts, ", ") + more
}

// share is a part of a whole in per cent, which never rounds up to all of it.
func share(part float64) string { return fmt.Sprintf("%.4g%%", math.Floor(part*1000)/10) }

// lateDays names the newest days that had late rows.
func lateDays(f status.Feed) string {
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
		days, more = days[:shownLateDays], fmt.Sprintf(" and %s more", plural(rest, "day"))
	}
	return fmt.Sprintf("%d (%s%s)", f.Late, strings.Join(days, ", "), more)
}

// backfillLines are the running backfills and the last ones that ended.
func backfillLines(now status.Status) []string {
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
			shownTime(b.From), shownTime(b.Until), ago(&b.ToldAt, now.At))
		if b.Running() && b.ETA != nil {
			line += fmt.Sprintf(", about %s to go", seconds(*b.ETA))
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

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
)

// timeRange are the flags of a command that works on a range of event time.
type timeRange struct{ command, From, Until, Feeds string }

func (r *timeRange) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.From, "from", "", "where the range begins (needed)")
	cmd.Flags().StringVar(&r.Until, "until", "0s", "where it ends; the vendor's now unless given")
	cmd.Flags().Lookup("until").DefValue = "" // what is said of it is enough
	cmd.Flags().StringVar(&r.Feeds, "feeds", "", "feeds to "+r.command+", comma separated (default: those of BRIDGE_FEEDS that have rows)")
}

// check refuses wrong flags and lets those that name feeds win over the settings.
func (r *timeRange) check(s *config.Settings) error {
	if err := r.moments(); err != nil {
		return err
	}
	if r.Feeds != "" {
		normal, want := config.RowFeeds(r.Feeds)
		if want != "" {
			return flagf(r.command, "--feeds is %q: expected %s", r.Feeds, want)
		}
		s.Feeds = strings.Split(normal, ",")
	}
	return needsRows(r.command, *s)
}

// moments refuses times that cannot be read.
func (r *timeRange) moments() error {
	if r.From == "" {
		return flagf(r.command, "--from is missing: expected %s", wantMoment)
	}
	for _, flag := range [][2]string{{"from", r.From}, {"until", r.Until}} {
		at, err := moment(flag[1], time.Now())
		if err != nil {
			return flagf(r.command, "--%s is %q: expected %s", flag[0], flag[1], wantMoment)
		}
		if at.Before(config.Earliest) {
			return flagf(r.command, "--%s is %q: expected a time not before the year 2000", flag[0], flag[1])
		}
	}
	return nil
}

// needsRows refuses settings without a feed of rows, for a command that works on rows.
func needsRows(command string, s config.Settings) error {
	if len(s.Feeds) == 0 {
		return flagf(command, "--feeds is missing: BRIDGE_FEEDS is devices, which has no rows")
	}
	return nil
}

const wantMoment = "an RFC 3339 time such as 2026-07-01T00:00:00Z, or how long ago, such as 24h or 7d"

// moment reads a time, or how long before now it was.
func moment(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	back, err := config.ParseDuration(text)
	if err == nil && back < 0 {
		err = errors.New("it lies in the future")
	}
	return now.Add(-back).UTC(), err
}

// span is the range that is meant. What the vendor's clock has not reached yet is cut off, and told to note.
func (r *timeRange) span(now time.Time, note io.Writer) (checkpoint.Span, error) {
	now = now.Truncate(time.Second)
	from, err := moment(r.From, now)
	if err != nil {
		return checkpoint.Span{}, err
	}
	until, err := moment(r.Until, now)
	if err != nil {
		return checkpoint.Span{}, err
	}
	if !from.Before(until) {
		return checkpoint.Span{}, flagf(r.command, "--from is %s and --until %s: expected a range that is not empty", from.Format(time.RFC3339), until.Format(time.RFC3339))
	}
	if until.After(now) {
		fmt.Fprintf(note, "note: --until is in the vendor's future, the range ends at his now, %s\n", now.Format(time.RFC3339))
		until = now
	}
	if !from.Before(until) {
		return checkpoint.Span{}, flagf(r.command, "--from is %s: expected a time that is not in the vendor's future", from.Format(time.RFC3339))
	}
	return checkpoint.Span{From: from, Until: until}, nil
}

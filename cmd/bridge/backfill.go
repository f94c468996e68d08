package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/backfill"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
)

// backfillOptions are the flags of bridge backfill.
type backfillOptions struct {
	timeRange
	Workers   int
	Reread    bool
	Republish bool
	Repair    bool
	DryRun    bool
}

func backfillCommand(std streams) *cobra.Command {
	o := backfillOptions{timeRange: timeRange{command: "backfill"}}
	cmd := &cobra.Command{
		Use:   "backfill --from T [--until T]",
		Short: "fill a range of the past, then end",
		Long: `Reads what is not covered of a range and stores it, oldest first, until the checkpoint covers all of it. Settings are those
of run; bridge run --help lists them. The range is half-open and counts in the time of the events.

It may be stopped at any time; the same command goes on where it was, and a backfill that is done reads nothing. It is
safe beside run, which goes first while it is late, and beside other backfills: several processes at one range share its
days. Life-cycle events (started, progress, finished, failed, paused) are sent to <prefix>.backfills.<id>.

T is an RFC 3339 time, or how long ago in the vendor's clock: 24h, 7d.

Exit code 0: all is covered. 1: stopped before, or parts cannot be had; they stay gaps, and what --repair cannot put back is
listed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := std.load(cmd.Context())
			if err != nil {
				return err
			}
			if err := o.check(&s); err != nil {
				return err
			}
			if o.DryRun {
				return backfill.Forecast(cmd.Context(), o.config(quieter(s), std))
			}
			return runBackfill(cmd.Context(), s, o, std)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&o.Workers, "workers", 1, "days that this process works on at the same time")
	cmd.Flags().BoolVar(&o.Reread, "reread", false, "read what is covered again too, for late and changed rows; nothing is stored twice")
	cmd.Flags().BoolVar(&o.Republish, "republish", false, "read and store days again that retention has removed from the stream")
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "store again, once, what somebody has removed from the streams: what an index lists and the stream lacks, on all UTC days that the range touches")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "print the windows that would be read and an estimate, and change nothing")
	return cmd
}

// maxWorkers is more than any broker has a use for: a stream stores one batch at a time.
const maxWorkers = 16

// check refuses wrong flags and lets those that name feeds win over the settings.
func (o *backfillOptions) check(s *config.Settings) error {
	if o.Workers < 1 || o.Workers > maxWorkers {
		return flagf("backfill", "--workers is %d: expected 1 to %d", o.Workers, maxWorkers)
	}
	if o.Repair && (o.Reread || o.Republish || o.Workers > 1) {
		return flagf("backfill", "--repair is set together with --reread, --republish or several --workers: expected it alone")
	}
	return o.timeRange.check(s)
}

func (o *backfillOptions) config(s config.Settings, std streams) backfill.Config {
	return backfill.Config{
		Pipeline: s.Pipeline, Range: func(now time.Time) (checkpoint.Span, error) { return o.span(now, std.err) },
		Workers: o.Workers, Reread: o.Reread, Republish: o.Republish, Repair: o.Repair,
		Version: version, Log: newLogger(s.Log, std.err), Out: std.out, Notes: std.err,
	}
}

func runBackfill(ctx context.Context, s config.Settings, o backfillOptions, std streams) error {
	if !isTerminal(std.err) {
		return backfill.Run(ctx, o.config(s, std))
	}
	s.LogFormat = cmp.Or(strings.ReplaceAll(s.LogFormat, "auto", ""), "text")
	s = quieter(s) // the bar has the rest
	c, bar := o.config(s, std), newBar(std.err)
	c.Log, c.Bar = newLogger(s.Log, &besideBar{bar, std.err}), bar
	return backfill.Run(ctx, c)
}

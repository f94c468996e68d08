package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/coverage"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
)

func checkpointCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "show what is covered, have it read again, take it over",
		Long: `Shows and changes the checkpoint: which intervals have been read completely. It lies in the streams, a record a feed and UTC
day. Settings are those of run; bridge run --help lists them.`,
	}
	cmd.AddCommand(checkpointShow(std), checkpointReset(std), checkpointAdopt(std))
	return cmd
}

func checkpointShow(std streams) *cobra.Command {
	var asJSON bool
	var only string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "what is covered, by feed and day",
		Long: `Prints a line for each feed and UTC day: what of it has been read completely, how many rows are stored, how many of them
came late, and when it was read last. All times are UTC. It changes nothing, and none of the vendor's settings is needed.

--json prints the records as they are stored, one a line; bridge schema checkpoint says what stands in them.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			if only != "" {
				normal, want := config.RowFeeds(only)
				if want != "" {
					return flagf("checkpoint show", "--feeds is %q: expected %s", only, want)
				}
				s.Feeds = strings.Split(normal, ",")
			}
			if err := needsRows("checkpoint show", s); err != nil {
				return err
			}
			js, stop, err := readBroker(cmd.Context(), s, std.err)
			if err != nil {
				return err
			}
			defer stop()
			return coverage.Show(cmd.Context(), s.Streams, js, asJSON, std.out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the records as JSON, one a line")
	cmd.Flags().StringVar(&only, "feeds", "", "feeds to show, comma separated (default: those of BRIDGE_FEEDS that have rows)")
	return cmd
}

// confirmed has an error of a change that was not confirmed ask for --yes.
func confirmed(command string, err error) error {
	if !errors.Is(err, coverage.ErrNotConfirmed) {
		return err
	}
	return &usageError{errors.New("nothing has been changed: --yes is missing"), "the same command with --yes does it; bridge checkpoint " + command + " --help says more"}
}

// resetOptions are the flags of bridge checkpoint reset.
type resetOptions struct {
	Feed, From, Until string
	Yes               bool
}

func checkpointReset(std streams) *cobra.Command {
	var o resetOptions
	cmd := &cobra.Command{
		Use:   "reset --feeds F --from T --until T --yes",
		Short: "make a range uncovered, so that it is read again",
		Long: `Makes a range of a feed uncovered: it is a gap then, and is read again. What is stored stays stored, and rows that come again
are recognised by their ids, so nothing is doubled. It says what will happen, and does it with --yes. It may be used beside a
bridge that runs.

A gap that is not older than where bridge run has begun is read by it; older ones are read by bridge backfill alone. The
output says which it is.

T is an RFC 3339 time, or how long ago by the clock of this machine: 24h, 7d. The range is half-open and counts in the time
of the events.

Exit code 0: done, or nothing of it was covered. 2: --yes is missing, or the coverage is another account's.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := std.load(cmd.Context())
			if err != nil {
				return err
			}
			span, err := o.check(&s, time.Now())
			if err != nil {
				return err
			}
			return pipeline.WithLogin(s.Vendor, runReset(cmd.Context(), s, span, o.Yes, std))
		},
	}
	cmd.Flags().StringVar(&o.Feed, "feeds", "", "the feed, one of them (needed)")
	cmd.Flags().StringVar(&o.Feed, "feed", "", "the same as --feeds")
	cmd.Flags().StringVar(&o.From, "from", "", "where the range begins (needed)")
	cmd.Flags().StringVar(&o.Until, "until", "", "where it ends (needed)")
	cmd.Flags().BoolVar(&o.Yes, "yes", false, "do it")
	return cmd
}

// check refuses wrong flags, and has the settings name the one feed.
func (o resetOptions) check(s *config.Settings, now time.Time) (span checkpoint.Span, err error) {
	normal, want := config.RowFeeds(o.Feed)
	if want != "" || strings.Contains(normal, ",") {
		return span, flagf("checkpoint reset", "--feeds is %q: expected one feed, such as readings", o.Feed)
	}
	s.Feeds = []string{normal}
	for _, flag := range []struct {
		name, text string
		to         *time.Time
	}{{"from", o.From, &span.From}, {"until", o.Until, &span.Until}} {
		if *flag.to, err = moment(flag.text, now); err != nil || flag.text == "" {
			return span, flagf("checkpoint reset", "--%s is %q: expected %s", flag.name, flag.text, wantMoment)
		}
	}
	if span.Empty() {
		return span, flagf("checkpoint reset", "--from is %s and --until %s: expected a range that is not empty", span.From.Format(time.RFC3339), span.Until.Format(time.RFC3339))
	}
	return span, nil
}

func runReset(ctx context.Context, s config.Settings, span checkpoint.Span, yes bool, std streams) error {
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	err = coverage.Reset(ctx, pipeline.New(s.Pipeline, js), schema.Feed(s.Feeds[0]), span, yes, std.out, newLogger(s.Log, std.err))
	return confirmed("reset", err)
}

func checkpointAdopt(std streams) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "adopt --yes",
		Short: "take the coverage over for the present login",
		Long: `Takes what is covered over for the login of the settings: from then on it counts as read by it, and is not read again but
for late rows. That is for another login of the same account where bridge run cannot see by itself that it is the same,
because that one has stored no row. Where rows can be compared and none is stored it refuses: that is another
account, and each account needs a BRIDGE_PREFIX of its own, or its rows would be lost.

It says what will happen, and does it with --yes. No bridge of another login may poll meanwhile.

Exit code 0: done, or it is this login's already. 2: --yes is missing, or it is another account's. 3: the vendor refuses the
login.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := std.load(cmd.Context())
			if err != nil {
				return err
			}
			return pipeline.WithLogin(s.Vendor, runAdopt(cmd.Context(), s, yes, std))
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func runAdopt(ctx context.Context, s config.Settings, yes bool, std streams) error {
	vendor, err := saveris.New(pipeline.VendorConfig(s.Vendor, s.WindowRows))
	if err == nil {
		err = vendor.Login(ctx) // a name that is mistyped must not own anything
	}
	if err != nil {
		return err
	}
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	return confirmed("adopt", coverage.Adopt(ctx, pipeline.New(s.Pipeline, js), vendor, yes, std.out, newLogger(s.Log, std.err)))
}

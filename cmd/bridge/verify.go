package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/poller"
	"saveris-bridge/internal/printable"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/verify"
)

// verifyOptions are the flags of bridge verify.
type verifyOptions struct {
	timeRange
	JSON  bool
	Limit int
}

func verifyCommand(std streams) *cobra.Command {
	o := verifyOptions{timeRange: timeRange{command: "verify"}}
	cmd := &cobra.Command{
		Use:   "verify --from T [--until T]",
		Short: "prove that the streams hold every row of a range exactly once",
		Long: `Reads a range from the vendor again and proves that the streams hold every row of it exactly once: one line a feed and UTC
day, then what differs, row by row. Nothing is written; it may run beside run. Settings are those of run; bridge run --help
lists them. The range is half-open and counts in the time of the events.

T is an RFC 3339 time, or how long ago in the vendor's clock: 24h, 7d.

A difference is one of
  missing     the vendor shows the row, the stream does not hold it
  changed     the stream holds the row with other content, and this content not as a correction either
  unexpected  the stream holds an event that no row accounts for
  doubled     the stream holds an event whose id it has already
  bad_index   an index or a record does not say what the stream holds

Exit code 0: proven. 1: not proven, or it could not be finished.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.Load(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			if err := o.check(&s); err != nil {
				return err
			}
			return withLogin(s, runVerify(cmd.Context(), s, o, std))
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON: an object a feed and day, and one that sums up")
	cmd.Flags().IntVar(&o.Limit, "limit", 100, "differences to name; all are counted")
	return cmd
}

// check refuses wrong flags and lets those that name feeds win over the settings.
func (o verifyOptions) check(s *config.Settings) error {
	if o.Limit < 0 {
		return flagf("verify", "--limit is %d: expected 0 or more", o.Limit)
	}
	return o.timeRange.check(s)
}

func runVerify(ctx context.Context, s config.Settings, o verifyOptions, std streams) error {
	config := vendorConfig(s)
	config.NoLive = true
	vendor, now, err := askTheTime(ctx, config)
	if err != nil {
		return err
	}
	span, err := o.span(now, std.err)
	if err != nil {
		return err
	}
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	if requests, err := publish.FindRequests(ctx, js, brokerConfig(s)); err == nil { // else there is nobody to share with
		config.Shared = requests
		if vendor, err = saveris.New(config); err != nil {
			return err
		}
	}
	if err := newProof(s, vendor, newAccounts(s, js), newLogger(s.Log, std.err)).Settle(ctx); err != nil {
		return err
	}
	p := &verdictPrinter{out: std.out, json: o.JSON, sum: verifySummary{
		Summary: true, From: span.From, Until: span.Until, Feeds: s.Feeds,
	}}
	err = sharing(ctx, vendor, func() error { return verifyFeeds(ctx, s, span, vendor, js, p, o.Limit, newLogger(s.Log, std.err)) })
	if err != nil {
		return err
	}
	return p.end()
}

func verifyFeeds(ctx context.Context, s config.Settings, span checkpoint.Span, vendor *saveris.Client, js jetstream.JetStream, p *verdictPrinter, limit int, log *slog.Logger) error {
	for _, name := range s.Feeds {
		feed := schema.Feed(name)
		stream := checkpoint.NewStream(js, brokerConfig(s).Names.Stream(feed), s.Prefix, name)
		stream.OnForeign = newForeigners(s, feed, log.With("feed", feed)).note
		v := &verify.Verifier{
			Source: vendor, VendorFeed: poller.VendorFeed(feed), Maker: schema.NewMaker(feed, s.Prefix, s.SaverisURL), Feed: feed,
			Stream: stream, Rows: s.WindowRows, Keep: limit - p.named,
		}
		if err := v.Run(ctx, span, p.day); err != nil {
			return err
		}
	}
	return nil
}

// notProven says that there are differences.
type notProven struct {
	late, other uint64
	unread      uint64 // of those that are late
	gone        uint64 // of those, what was stored and somebody has removed
	fill        string // the command that reads what is not covered
}

func (e *notProven) Error() string {
	return fmt.Sprintf("NOT proven: %d rows are missing or changed, %d events or entries are unexpected, doubled or wrong", e.late, e.other)
}

// Advice returns the exit code and what to do.
func (e *notProven) Advice() (code int, text string) {
	switch {
	case e.gone > 0:
		return hint.Failed, e.fill + " --repair puts back what was removed; verify again then, and ask who deletes from the streams"
	case e.other > 0:
		return hint.Failed, "unexpected, doubled or wrong entries do not heal by themselves: keep the list (--json), and ask who else writes to or deletes from the streams"
	case e.unread > 0:
		return hint.Failed, e.fill + " reads what is not covered; verify again then"
	}
	return hint.Failed, "bridge run reads again at the ages of BRIDGE_REVISIT and stores what is late or changed; verify again then. What it does not cover, or has passed the last age, it leaves alone"
}

// verifySummary is the last object of bridge verify --json: sums over all days and feeds.
type verifySummary struct {
	Summary     bool      `json:"summary"` // true, which tells it from a day
	From        time.Time `json:"from"`
	Until       time.Time `json:"until"`
	Feeds       []string  `json:"feeds"`
	Days        int       `json:"days"`
	VendorRows  uint64    `json:"vendor_rows"`
	Stored      uint64    `json:"stored"`
	Corrections uint64    `json:"corrections"`
	Missing     uint64    `json:"missing"`
	Changed     uint64    `json:"changed"`
	Unexpected  uint64    `json:"unexpected"`
	Doubled     uint64    `json:"doubled"`
	BadIndex    uint64    `json:"bad_index"`
	Unnamed     uint64    `json:"unnamed"` // differences that are counted but not listed
	unread      uint64    // of those that are missing
	gone        uint64    // likewise
	Proven      bool      `json:"proven"`
}

// fill is the command that reads what is not covered of the range.
func (s *verifySummary) fill() string {
	return fmt.Sprintf("bridge backfill --from %s --until %s --feeds %s", s.From.Format(time.RFC3339Nano), s.Until.Format(time.RFC3339Nano), strings.Join(s.Feeds, ","))
}

// verdictPrinter prints days as they come and sums them up.
type verdictPrinter struct {
	out   io.Writer
	json  bool
	named int
	list  []string
	sum   verifySummary
}

func (p *verdictPrinter) day(d verify.Day) error {
	p.named += len(d.Differences)
	s := &p.sum
	s.Days++
	s.VendorRows += d.VendorRows
	s.Stored += d.Stored
	s.Corrections += d.Corrections
	s.Missing += d.Missing
	s.unread += d.Unread
	s.gone += d.Gone
	s.Changed += d.Changed
	s.Unexpected += d.Unexpected
	s.Doubled += d.Doubled
	s.BadIndex += d.BadIndex
	s.Unnamed += d.Total() - uint64(len(d.Differences))
	if p.json {
		return json.NewEncoder(p.out).Encode(d)
	}
	for _, diff := range d.Differences {
		p.list = append(p.list, differenceLine(d, diff))
	}
	_, err := fmt.Fprintln(p.out, dayLine(d))
	return err
}

func dayLine(d verify.Day) string {
	line := fmt.Sprintf("%-8s  %-10s  vendor %9d  stored %9d  digest %s  ", d.Feed, d.Day, d.VendorRows, d.Stored, d.Digest)
	if d.Proven {
		line += "proven"
		if d.Corrections > 0 {
			line += fmt.Sprintf(", %d corrections", d.Corrections)
		}
		return line
	}
	var counts []string
	for _, c := range []struct {
		n    uint64
		name string
	}{{d.Missing, "missing"}, {d.Changed, "changed"}, {d.Unexpected, "unexpected"}, {d.Doubled, "doubled"}, {d.BadIndex, "bad index"}} {
		if c.n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return line + "NOT proven: " + strings.Join(counts, ", ")
}

func differenceLine(d verify.Day, diff verify.Difference) string {
	parts := []string{string(diff.Kind), d.Feed, d.Day}
	if diff.ID != "" {
		parts = append(parts, "id "+diff.ID)
	}
	if diff.Time != nil {
		parts = append(parts, diff.Time.Format(time.RFC3339Nano))
	}
	if diff.Subject != "" {
		parts = append(parts, "sensor "+diff.Subject)
	}
	if diff.Sequence > 0 {
		parts = append(parts, fmt.Sprintf("sequence %d", diff.Sequence))
	}
	return printable.Text(strings.Join(parts, "  ") + ": " + diff.Why)
}

// end prints the list and the sum, and gives a notProven where something differs.
func (p *verdictPrinter) end() error {
	s := &p.sum
	bad := &notProven{late: s.Missing + s.Changed, other: s.Unexpected + s.Doubled + s.BadIndex, unread: s.unread, gone: s.gone, fill: s.fill()}
	s.Proven = bad.late+bad.other == 0
	if p.json {
		if err := json.NewEncoder(p.out).Encode(s); err != nil {
			return err
		}
	} else {
		for _, line := range p.list {
			fmt.Fprintln(p.out, line)
		}
		if s.Unnamed > 0 {
			fmt.Fprintf(p.out, "... and %d more (--limit)\n", s.Unnamed)
		}
		if s.Proven {
			fmt.Fprintf(p.out, "proven: %d rows from %s until %s, each stored exactly once\n", s.VendorRows, s.From.Format(time.RFC3339), s.Until.Format(time.RFC3339))
		}
	}
	if !s.Proven {
		return bad
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := std.load(cmd.Context())
			if err != nil {
				return err
			}
			if err := o.check(&s); err != nil {
				return err
			}
			return pipeline.WithLogin(s.Vendor, runVerify(cmd.Context(), s, o, std))
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
	vendorConfig := pipeline.VendorConfig(s.Vendor, s.WindowRows)
	vendorConfig.NoLive = true
	vendor, now, err := pipeline.AskTime(ctx, vendorConfig)
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
	if requests, err := publish.FindRequests(ctx, js, pipeline.Broker(s.Streams)); err == nil { // else there is nobody to share with
		vendorConfig.Shared = requests
		if vendor, err = saveris.New(vendorConfig); err != nil {
			return err
		}
	}
	pipe, log := pipeline.New(s.Pipeline, js), newLogger(s.Log, std.err)
	if err := pipe.Proof(vendor, log).Settle(ctx); err != nil {
		return err
	}
	p := &verdictPrinter{out: std.out, json: o.JSON, sum: verify.NewSummary(span.From, span.Until, s.Feeds)}
	err = pipeline.Sharing(ctx, vendor, func() error { return verifyFeeds(ctx, pipe, span, vendor, p, o.Limit, log) })
	if err != nil {
		return err
	}
	return p.end()
}

func verifyFeeds(ctx context.Context, pipe *pipeline.Pipeline, span checkpoint.Span, vendor *saveris.Client, p *verdictPrinter, limit int, log *slog.Logger) error {
	s := pipe.Settings
	for _, feed := range pipeline.Feeds(s.Streams) {
		stream := checkpoint.NewStream(pipe.JS, pipeline.Broker(s.Streams).Names.Stream(feed), s.Prefix, string(feed))
		stream.OnForeign = pipe.ForeignLog(feed, log.With("feed", feed)).OnMessage
		v := &verify.Verifier{
			Source: vendor, VendorFeed: schema.VendorFeed(feed), Maker: pipe.Maker(feed), Feed: feed,
			Stream: stream, Rows: s.WindowRows, Keep: limit - p.named,
		}
		if err := v.Run(ctx, span, p.day); err != nil {
			return err
		}
	}
	return nil
}

// verdictPrinter prints days as they come and sums them up.
type verdictPrinter struct {
	out   io.Writer
	json  bool
	named int
	list  []string
	sum   *verify.Summary
}

func (p *verdictPrinter) day(d verify.Day) error {
	p.named += len(d.Differences)
	p.sum.Add(d)
	if p.json {
		return json.NewEncoder(p.out).Encode(d)
	}
	for _, diff := range d.Differences {
		p.list = append(p.list, d.DifferenceLine(diff))
	}
	_, err := fmt.Fprintln(p.out, d.Line())
	return err
}

// end prints the list and the sum, whose error it returns.
func (p *verdictPrinter) end() error {
	if p.json {
		if err := json.NewEncoder(p.out).Encode(p.sum); err != nil {
			return err
		}
		return p.sum.Err()
	}
	for _, line := range p.list {
		fmt.Fprintln(p.out, line)
	}
	if p.sum.Unnamed > 0 {
		fmt.Fprintf(p.out, "... and %d more (--limit)\n", p.sum.Unnamed)
	}
	if p.sum.Proven {
		fmt.Fprintf(p.out, "proven: %d rows from %s until %s, each stored exactly once\n", p.sum.VendorRows, p.sum.From.Format(time.RFC3339), p.sum.Until.Format(time.RFC3339))
	}
	return p.sum.Err()
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/natsconn"
	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/schema"
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			now, recent, err := readStatus(cmd.Context(), s, std.err)
			if err != nil {
				return orStopped(cmd.Context(), err)
			}
			report := status.NewReport(now, recent, statusRules(s)) // once the store is ours no more
			if err := printStatus(std.out, report, asJSON); err != nil {
				return err
			}
			if exitCode && !report.OK {
				return errors.New(report.Verdict())
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document")
	cmd.Flags().BoolVar(&exitCode, "exit-code", false, "end with 1 where the verdict is not well")
	return cmd
}

func printStatus(out io.Writer, report status.Report, asJSON bool) error {
	if asJSON {
		document := json.NewEncoder(out)
		document.SetIndent("", "  ")
		return document.Encode(report)
	}
	_, err := io.WriteString(out, report.Text())
	return err
}

// recentHistory is how much of the newest readings is looked at for lateness.
const recentHistory = 15 * time.Minute

// readStatus looks once.
func readStatus(ctx context.Context, s config.Settings, log io.Writer) (now status.Status, recent status.Recent, err error) {
	js, stop, err := readBroker(ctx, s, log)
	if err != nil {
		return now, recent, err
	}
	defer stop()
	alone := natsd.Locks && natsconn.StoreOf(js.Conn()) != nil
	wait, cancel := context.WithTimeout(ctx, natsconn.StartWait)
	defer cancel()
	now, recent, err = status.Read(wait, js, status.Config{Names: pipeline.Broker(s.Streams).Names, Feeds: pipeline.Feeds(s.Streams), Fleet: s.Devices, History: recentHistory, Alone: alone})
	switch {
	case ctx.Err() != nil:
		return now, recent, ctx.Err()
	case err != nil:
		return now, recent, fmt.Errorf("%w: %w", natsconn.ErrUnusable, natsconn.Refusal(js.Conn(), err))
	}
	now.LeftOut = leftOut(wait, js, s)
	something := func(f status.Feed) bool { return len(f.Days) > 0 || f.Rejected > 0 || f.Export != nil }
	if len(now.Vendor)+len(now.Bridge)+len(now.LeftOut) == 0 && !slices.ContainsFunc(now.Feeds, something) && !fleetStored(wait, js, s) {
		return now, recent, fmt.Errorf("%w: no checkpoint is there", natsconn.ErrNothingStored)
	}
	now.Bridge = append(now.Bridge, unfitStreams(wait, js, s)...)
	return now, recent, nil
}

// leftOut are the feeds of rows that are stored too, with a checkpoint record, and not among those of the settings. What cannot be
// asked for is not named.
func leftOut(ctx context.Context, js jetstream.JetStream, s config.Settings) (feeds []schema.Feed) {
	names := pipeline.Broker(s.Streams).Names
	for _, feed := range publish.Feeds {
		if slices.Contains(s.Feeds, string(feed)) {
			continue
		}
		stream, err := js.Stream(ctx, names.Stream(feed))
		if err != nil {
			continue
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(checkpoint.RecordSubject(names.Prefix, string(feed), ">")))
		if err == nil && len(info.State.Subjects) > 0 {
			feeds = append(feeds, feed)
		}
	}
	return feeds
}

// fleetStored reports whether the feed of the fleet is set and has stored anything.
func fleetStored(ctx context.Context, js jetstream.JetStream, s config.Settings) bool {
	if !s.Devices {
		return false
	}
	stream, err := js.Stream(ctx, pipeline.Broker(s.Streams).Names.Stream(schema.Devices))
	return err == nil && stream.CachedInfo().State.LastSeq > 0
}

// unfitStreams names what has been edited in streams so that they cannot hold their feeds, with the remedy.
func unfitStreams(ctx context.Context, js jetstream.JetStream, s config.Settings) (notes []status.Note) {
	broker := pipeline.Broker(s.Streams)
	for _, feed := range pipeline.AllFeeds(s.Streams) {
		name := broker.Names.Stream(feed)
		stream, err := js.Stream(ctx, name)
		if err != nil {
			continue // what it holds has been read
		}
		info := stream.CachedInfo()
		if err := broker.CheckStream(feed, info.Config); err != nil {
			notes = append(notes, status.Note{Level: status.Bad, Text: fmt.Sprintf("stream %s: %v; %s", name, err, natsconn.Hint(err)), Since: info.TimeStamp.UTC(), Own: true})
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
		rules.Process.Store = natsconn.StoreText(err)
		rules.Taken = errors.Is(natsd.CheckStore(s.DataDir), natsd.ErrStoreTaken)
	}
	return rules
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/schema"
)

// freshness is how long rows took from the vendor's cloud to the stream.
type freshness struct {
	Rows        int
	Median, P95 float64 // seconds
}

type liveResults struct {
	Alone, Beside freshness
	BackfillRows  int
	BackfillRate  float64 // rows a second
}

const (
	livePoll  = 2 * time.Second
	liveBegin = 5 * time.Minute  // how far back the first poll reaches
	settle    = 20 * time.Second // until the first reading is over
	alone     = time.Minute      // measured before the backfill begins
)

// measureLive polls every 2 seconds, first alone and then beside a backfill on the same vendor and stream.
func measureLive(ctx context.Context, b *bench) error {
	say("warming up")
	_, err := b.measure(ctx, contender{key: "b", creates: true, rows: func(string) int { return b.rows }, command: b.backfill}, b.syncs[0])
	if err != nil {
		return err
	}
	s, err := b.startBroker(ctx, b.syncs[0])
	if err != nil {
		return err
	}
	defer s.stop()
	cmd := exec.Command(b.bridge, "run")
	cmd.Env = b.bridgeEnv(s, "BRIDGE_FEEDS=readings", "BRIDGE_POLL_INTERVAL="+livePoll.String(), "BRIDGE_START="+liveBegin.String())
	live, err := startProcess(cmd, nil, b.verbose, nil)
	if err != nil {
		return err
	}
	defer live.cmd.Process.Kill()
	quiet, busy, rate, err := b.phases(ctx, s, live)
	if err != nil {
		return err
	}
	if err := live.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if _, err := live.wait(ctx); err != nil {
		return err
	}
	got := liveResults{BackfillRows: b.rows, BackfillRate: rate}
	if got.Alone, got.Beside, err = s.freshness(ctx, quiet, busy); err != nil {
		return err
	}
	return b.keep(results{Machine: b.machine(), Live: &got})
}

// phases lets live polling run alone and then beside a backfill.
func (b *bench) phases(ctx context.Context, s *broker, live *process) (quiet, busy span, rate float64, err error) {
	say("live alone")
	if err := pause(ctx, settle, live); err != nil {
		return quiet, busy, 0, err
	}
	quiet.From = time.Now()
	if err := pause(ctx, alone, live); err != nil {
		return quiet, busy, 0, err
	}
	quiet.Until = time.Now()
	say("live beside a backfill of %s rows", count(b.rows))
	cmd, _, err := b.backfill(s, b.rows)
	if err != nil {
		return quiet, busy, 0, err
	}
	p, err := startProcess(cmd, nil, b.verbose, nil)
	if err != nil {
		return quiet, busy, 0, err
	}
	if _, err := p.wait(ctx); err != nil {
		return quiet, busy, 0, err
	}
	busy = span{p.began, time.Now()}
	return quiet, busy, float64(b.rows) / busy.Until.Sub(busy.From).Seconds(), pause(ctx, settle, live)
}

// pause waits; it fails if the bridge does not last that long.
func pause(ctx context.Context, d time.Duration, live *process) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-live.gone:
		_, err := live.wait(ctx)
		return errors.Join(errors.New("the live bridge has ended"), err)
	}
}

// freshness reads the live lane and parts its rows by when the vendor's cloud had received them.
func (s *broker) freshness(ctx context.Context, quiet, busy span) (alone, beside freshness, err error) {
	stream, err := s.js.Stream(ctx, names.Stream(schema.Readings))
	if err != nil {
		return alone, beside, err
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return alone, beside, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(10_000))
	if err != nil {
		return alone, beside, err
	}
	defer messages.Stop()
	var inQuiet, inBusy []float64
	for last := stream.CachedInfo().State.LastSeq; ; {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return alone, beside, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return alone, beside, err
		}
		if strings.HasPrefix(msg.Subject(), readingsPrefix+string(schema.Live)+".") {
			var row struct {
				ReceivedAt time.Time `json:"received_at"`
			}
			if err := json.Unmarshal(msg.Data(), &row); err != nil {
				return alone, beside, err
			}
			took := meta.Timestamp.Sub(row.ReceivedAt).Seconds()
			switch {
			case quiet.holds(row.ReceivedAt):
				inQuiet = append(inQuiet, took)
			case busy.holds(row.ReceivedAt):
				inBusy = append(inBusy, took)
			}
		}
		if meta.Sequence.Stream >= last {
			return freshnessOf(inQuiet), freshnessOf(inBusy), nil
		}
	}
}

func (s span) holds(t time.Time) bool { return !t.Before(s.From) && t.Before(s.Until) }

func freshnessOf(seconds []float64) freshness {
	return freshness{len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.95)}
}

func liveText(r results) string {
	l := r.Live
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Machine)
	b.WriteString("| `bridge run`, polling every 2 s | rows | median, s | 95th percentile, s |\n|---|---:|---:|---:|\n")
	fmt.Fprintf(&b, "| alone | %s | %.2f | %.2f |\n", count(l.Alone.Rows), l.Alone.Median, l.Alone.P95)
	fmt.Fprintf(&b, "| beside a backfill of %s rows at %s rows/s | %s | %.2f | %.2f |\n", count(l.BackfillRows), count(int(l.BackfillRate)), count(l.Beside.Rows), l.Beside.Median, l.Beside.P95)
	fmt.Fprintf(&b, "| ratio | | %.2f | %.2f |\n", l.Beside.Median/l.Alone.Median, l.Beside.P95/l.Alone.P95)
	return b.String()
}

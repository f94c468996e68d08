package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

// killedRun is one backfill that was killed and started again.
type killedRun struct {
	Rows     int
	Stored   int     // rows when it was killed
	Lost     int     // of the range, in the end
	Doubled  int     // in the end
	Largest  int     // rows of the largest window that was downloaded
	RowsRead int     // rows that were downloaded more than once; the second run need not cut the same windows
	Wait     float64 // seconds from the second start to its first batch
}

type resumeResults []killedRun

// measureResume kills backfills and starts them again, at another place in every round.
func measureResume(ctx context.Context, b *bench) error {
	say("warming up")
	_, err := b.measure(ctx, contender{key: "b", creates: true, rows: func(string) int { return b.rows }, command: b.backfill}, b.syncs[0])
	if err != nil {
		return err
	}
	var got resumeResults
	for round := range b.rounds {
		r, err := b.killed(ctx, b.rows*(round+1)/(b.rounds+1))
		if err != nil {
			return err
		}
		say("killed at %s rows: %d lost, %d doubled, %s rows downloaded again, went on after %.1f s", count(r.Stored), r.Lost, r.Doubled, count(r.RowsRead), r.Wait)
		got = append(got, r)
	}
	return b.keep(results{Machine: b.machine(), Resume: got})
}

// killed runs a backfill, kills it when the stream holds so many messages, and runs it again to its end.
func (b *bench) killed(ctx context.Context, at int) (killedRun, error) {
	r := killedRun{Rows: b.rows}
	s, err := b.startBroker(ctx, b.syncs[0])
	if err != nil {
		return r, err
	}
	defer s.stop()
	first := b.asked()
	if err := b.killAt(ctx, s, at); err != nil {
		return r, err
	}
	if r.Stored, _, err = s.audit(ctx); err != nil {
		return r, err
	}
	if r.Wait, err = b.goOn(ctx, s); err != nil {
		return r, err
	}
	readings, ids, err := s.audit(ctx)
	if err != nil {
		return r, err
	}
	r.Lost, r.Doubled = b.rows-ids, readings-ids
	return r, r.compare(b.vendor.files(), first)
}

// asked is how often each file was asked for so far.
func (b *bench) asked() map[string]int {
	asked := map[string]int{}
	for _, f := range b.vendor.files() {
		asked[fileKey(f)] = f.Asked
	}
	return asked
}

func fileKey(f saveristest.CachedFile) string {
	return fmt.Sprint(f.From.UnixNano(), f.Until.UnixNano(), f.Number)
}

// compare counts the rows that were downloaded more than once, given how often each file had been asked for before. The
// vendor counts half-open here, so each row of the range stands in one window only.
func (r *killedRun) compare(files []saveristest.CachedFile, first map[string]int) error {
	windows := map[span]int{}
	for _, f := range files {
		times := f.Asked - first[fileKey(f)]
		if times <= 0 {
			continue
		}
		rows, err := linesIn(f.Body)
		if err != nil {
			return err
		}
		windows[span{f.From, f.Until}] += rows
		r.RowsRead += times * rows
	}
	r.RowsRead -= r.Rows
	for _, rows := range windows {
		r.Largest = max(r.Largest, rows)
	}
	return nil
}

func linesIn(body []byte) (int, error) {
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(zip)
	return bytes.Count(text, []byte("\n")), err
}

// killAt starts a backfill and kills it.
func (b *bench) killAt(ctx context.Context, s *broker, messages int) error {
	cmd, _, err := b.backfill(s, b.rows)
	if err != nil {
		return err
	}
	p, err := startProcess(cmd, nil, b.verbose, nil)
	if err != nil {
		return err
	}
	for {
		if stored, err := s.state(ctx); err == nil && stored.Msgs >= uint64(messages) {
			break
		}
		select {
		case <-p.gone:
			_, err := p.wait(ctx)
			return errors.Join(errors.New("the backfill ended before it could be killed"), err)
		case <-ctx.Done():
			p.cmd.Process.Kill()
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	_, _ = p.wait(ctx) // it was killed, and says so
	return nil
}

// goOn runs the backfill again and tells how long it took to store its first batch.
func (b *bench) goOn(ctx context.Context, s *broker) (seconds float64, err error) {
	before, err := s.state(ctx)
	if err != nil {
		return 0, err
	}
	cmd, _, err := b.backfill(s, b.rows)
	if err != nil {
		return 0, err
	}
	p, err := startProcess(cmd, nil, b.verbose, nil)
	if err != nil {
		return 0, err
	}
	for seconds == 0 && ctx.Err() == nil {
		if stored, err := s.state(ctx); err == nil && stored.Msgs > before.Msgs {
			seconds = time.Since(p.began).Seconds()
		}
		select {
		case <-p.gone:
			seconds = max(seconds, time.Since(p.began).Seconds())
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	_, err = p.wait(ctx)
	return seconds, err
}

func resumeText(r results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Machine)
	b.WriteString("| rows of the range | stored when killed | lost | doubled | rows downloaded twice | rows of the largest window | second start to first batch, s |\n|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range r.Resume {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %.1f |\n", count(k.Rows), count(k.Stored), k.Lost, k.Doubled, count(k.RowsRead), count(k.Largest), k.Wait)
	}
	return b.String()
}

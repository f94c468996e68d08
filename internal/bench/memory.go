package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// memoryRun is one backfill and how much memory it held.
type memoryRun struct {
	Rows    int
	Seconds float64
	Peak    int64 // bytes
	Days    []int // rows of each day
	Curve   [][2]float64
}

type memoryResults []memoryRun

// idSet is how many bytes the ids of a day take: slots of 16 bytes in a table that grows by a quarter when 85 % of them are
// taken (checkpoint). What it takes more while it grows is not counted.
func idSet(rows int) int64 {
	slots := 0
	for slots*17/20 < rows {
		slots = slots*5/4 + 16
	}
	return int64(slots) * 16
}

// keptDays is how many days' ids a backfill keeps.
const keptDays = 3

// idSets is what the ids of the largest days take that are kept at the same time.
func (r memoryRun) idSets() (sum int64) {
	largest := slices.SortedFunc(slices.Values(r.Days), func(a, b int) int { return b - a })
	for _, rows := range largest[:min(keptDays, len(largest))] {
		sum += idSet(rows)
	}
	return sum
}

// measureMemory runs the bridge with a tenth of the rows and with all of them: but for the ids, which the guarantee needs,
// both should take the same.
func measureMemory(ctx context.Context, b *bench) error {
	var got memoryResults
	for _, rows := range []int{b.rows / 10 / rowsASecond * rowsASecond, b.rows} {
		r, err := b.memoryOf(ctx, rows)
		if err != nil {
			return err
		}
		say("%s rows in %.0f s, %d MB at most", count(rows), r.Seconds, r.Peak>>20)
		got = append(got, r)
	}
	return b.keep(results{Machine: b.machine(), Memory: got})
}

func (b *bench) memoryOf(ctx context.Context, rows int) (memoryRun, error) {
	s, err := b.startBroker(ctx, b.syncs[0])
	if err != nil {
		return memoryRun{}, err
	}
	defer s.stop()
	cmd, _, err := b.backfill(s, rows)
	if err != nil {
		return memoryRun{}, err
	}
	var samples [][2]float64
	began := time.Now()
	p, err := startProcess(cmd, nil, b.verbose, func(at time.Time, resident int64) {
		samples = append(samples, [2]float64{at.Sub(began).Seconds(), float64(resident) / (1 << 20)})
	})
	if err != nil {
		return memoryRun{}, err
	}
	used, err := p.wait(ctx)
	if err != nil {
		return memoryRun{}, err
	}
	r := memoryRun{Rows: rows, Seconds: time.Since(used.began).Seconds(), Peak: used.peak, Days: daysOf(rangeOf(rows)), Curve: thin(samples, 200)}
	readings, ids, err := s.audit(ctx)
	if err == nil && (readings != rows || ids != rows) {
		err = fmt.Errorf("%w: the stream holds %d readings with %d ids, not %d", errVoid, readings, ids, rows)
	}
	return r, err
}

// daysOf returns the rows of each UTC day of a range.
func daysOf(s span) (rows []int) {
	for at := s.From; at.Before(s.Until); {
		end := earlier(at.Truncate(24*time.Hour).Add(24*time.Hour), s.Until)
		rows = append(rows, int(end.Sub(at)/time.Second)*rowsASecond)
		at = end
	}
	return rows
}

// thin keeps the highest point of each of most pieces.
func thin(points [][2]float64, most int) (kept [][2]float64) {
	step := max(1, (len(points)+most-1)/most)
	for i := 0; i < len(points); i += step {
		high := points[i]
		for _, p := range points[i:min(i+step, len(points))] {
			if p[1] > high[1] {
				high = p
			}
		}
		kept = append(kept, high)
	}
	return kept
}

func memoryText(r results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Machine)
	b.WriteString("| rows | days | peak RSS of the bridge, MB | ids of the days, MB (computed) | without ids, MB | goal |\n|---:|---:|---:|---:|---:|---|\n")
	for _, run := range r.Memory {
		rest := float64(run.Peak-run.idSets()) / (1 << 20)
		verdict := "≤ 128: reached"
		if rest > 128 {
			verdict = "≤ 128: **missed**"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %.0f | %s |\n", count(run.Rows), len(run.Days), run.Peak>>20, run.idSets()>>20, rest, verdict)
	}
	return b.String()
}

func memoryPlot(r results) (file, svg string) {
	var curves []curve
	for _, run := range r.Memory {
		curves = append(curves, curve{count(run.Rows) + " rows", run.Curve})
	}
	return "memory.svg", curvePlot("Resident memory of the bridge during a backfill", "MB", curves)
}

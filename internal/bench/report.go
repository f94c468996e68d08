package main

import (
	"fmt"
	"slices"
	"strings"
)

// backfillText is the table of the main part and what became of its goals.
func backfillText(r results) string {
	lines := linesOf(r.Backfill)
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Machine)
	b.WriteString("| | `sync_interval` | rows | rows/s, median (least–most) | first row after, s | CPU, µs a row | server CPU, µs a row | peak RSS, MB | server's, MB | stored, bytes a row | on disk, bytes a row |\n|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "| (%s) %s | %s | %s | **%s** (%s–%s) | %s | %.1f | %.1f | %s | %.0f | %.0f | %s |\n", l.Contender[:1], l.Name, l.Sync, count(l.Rows),
			count(int(l.Rate.Median)), count(int(l.Rate.Min)), count(int(l.Rate.Max)), l.firstText(), l.CPU, l.Broker, l.peakText(), l.BrokerPeak, l.Stored, l.diskText())
	}
	b.WriteString("\n| figure | `sync_interval` | goal | measured | |\n|---|---|---:|---:|---|\n")
	for _, g := range goals {
		b.WriteString(g.text(lines))
	}
	return b.String()
}

// peakText leaves out the memory of those who hold all their messages beforehand.
func (l line) peakText() string {
	if l.Contender[0] == 'a' || l.Contender[0] == 'f' {
		return "–"
	}
	return fmt.Sprintf("%.0f", l.Peak)
}

// firstText leaves out what was measured before anybody looked at it, and those who hold all their messages beforehand.
func (l line) firstText() string {
	if l.First <= 0 || l.peakText() == "–" {
		return "–"
	}
	return fmt.Sprintf("%.2f", l.First)
}

// diskText leaves out what was measured before anybody looked at the disk.
func (l line) diskText() string {
	if l.Disk == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", l.Disk)
}

// count writes a number with commas.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func backfillPlot(r results) (file, svg string) {
	var bars []bar
	for _, sync := range []string{"default", "always"} {
		for _, key := range []string{"a", "f", "b", "g", "e", "c", "d"} {
			if l, ok := find(linesOf(r.Backfill), key, sync); ok {
				bars = append(bars, bar{group: "sync_interval: " + sync, label: l.Name, value: l.Rate.Median, low: l.Rate.Min, high: l.Rate.Max, strong: key == "b" || key == "g" || key == "e"})
			}
		}
	}
	return "backfill.svg", barPlot("Backfill: rows a second, median, least and most", bars)
}

func formatsText(r results) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s.\n\n", r.Machine)
	b.WriteString("| format | file, bytes a row | decoding, ns of CPU a row | peak RSS, MB |\n|---|---:|---:|---:|\n")
	var order []string
	by := map[string][]formatRun{}
	for _, run := range r.Formats.Runs {
		if by[run.Format] == nil {
			order = append(order, run.Format)
		}
		by[run.Format] = append(by[run.Format], run)
	}
	for _, name := range order {
		var nanos, peaks []float64
		for _, run := range by[name] {
			nanos, peaks = append(nanos, run.CPU/float64(run.Rows)*1e9), append(peaks, float64(run.Peak)/(1<<20))
		}
		first := by[name][0]
		fmt.Fprintf(&b, "| %s | %.1f | %s | %.0f |\n", name, float64(first.FileSize)/float64(first.Rows), count(int(median(nanos))), slices.Max(peaks))
	}
	l := r.Formats.Literals
	share := func(n int) string { return fmt.Sprintf("%.4g %%", 100*float64(n)/float64(l.Rows)) }
	fmt.Fprintf(&b, "\n| the vendor's %s numbers, carried as | come back as he wrote them |\n|---|---:|\n", count(l.Rows))
	fmt.Fprintf(&b, "| text (JSON, CSV) | 100 %% |\n| FLOAT, printed as the shortest float32 | %s |\n", share(l.Float32))
	fmt.Fprintf(&b, "| DOUBLE made from the decimal text, printed as the shortest float64 | %s |\n", share(l.Float64))
	fmt.Fprintf(&b, "| DOUBLE that was a float32 before, printed as the shortest float64 | %s |\n", share(l.Widened))
	return b.String()
}

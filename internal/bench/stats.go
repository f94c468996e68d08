package main

import (
	"cmp"
	"math"
	"slices"
)

// figure is a median with the least and the most of what was measured.
type figure struct{ Median, Min, Max float64 }

// figureOf summarizes values; of none it gives NaN.
func figureOf(values []float64) figure {
	if len(values) == 0 {
		return figure{math.NaN(), math.NaN(), math.NaN()}
	}
	return figure{median(values), slices.Min(values), slices.Max(values)}
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile is the value that a share of the others does not exceed, by the nearest rank.
func percentile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return sorted[max(0, min(rank, len(sorted))-1)]
}

// line is one row of the table: all runs of a contender under one setting.
type line struct {
	Contender, Name, Sync string
	Rows, Runs            int
	Rate                  figure
	First                 float64 // seconds until the first reading, median
	Flow                  float64 // rows a second from then on, median
	CPU, Broker           float64 // microseconds a row, medians
	Peak, BrokerPeak      float64 // megabytes, the most
	Stored, Disk          float64 // bytes a row, medians
}

// linesOf groups runs, in the order in which each group began, settings apart.
func linesOf(runs []run) (lines []line) {
	type group struct{ contender, sync string }
	var order []group
	by := map[group][]run{}
	for _, r := range runs {
		g := group{r.Contender, r.Sync}
		if by[g] == nil {
			order = append(order, g)
		}
		by[g] = append(by[g], r)
	}
	slices.SortStableFunc(order, func(a, b group) int { return cmp.Compare(b.sync, a.sync) }) // default first
	for _, g := range order {
		lines = append(lines, lineOf(by[g]))
	}
	return lines
}

func lineOf(runs []run) line {
	values := func(of func(run) float64) (list []float64) {
		for _, r := range runs {
			list = append(list, of(r))
		}
		return list
	}
	first := runs[0]
	return line{
		Contender: first.Contender, Name: first.Name, Sync: first.Sync, Rows: first.Rows, Runs: len(runs),
		Rate: figureOf(values(run.rate)), First: median(values(run.first)), Flow: median(values(run.flow)), CPU: median(values(run.cpuRow)), Broker: median(values(run.brokerRow)),
		Peak: slices.Max(values(run.megabytes)), BrokerPeak: slices.Max(values(run.brokerSpace)),
		Stored: median(values(run.storedRow)), Disk: median(values(run.diskRow)),
	}
}

// ceiling is the best of the raw contenders of a letter under a setting; ok is false if none took part.
func ceiling(lines []line, letter, sync string) (best line, ok bool) {
	for _, l := range lines {
		if l.Sync == sync && l.Contender[:1] == letter && l.Rate.Median > best.Rate.Median {
			best, ok = l, true
		}
	}
	return best, ok
}

// find returns the line of a contender.
func find(lines []line, contender, sync string) (line, bool) {
	if contender == "a" || contender == "f" {
		return ceiling(lines, contender, sync)
	}
	i := slices.IndexFunc(lines, func(l line) bool { return l.Contender == contender && l.Sync == sync })
	if i < 0 {
		return line{}, false
	}
	return lines[i], true
}

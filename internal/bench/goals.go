package main

import "fmt"

// goal is a figure that was set before anything was measured.
type goal struct {
	what, sync string
	want       float64
	atMost     bool
	got        func([]line, string) (float64, bool)
}

// goals are those of backfill.
var goals = []goal{
	{"b/a: share of the ceiling", "default", 0.80, false, ratio("b", "a")},
	{"b/a: share of the ceiling", "always", 0.80, false, ratio("b", "a")},
	{"b/c: against the script", "default", 1.0, false, ratio("b", "c")},
	{"b/c: against the script", "always", 8, false, ratio("b", "c")},
	{"b/d: against Benthos", "default", 2.5, false, ratio("b", "d")},
	{"b/d: against Benthos", "always", 8, false, ratio("b", "d")},
	{"bridge CPU, µs a row", "default", 6, true, cpuRowOf("b")},
	{"bridge CPU, µs a row", "always", 6, true, cpuRowOf("b")},
	{"e/f: share of the ceiling, structured", "default", 0.80, false, ratio("e", "f")},
	{"e/f: share of the ceiling, structured", "always", 0.80, false, ratio("e", "f")},
	{"e/b: structured against binary", "default", 1.15, false, ratio("e", "b")},
	{"e/b: structured against binary", "always", 1.15, false, ratio("e", "b")},
	{"g/b: rows/s with names against without", "default", 0.97, false, ratio("g", "b")},
	{"g/b: the same from the first row on", "default", 0.97, false, flowRatio("g", "b")},
	{"g/b: rows/s with names against without", "always", 0.97, false, ratio("g", "b")},
	{"g/b: the same from the first row on", "always", 0.97, false, flowRatio("g", "b")},
	{"bridge CPU in structured mode, µs a row", "default", 6, true, cpuRowOf("e")},
	{"bridge CPU in structured mode, µs a row", "always", 6, true, cpuRowOf("e")},
	{"on disk, bytes a row", "default", 300, true, diskOfBridge},
	{"on disk, bytes a row", "always", 300, true, diskOfBridge},
}

func ratio(of, to string) func([]line, string) (float64, bool) {
	return func(lines []line, sync string) (float64, bool) {
		a, okA := find(lines, of, sync)
		b, okB := find(lines, to, sync)
		return a.Rate.Median / b.Rate.Median, okA && okB
	}
}

// flowRatio leaves out the start.
func flowRatio(of, to string) func([]line, string) (float64, bool) {
	return func(lines []line, sync string) (float64, bool) {
		a, okA := find(lines, of, sync)
		b, okB := find(lines, to, sync)
		return a.Flow / b.Flow, okA && okB && a.First > 0 && b.First > 0
	}
}

func cpuRowOf(contender string) func([]line, string) (float64, bool) {
	return func(lines []line, sync string) (float64, bool) {
		l, ok := find(lines, contender, sync)
		return l.CPU, ok
	}
}

func diskOfBridge(lines []line, sync string) (float64, bool) {
	l, ok := find(lines, "b", sync)
	return l.Disk, ok && l.Disk > 0
}

// text returns the goal's row of the table; empty if it was not measured.
func (g goal) text(lines []line) string {
	got, ok := g.got(lines, g.sync)
	if !ok {
		return ""
	}
	sign, reached := "≥", got >= g.want
	if g.atMost {
		sign, reached = "≤", got <= g.want
	}
	verdict := "reached"
	if !reached {
		verdict = "**missed**"
	}
	return fmt.Sprintf("| %s | %s | %s %.4g | %.2f | %s |\n", g.what, g.sync, sign, g.want, got, verdict)
}

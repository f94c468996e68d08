package main

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/saveris/saveristest"
)

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{5, 5, 1, 9, 7}, 5},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
	if f := figureOf([]float64{9, 1, 5}); f != (figure{5, 1, 9}) {
		t.Errorf("figure is %v", f)
	}
	if !math.IsNaN(figureOf(nil).Median) {
		t.Error("a median of nothing is a number")
	}
}

func TestPercentileIsAValueThatWasMeasured(t *testing.T) {
	var values []float64
	for i := 100; i > 0; i-- {
		values = append(values, float64(i))
	}
	for share, want := range map[float64]float64{0: 1, 0.5: 50, 0.95: 95, 1: 100} {
		if got := percentile(values, share); got != want {
			t.Errorf("percentile %v is %v, want %v", share, got, want)
		}
	}
}

// twoSettings holds two rounds of three contenders under the default and one under always.
var twoSettings = []run{
	{Contender: "a1", Name: "raw, 1", Sync: "default", Rows: 1000, Seconds: 0.02},
	{Contender: "a2", Name: "raw, 2", Sync: "default", Rows: 1000, Seconds: 0.01},
	{Contender: "b", Name: "bridge", Sync: "default", Rows: 1000, Seconds: 0.0125, First: 0.0025, CPU: 0.005, Peak: 64 << 20, Stored: 900_000, Disk: 250_000},
	{Contender: "b", Name: "bridge", Sync: "always", Rows: 1000, Seconds: 0.02, CPU: 0.008},
	{Contender: "a1", Name: "raw, 1", Sync: "default", Rows: 1000, Seconds: 0.02},
	{Contender: "a2", Name: "raw, 2", Sync: "default", Rows: 1000, Seconds: 0.01},
	{Contender: "f1", Name: "raw structured, 1", Sync: "default", Rows: 1000, Seconds: 0.008},
	{Contender: "e", Name: "bridge, structured", Sync: "default", Rows: 1000, Seconds: 0.01, CPU: 0.004},
	{Contender: "g", Name: "bridge, names", Sync: "default", Rows: 1000, Seconds: 0.3125, First: 0.3025},
	{Contender: "b", Name: "bridge", Sync: "default", Rows: 1000, Seconds: 0.0125, First: 0.0025, CPU: 0.005, Peak: 65 << 20, Stored: 900_000, Disk: 250_000},
}

func TestGoalsAreJudgedAgainstTheBestCeiling(t *testing.T) {
	text := backfillText(results{Backfill: twoSettings})
	for _, want := range []string{
		"| b/a: share of the ceiling | default | ≥ 0.8 | 0.80 | reached |", // 80,000 against 100,000, not 50,000
		"| bridge CPU, µs a row | default | ≤ 6 | 5.00 | reached |",
		"| e/f: share of the ceiling, structured | default | ≥ 0.8 | 0.80 | reached |",
		"| e/b: structured against binary | default | ≥ 1.15 | 1.25 | reached |",
		"| bridge CPU in structured mode, µs a row | default | ≤ 6 | 4.00 | reached |",
		"| bridge CPU, µs a row | always | ≤ 6 | 8.00 | **missed** |",
		"| (b) bridge | default | 1,000 | **80,000** (80,000–80,000) | 0.00 | 5.0 | 0.0 | 65 | 0 | 900 | 250 |",
		"| (b) bridge | always | 1,000 | **50,000** (50,000–50,000) | – | 8.0 | 0.0 | 0 | 0 | 0 | – |", // measured before there was a column
		"| on disk, bytes a row | default | ≤ 300 | 250.00 | reached |",
		"| g/b: rows/s with names against without | default | ≥ 0.97 | 0.04 | **missed** |",
		"| g/b: the same from the first row on | default | ≥ 0.97 | 1.00 | reached |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, "b/d") || strings.Contains(text, "on disk, bytes a row | always") {
		t.Error("a goal is judged that nobody measured")
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	_, bars := backfillPlot(results{Backfill: twoSettings})
	curves := curvePlot("a < b & c", "MB", []curve{{"one", [][2]float64{{0, 1}, {1, 5}}}, {"none", nil}})
	for _, svg := range []string{bars, curves} {
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in\n%s", err, svg)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("not a number in\n%s", svg)
		}
	}
	if strings.Count(bars, `class="ours"`) != 4 || strings.Contains(bars, "raw, 1") {
		t.Errorf("want the bridge four times and the best ceiling only:\n%s", bars)
	}
}

func TestBetweenKeepsTheRest(t *testing.T) {
	got, err := between("one <!-- x -->old<!-- /x --> two", "x", "new")
	if err != nil || got != "one <!-- x -->new<!-- /x --> two" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := between("nothing here", "x", "new"); err == nil {
		t.Error("a page without markers was accepted")
	}
}

func TestCountHasCommas(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := count(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestStatTimeSkipsTheName(t *testing.T) {
	if got := statTime("7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0"); got != 2*time.Second {
		t.Errorf("got %v, want 2s", got)
	}
	if got := statusField("VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\n", "VmHWM:"); got != 2<<20 {
		t.Errorf("got %d bytes, want 2 MiB", got)
	}
}

// TestRangesHoldTheirRows proves that the plain files of a range, and the first part of them, hold exactly the rows that
// the world has.
func TestRangesHoldTheirRows(t *testing.T) {
	const rows = 40 * 300
	v, err := startVendor(rows)
	if err != nil {
		t.Fatal(err)
	}
	defer v.close()
	truth := 0
	for range v.api.Measurements(v.whole.From, v.whole.Until, time.Now()) {
		truth++
	}
	if truth != rows {
		t.Fatalf("the range holds %d rows, want %d", truth, rows)
	}
	if err := v.fill(t.Context(), "JSON"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{rows, 100} {
		set, err := cutFiles(v.files(), n)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := cutFiles(asFiles(set), n); err != nil || len(again) != len(set) {
			t.Errorf("%d rows: %v", n, err)
		}
		if _, err := cutFiles(asFiles(set), n+1); err == nil {
			t.Errorf("the files of %d rows hold more", n)
		}
	}
}

func asFiles(set [][]byte) (files []saveristest.CachedFile) {
	for _, body := range set {
		files = append(files, saveristest.CachedFile{Body: body})
	}
	return files
}

func TestBenthosConfigNamesEveryFile(t *testing.T) {
	text := string(benthosConfig([]string{"http://x/1", "http://x/2", "http://x/3"}, "nats://y", "http://z"))
	if strings.Count(text, "http_client:") != 3 || strings.Count(text, "- sequence:") != 2 || strings.Contains(text, "%!") {
		t.Errorf("odd configuration:\n%s", text)
	}
}

func TestMemoryIsJudgedWithoutIDs(t *testing.T) {
	for _, rows := range []int{20, 1000, 1_000_000, 3_456_000} {
		if share := float64(rows) * 16 / float64(idSet(rows)); share > 0.85 || rows >= 1000 && share < 0.65 {
			t.Errorf("ids of %d rows fill %.2f of their table", rows, share)
		}
	}
	days := daysOf(span{beginning.Add(23 * time.Hour), beginning.Add(49 * time.Hour)})
	if len(days) != 3 || days[0] != 3600*rowsASecond || days[1] != 24*3600*rowsASecond || days[2] != 3600*rowsASecond {
		t.Errorf("days hold %v rows", days)
	}
	four := memoryRun{Days: []int{1, 1 << 20, 1 << 20, 1 << 20}}
	if got := four.idSets(); got != 3*idSet(1<<20) {
		t.Errorf("four days hold %d bytes, want those of the three largest", got)
	}
	ids := idSet(1 << 20)
	text := memoryText(results{Memory: memoryResults{
		{Rows: 1, Days: []int{1 << 20}, Peak: ids + 126<<20}, {Rows: 2, Days: []int{1 << 20}, Peak: ids + 136<<20},
	}})
	for _, want := range []string{"| 126 | ≤ 128: reached |", "| 136 | ≤ 128: **missed** |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %s:\n%s", want, text)
		}
	}
}

func TestThinKeepsThePeak(t *testing.T) {
	var points [][2]float64
	for i := range 1000 {
		points = append(points, [2]float64{float64(i), float64(i % 700)})
	}
	kept, high := thin(points, 200), 0.0
	for _, p := range kept {
		high = max(high, p[1])
	}
	if len(kept) > 200 || high != 699 {
		t.Errorf("%d points are left, the highest is %v", len(kept), high)
	}
}

func TestRowsDownloadedTwiceAreCounted(t *testing.T) {
	body, err := pack([][]byte{[]byte("one\n"), []byte("two\n")})
	if err != nil {
		t.Fatal(err)
	}
	var files []saveristest.CachedFile
	first := map[string]int{}
	for i, times := range []int{0, 1, 2, 1} { // the range is three windows, one of them was asked for twice, one before
		f := saveristest.CachedFile{From: beginning.Add(time.Duration(i) * time.Hour), Until: beginning.Add(time.Duration(i+1) * time.Hour), Body: body, Asked: 1 + times}
		first[fileKey(f)] = 1
		files = append(files, f)
	}
	r := killedRun{Rows: 6}
	if err := r.compare(files, first); err != nil || r.RowsRead != 2 || r.Largest != 2 {
		t.Errorf("%+v, %v: want two rows, and windows of two", r, err)
	}
}

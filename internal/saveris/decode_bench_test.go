package saveris

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// fleetRows makes rows of fifty channels as they come, each with a uuid and a value of its own: a file of equal rows packs
// too well to tell anything.
func fleetRows(rows int) []string {
	rng, list := rand.New(rand.NewPCG(3, 3)), make([]string, rows)
	uuid := func(r *rand.Rand) string {
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	}
	for i := range list {
		channel := rand.New(rand.NewPCG(4, uint64(i%50)))
		list[i] = strings.NewReplacer(
			"c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f", uuid(rng), "5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c", uuid(channel), "22011234", fmt.Sprint(22_000_000+i%50),
			":15:", fmt.Sprintf(":%02d:", i/50%60), "22.382542", fmt.Sprintf("%.6f", 20+rng.NormFloat64()),
		).Replace(reading)
	}
	return list
}

// BenchmarkDecode reads files of rows; ns/row is what counts.
func BenchmarkDecode(b *testing.B) {
	rows := fleetRows(2000)
	lines := strings.Join(rows, "\n")
	array := "[" + strings.Join(rows, ",") + "]"
	table := tableOf(rows)
	for _, file := range []struct {
		name string
		body []byte
	}{
		{"lines", []byte(lines)},
		{"array", []byte(array)},
		{"strict", []byte(nested.ReplaceAllString(lines, `"measurement":[$1]`))},
		{"CSV", []byte(table)},
		{"gzip lines", packedBytes(lines)},
		{"gzip array", packedBytes(array)},
		{"gzip CSV", packedBytes(table)},
	} {
		b.Run(file.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, err := decode(bytes.NewReader(file.body), JSON, Measurements, func(r *Row) error { return r.Err })
				if n != len(rows) || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
		})
	}
}

var (
	nested     = regexp.MustCompile(`"measurement":([0-9.]+)`)
	memberText = regexp.MustCompile(`"(\w+)":("[^"]*"|[0-9.]+)`)
)

// tableOf writes rows as CSV with quotes around everything, as the vendor does (seen).
func tableOf(rows []string) string {
	var b strings.Builder
	for i, row := range rows {
		members := memberText.FindAllStringSubmatch(row, -1)
		if i == 0 {
			for j, m := range members {
				b.WriteString(strings.Repeat(",", min(j, 1)) + strconv.Quote(m[1]))
			}
			b.WriteString("\n")
		}
		for j, m := range members {
			b.WriteString(strings.Repeat(",", min(j, 1)) + `"` + strings.Trim(m[2], `"`) + `"`)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// BenchmarkScan is the fast path alone.
func BenchmarkScan(b *testing.B) {
	var s scanner
	row := []byte(reading)
	b.ReportAllocs()
	b.SetBytes(int64(len(row)))
	for b.Loop() {
		if s.scan(row) != len(row) {
			b.Fatal(io.ErrUnexpectedEOF)
		}
	}
}

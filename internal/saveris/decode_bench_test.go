package saveris

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	const rows = 2000
	nested := strings.Replace(reading, "22.382542", "[22.382542]", 1)
	line := "\"c1d2e3f4-a5b6-4c7d-8e9f-0a1b2c3d4e5f\",\"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c\",\"1\",\"22011234\",\"0572 2211\"," +
		"\"6d1f9c4e-2b3a-4c5d-8e7f-9a0b1c2d3e4f\",\"b2c3d4e5-f6a7-4b8c-9d0e-1f2a3b4c5d6e\",\"2026-07-01T10:15:00Z\"," +
		"\"2026-07-01T12:15:00Z\",\"22.382542\",\"Temperature\",\"CELSIUS\",\"Air Temperature\",\"2026-07-01T10:15:42Z\"\n"
	lines := strings.Repeat(reading+"\n", rows)
	for _, file := range []struct {
		name string
		body []byte
	}{
		{"lines", []byte(lines)},
		{"gzip", packedBytes(lines)},
		{"array", []byte("[" + strings.Repeat(reading+",", rows) + "]")},
		{"strict", []byte(strings.Repeat(nested+"\n", rows))},
		{"CSV", []byte("\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\",\"l\",\"m\",\"n\"\n" + strings.Repeat(line, rows))},
	} {
		b.Run(file.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, err := decode(bytes.NewReader(file.body), JSON, func(r *Row) error { return r.Err })
				if n != rows || err != nil {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
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

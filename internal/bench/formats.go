package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
)

// formatRun is one reading of all rows in one format.
type formatRun struct {
	Format   string
	Rows     int
	FileSize int64   // bytes, all files
	CPU      float64 // seconds
	Seconds  float64
	Peak     int64
}

// literals says how many of the vendor's numbers come back as he wrote them.
type literals struct{ Rows, Float32, Float64, Widened int }

type formatResults struct {
	Runs     []formatRun
	Literals literals
}

// decodeOrder is what the reading child is asked for on its standard input.
type decodeOrder struct {
	Vendor  string
	Format  saveris.Format
	Windows []span
}

// decoded is what it answers, behind its begun.
type decoded struct {
	Rows  int
	Bytes int64 // of the text in all columns
}

// runDecode reads files with the bridge's own client and looks at every column.
func runDecode(ctx context.Context) error {
	var order decodeOrder
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	c, err := client(order.Vendor, order.Format)
	if err != nil {
		return err
	}
	if err := tellBegun(); err != nil {
		return err
	}
	var got decoded
	err = each(ctx, c, order.Windows, func(row *saveris.Row) error {
		got.Rows++
		for _, f := range row.Fields {
			got.Bytes += int64(len(f.Text))
		}
		return row.Err
	})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		return err
	}
	return tellBegun()
}

// measureFormats reads the same rows as JSON, as CSV and as Parquet.
func measureFormats(ctx context.Context, b *bench) error {
	parquet, err := b.buildNested(ctx, "formats")
	if err != nil {
		return err
	}
	b.vendor.api.Update(func(sw *saveristest.Switches, _ *saveristest.Faults) { sw.FileGzip = "always" })
	for _, format := range []saveris.Format{saveris.JSON, saveris.CSV} {
		if err := b.vendor.fill(ctx, format); err != nil {
			return err
		}
	}
	if err := b.vendor.fix(b.rows); err != nil {
		return err
	}
	files, found, err := b.parquetFiles(ctx, parquet)
	if err != nil {
		return err
	}
	got := formatResults{Literals: found}
	for range b.rounds {
		for _, format := range []saveris.Format{saveris.JSON, saveris.CSV} {
			r, err := b.decode(ctx, format)
			if err != nil {
				return err
			}
			got.Runs = append(got.Runs, r)
		}
		for _, file := range files {
			r, err := b.decodeParquet(ctx, parquet, file)
			if err != nil {
				return err
			}
			got.Runs = append(got.Runs, r)
		}
	}
	return b.keep(results{Machine: b.machine(), Formats: &got})
}

// decode reads all files of a format in a process of its own.
func (b *bench) decode(ctx context.Context, format saveris.Format) (formatRun, error) {
	r := formatRun{Format: string(format) + ", gzip"}
	for _, f := range b.vendor.cache.Files() {
		if f.CSV == (format == saveris.CSV) {
			r.FileSize += int64(len(f.Body))
		}
	}
	cmd := exec.Command(b.self, "child:decode")
	err := b.timed(ctx, cmd, decodeOrder{b.vendor.api.URL(), format, b.vendor.whole.windows()}, &r)
	return r, err
}

// timed runs a process that reads all rows.
func (b *bench) timed(ctx context.Context, cmd *exec.Cmd, in any, r *formatRun) error {
	p, err := startProcess(cmd, in, b.verbose, nil)
	if err != nil {
		return err
	}
	used, err := p.wait(ctx)
	if err != nil {
		return err
	}
	answers := json.NewDecoder(&p.out)
	var mark, end begun
	var got decoded
	for _, into := range []any{&mark, &got, &end} {
		if err := answers.Decode(into); err != nil {
			return fmt.Errorf("%s: %w", r.Format, err)
		}
	}
	if got.Rows != b.rows {
		return fmt.Errorf("%s: %d rows were read, not %d", r.Format, got.Rows, b.rows)
	}
	r.Rows, r.CPU, r.Peak, r.Seconds = got.Rows, used.cpu.Seconds(), used.peak, end.At.Sub(mark.At).Seconds()
	say("%-24s %6.0f ns/row  %5.1f B/row  %4d MB", r.Format, r.CPU/float64(r.Rows)*1e9, float64(r.FileSize)/float64(r.Rows), r.Peak>>20)
	return nil
}

// parquetFile is a file on disk.
type parquetFile struct{ name, path string }

// parquetFiles writes the rows as Parquet, one file a kind, and counts literals on the way.
func (b *bench) parquetFiles(ctx context.Context, binary string) (files []parquetFile, found literals, err error) {
	links, err := b.vendor.links(b.rows)
	if err != nil {
		return nil, found, err
	}
	for _, codec := range []string{"snappy", "zstd"} {
		file := parquetFile{"Parquet, " + codec, filepath.Join(b.dir, codec+".parquet")}
		say("writing %s", file.name)
		p, err := startProcess(exec.Command(binary, "write", codec, file.path), links, b.verbose, nil)
		if err != nil {
			return nil, found, err
		}
		if _, err := p.wait(ctx); err != nil {
			return nil, found, err
		}
		if err := json.NewDecoder(&p.out).Decode(&found); err != nil {
			return nil, found, err
		}
		files = append(files, file)
	}
	return files, found, nil
}

// decodeParquet has a file of Parquet read, from memory as it would come over HTTP.
func (b *bench) decodeParquet(ctx context.Context, binary string, file parquetFile) (formatRun, error) {
	body, err := os.ReadFile(file.path)
	if err != nil {
		return formatRun{}, err
	}
	link := b.vendor.offer(-1, [][]byte{body})[0] // beside the sets by rows
	r := formatRun{Format: file.name, FileSize: int64(len(body))}
	err = b.timed(ctx, exec.Command(binary, "read", link), nil, &r)
	return r, err
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/config"
	"saveris-bridge/internal/pipeline"
	"saveris-bridge/internal/schema"
)

// auditOptions are the flags of bridge audit.
type auditOptions struct {
	timeRange
	JSON, CSV bool
	HTML      string
}

func auditCommand(std streams) *cobra.Command {
	o := auditOptions{timeRange: timeRange{command: "audit"}}
	cmd := &cobra.Command{
		Use:   "audit --from T [--until T]",
		Short: "report for auditors what was due, stored, late and missing",
		Long: `Makes the completeness report: for each channel and UTC day what was due, stored, late and missing, the least, mean and greatest
value, the mean kinetic temperature, and the minutes outside of the limits in force; the alarms with their durations; rows and
digest of each day. It reads the streams alone: nothing is asked of the vendor, nothing is written, and it may run beside run.
Settings are those of run, but none of the vendor's is needed; bridge run --help lists them. Readings are audited whatever
BRIDGE_FEEDS says; alarms where it names them, or where any of the range has been read.

T is an RFC 3339 time, or how long ago: 24h, 7d. The range is half-open and counts in the time of measuring.

A reading is due one cycle after the one before it. It is missing if none has come half an hour later.

Exit code 0: nothing is missing. 1: something is, or has not been read, or the report could not be made.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := config.LoadWithoutVendor(cmd.Context(), std.env)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("html") {
				if o.HTML, err = pageFile(o.HTML); err != nil {
					return err
				}
			}
			now := time.Now().UTC().Truncate(time.Second)
			span, err := o.check(now)
			if err != nil {
				return err
			}
			return runAudit(cmd.Context(), s, o, span, now, std)
		},
	}
	cmd.Flags().StringVar(&o.From, "from", "", "where the range begins (needed)")
	cmd.Flags().StringVar(&o.Until, "until", "0s", "where it ends; now unless given")
	cmd.Flags().Lookup("until").DefValue = "" // what is said of it is enough
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON, numbers unrounded")
	cmd.Flags().BoolVar(&o.CSV, "csv", false, "print CSV, a line for each channel and day, numbers unrounded")
	cmd.Flags().StringVar(&o.HTML, "html", "", "write a page to print to this file")
	return cmd
}

// check refuses wrong flags and returns the range. It may end in the future: clocks differ, and what is stored counts.
func (o auditOptions) check(now time.Time) (span checkpoint.Span, err error) {
	if o.JSON && o.CSV || (o.JSON || o.CSV) && o.HTML != "" {
		return span, flagf("audit", "--json, --csv and --html exclude each other")
	}
	if err := o.moments(); err != nil {
		return span, err
	}
	span.From, _ = moment(o.From, now) // the check has read them
	if span.Until, _ = moment(o.Until, now); span.Empty() {
		return span, flagf("audit", "--from is %s and --until %s: expected a range that is not empty", span.From.Format(time.RFC3339Nano), span.Until.Format(time.RFC3339Nano))
	}
	return span, nil
}

func runAudit(ctx context.Context, s config.Settings, o auditOptions, span checkpoint.Span, now time.Time, std streams) error {
	if _, set := std.env("GOGC"); !set {
		debug.SetGCPercent(100) // Go's default: no window is held here, and gcPercent would cost as much again as all else
	}
	feeds := []string{string(schema.Readings)}
	if slices.Contains(s.Feeds, string(schema.Alarms)) {
		feeds = append(feeds, string(schema.Alarms))
	}
	s.Feeds = feeds // what is there counts, not what a bridge runs with these settings
	js, stop, err := readBroker(ctx, s, std.err)
	if err != nil {
		return err
	}
	defer stop()
	report, err := pipeline.AuditSource(js, s.Pipeline, version).Report(ctx, span, now)
	if err != nil {
		return orStopped(ctx, err)
	}
	defer report.Close()
	if err := o.write(report, std.out); err != nil {
		return err
	}
	return report.Err()
}

func (o auditOptions) write(report *audit.Report, out io.Writer) error {
	switch {
	case o.JSON:
		return report.JSON(out)
	case o.CSV:
		return report.CSV(out)
	case o.HTML != "":
		if err := writeFile(o.HTML, report.HTML); err != nil {
			return fmt.Errorf("write %s: %w", o.HTML, err)
		}
		_, err := fmt.Fprintln(out, "wrote "+o.HTML)
		return err
	}
	return report.Text(out)
}

// pageFile returns the file that is to be written, or to be replaced, for a name that was given: where it is a link, what it leads to.
// What is no file is refused before the streams are read: the page would take its place.
func pageFile(name string) (string, error) {
	if name == "" || name == "-" {
		return "", flagf("audit", "--html is %q: expected the name of a file, such as audit.html", name)
	}
	folder, err := os.Stat(filepath.Dir(name))
	if err != nil || !folder.IsDir() {
		return "", flagf("audit", "--html is %q: expected a file in a folder that exists", name)
	}
	switch there, err := os.Stat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return name, nil
	case err != nil:
		return "", flagf("audit", "--html is %q: %w", name, err)
	case !there.Mode().IsRegular():
		return "", flagf("audit", "--html is %q: expected the name of a file, and this is a folder or a device", name)
	}
	return filepath.EvalSymlinks(name)
}

// writeFile writes a file that is there as a whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".bridge-audit-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // once it is renamed there is none
	b := bufio.NewWriter(file)
	err = write(b)
	if err == nil {
		err = b.Flush()
	}
	if failed := file.Close(); err == nil {
		err = failed
	}
	if err == nil {
		err = os.Chmod(file.Name(), 0o644)
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

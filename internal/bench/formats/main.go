// Command formats writes the vendor's rows as Parquet and reads them back into the text that the bridge needs, for the
// comparison of formats in docs/benchmarks.md. It is a module of its own, so that Parquet is none of the bridge's dependencies.
//
//	formats write snappy|zstd FILE   links to gzipped NDJSON files as a JSON list on stdin; counts literals
//	formats read LINK                reads a Parquet file over HTTP
//
// The vendor does not say which types his Parquet files have. Columns here are typed as Athena's UNLOAD would write them:
// text, int, timestamps in milliseconds, double, all of them nullable.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"
)

func main() {
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 3 && args[0] == "write":
		err = write(args[1], args[2])
	case len(args) == 2 && args[0] == "read":
		err = read(args[1])
	default:
		err = fmt.Errorf("want write CODEC FILE or read LINK")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "formats:", err)
		os.Exit(1)
	}
}

// tell says on stdout when it is, and what CPU time was used so far.
func tell() error {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		At  time.Time
		CPU time.Duration
	}{time.Now(), time.Duration(r.Utime.Nano() + r.Stime.Nano())})
}

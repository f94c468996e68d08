package bridgetest

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"saveris-bridge/internal/natsd"
)

// memory is a file system in memory, where there is one. Tests have their temporary folders there if so many bytes are free.
const (
	memory     = "/dev/shm"
	memoryFree = 4 << 30
)

// Main is a TestMain that runs four tests at once for each processor: they wait for servers more than they compute.
func Main(m *testing.M) { os.Exit(Run(m, 4)) }

// Run runs tests, so many at once for each processor, and returns the exit code. It spares what the tests are not about: stores on a
// disk, which are made and removed by the hundred, and most collections of garbage. TMPDIR and GOGC are left as they are where they are
// set.
func Run(m *testing.M, atOnce int) int {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" { // or it would be the number of workers
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce*runtime.GOMAXPROCS(0)))
	}
	if free, _ := natsd.CheckSpace(memory); os.Getenv("TMPDIR") == "" && free >= memoryFree {
		_ = os.Setenv("TMPDIR", memory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	return m.Run()
}

package bridgetest

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// Main is a TestMain that runs four tests at once for each processor: they wait for servers more than they compute.
func Main(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" { // or it would be the number of workers
		_ = flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0)))
	}
	os.Exit(m.Run())
}

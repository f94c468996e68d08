package verify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/verify"
)

// The addresses that make a process of this test verify a day and say what memory it took.
const childVendor, childBroker = "TEST_VERIFY_VENDOR", "TEST_VERIFY_BROKER"

func TestMain(m *testing.M) {
	if os.Getenv(childVendor) != "" {
		child(os.Getenv(childVendor), os.Getenv(childBroker))
	}
	bridgetest.Main(m)
}

// usage is what the child says.
type usage struct {
	Day  verify.Day
	Heap uint64 // bytes that the heap took from the system at most
}

func child(vendor, broker string) {
	nc, err := nats.Connect(broker)
	check(err)
	js, err := jetstream.New(nc)
	check(err)
	client, err := saveris.New(saveris.Config{BaseURL: vendor, Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	check(err)
	v := &verify.Verifier{
		Source: client, VendorFeed: saveris.Measurements, Maker: schema.NewMaker(schema.Readings, "saveris", vendor), Feed: schema.Readings,
		Rows: 20_000, Keep: 100, Stream: checkpoint.NewStream(js, stream, "saveris", "readings"),
	}
	var u usage
	check(v.Run(context.Background(), checkpoint.Span{From: midnight, Until: midnight.AddDate(0, 0, 1)}, func(d verify.Day) error {
		u.Day = d
		return nil
	}))
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	u.Heap = stats.HeapSys
	check(json.NewEncoder(os.Stdout).Encode(u))
	os.Exit(0)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestADayOfManyRowsNeedsLittleMemory(t *testing.T) {
	t.Parallel()
	c := newCourt(t, saveristest.World{Start: midnight.Add(-time.Hour), Cycle: time.Minute, Sites: 2, Loggers: 12, Channels: 2}, saveristest.Switches{RowsLate: "off"})
	c.store(midnight, midnight.AddDate(0, 0, 1))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childVendor+"="+c.vendor.URL(), childBroker+"="+c.url)
	cmd.Stderr = os.Stderr
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var u usage
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %v with a heap of %d MB", u.Day.VendorRows, time.Since(began).Round(time.Millisecond), u.Heap>>20)
	if !u.Day.Proven || u.Day.VendorRows < 69_000 {
		t.Error(show(u.Day))
	}
	if u.Heap > 32<<20 { // the rows as events take more than twice that
		t.Errorf("a heap of %d MB", u.Heap>>20)
	}
}

package checkpoint

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/natsd"
	"saveris-bridge/internal/schema"
)

// A day of 3.5 million ids is asked for by -ids 3500000 -benchtime 3x, and one whose events stand between its index
// messages, as in life, by -event-size 800.
var (
	benchIDs   = flag.Int("ids", 100_000, "how many ids the day of BenchmarkPageLoad has")
	benchEvent = flag.Int("event-size", 0, "bytes of an event in the stream of BenchmarkPageLoad, 0 = index messages only")
	benchURL   = flag.String("nats", "", "server of BenchmarkPageLoad, empty = one in this process, whose memory counts in its peak")
)

// BenchmarkPageLoad reads the index of a day that this process knows nothing of. One operation is the whole day. It gives
// what the page holds afterwards, and the most that the process has had while it read.
func BenchmarkPageLoad(b *testing.B) {
	js := benchBroker(b)
	stream := NewStream(js, "BENCH", "bench", "readings")
	day := DayOf(midnight)
	fillDay(b, js, stream, day, *benchIDs)
	before := memory(true)
	most := watchMemory(b)
	var page *Page
	for b.Loop() {
		b.StopTimer()
		page = nil
		debug.FreeOSMemory() // of the last one's page
		b.StartTimer()
		var err error
		if page, err = NewBook(stream).Page(b.Context(), day); err != nil {
			b.Fatal(err)
		}
	}
	peak := most()
	b.ReportMetric(float64(*benchIDs)*float64(b.N)/b.Elapsed().Seconds(), "ids/s")
	b.ReportMetric(megabytes(peak-before), "peak-MB")
	b.ReportMetric(megabytes(memory(true)-before), "page-MB")
	runtime.KeepAlive(page)
}

func benchBroker(b *testing.B) jetstream.JetStream {
	b.Helper()
	url := *benchURL
	if url == "" {
		server, err := natsd.Start(natsd.Config{Dir: b.TempDir(), Listen: "127.0.0.1:0"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(server.Close)
		url = server.ClientURL()
	}
	nc, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench.>"}}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = js.DeleteStream(context.Background(), "BENCH") })
	return js
}

// fillDay stores a day as full batches would, with the last of their records.
func fillDay(b *testing.B, js jetstream.JetStream, stream *Stream, day string, ids int) {
	b.Helper()
	put := func(subject string, data []byte) {
		if _, err := js.PublishAsync(subject, data, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	record, event := Record{Version: Version, Feed: "readings", Day: day, Batch: "b"}, make([]byte, *benchEvent)
	for stored := 0; stored < ids; {
		var entries []Entry
		var index []byte
		for range min(998, ids-stored) {
			e := NewEntry(fmt.Sprintf("uuid-%d", stored), uint32(stored))
			entries, index = append(entries, e), append(index, e[:]...)
			if *benchEvent > 0 {
				put(fmt.Sprintf("bench.readings.live.%d", stored%1000), event)
			}
			stored++
		}
		put(stream.IndexSubject(day), index)
		record = record.Next(entries, nil, nil)
	}
	data, err := record.Encode()
	if err != nil {
		b.Fatal(err)
	}
	put(stream.RecordSubject(day), data)
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		b.Fatal("the broker does not answer")
	}
}

// memory is how many bytes this process has from the system, after a collection if it is asked to settle.
func memory(settle bool) uint64 {
	if settle {
		debug.FreeOSMemory()
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// watchMemory looks at the memory every millisecond until it is asked for the most that it saw.
func watchMemory(b *testing.B) (most func() uint64) {
	stop, peak := make(chan struct{}), make(chan uint64)
	b.Cleanup(func() { close(peak) })
	go func() {
		var most uint64
		for tick := time.Tick(time.Millisecond); ; {
			select {
			case <-tick:
				most = max(most, memory(false))
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	return func() uint64 { close(stop); return <-peak }
}

func megabytes(n uint64) float64 { return float64(int64(n)) / 1e6 }

// BenchmarkPageNew looks for what is new among 100 000 events. One operation is all of them.
func BenchmarkPageNew(b *testing.B) {
	events := make([]schema.Event, 100_000)
	var entries []Entry
	for i := range events {
		events[i] = schema.Event{ID: fmt.Sprintf("c1d2e3f4-a5b6-4c7d-8e9f-%012d", i), Check: uint32(i)}
		entries = append(entries, NewEntry(events[i].ID, events[i].Check))
	}
	late := slices.Concat(entries[:50_000], entries[50_010:])
	var tenth []Entry
	for i := 0; i < len(entries); i += 10 {
		tenth = append(tenth, entries[i])
	}
	for _, c := range []struct {
		name  string
		known []Entry
		want  int
	}{
		{"all new", nil, 100_000}, {"all known", entries, 0}, {"ten are late", late, 10}, {"a tenth is known", tenth, 90_000},
	} {
		b.Run(c.name, func(b *testing.B) {
			page := newPage("readings", DayOf(midnight))
			page.Apply(c.known, Record{}, 1)
			b.ReportAllocs()
			for b.Loop() {
				if news := page.New(events); len(news.Events) != c.want {
					b.Fatalf("%d are new, want %d", len(news.Events), c.want)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/row")
		})
	}
}

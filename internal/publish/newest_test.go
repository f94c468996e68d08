package publish_test

import (
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest"
	"saveris-bridge/internal/checkpoint"
)

// handed collects what a writer hands over.
func handed(to *[]checkpoint.RecordMessage) func(checkpoint.RecordMessage) {
	return func(r checkpoint.RecordMessage) { *to = append(*to, r) }
}

func TestTheNewestRecordIsHandedOverOnceForEachCall(t *testing.T) {
	t.Parallel()
	js := open(t, connect(t, bridgetest.Embedded(t).ClientURL()))
	var records []checkpoint.RecordMessage
	w := newWriter(js, 0)
	w.OnRecord = handed(&records)
	w.SetLowWatermark(noon)
	newest := func(what string, calls int) {
		t.Helper()
		all := stored(t, js, stream)
		last := all[len(all)-1]
		if len(records) != calls {
			t.Fatalf("%s: handed over %d times, want %d", what, len(records), calls)
		}
		if r := records[calls-1]; r.Day != day || r.Seq != uint64(len(all)) || string(r.Data) != string(last.data) {
			t.Errorf("%s: handed over %s at sequence %d, stored is %s at %d", what, r.Data, r.Seq, last.data, len(all))
		}
	}
	commit(t, w, readings(0, 2500), interval(0, time.Hour))
	newest("three batches", 1)
	commit(t, w, readings(0, 2500), interval(0, time.Hour))
	newest("nothing new", 2)
	if moved, err := w.AdvanceLowWatermark(t.Context(), day, noon.Add(time.Hour), uint64(len(stored(t, js, stream)))); !moved || err != nil {
		t.Fatalf("moved %v (%v)", moved, err)
	}
	newest("the watermark", 3)
	commit(t, w, readings(0, 10), nil)
	newest("nothing to store", 3)
}

func TestARecordWhoseAnswerWasLostIsHandedOver(t *testing.T) {
	t.Parallel()
	server := bridgetest.Embedded(t)
	link := bridgetest.LinkTo(t, server.ClientURL())
	direct := open(t, connect(t, server.ClientURL()))
	var records []checkpoint.RecordMessage
	w := newWriter(open(t, connect(t, link.URL())), time.Hour)
	w.OnRecord = handed(&records)
	commit(t, w, readings(0, 10), nil)
	loseAnswer(link, `"count":`)
	if _, err := w.Commit(t.Context(), day, readings(0, 20), nil); err == nil {
		t.Fatal("the commit whose answer was lost should say so")
	}
	commitUntilDone(t, w, readings(0, 20), nil)
	if got := fmt.Sprint(len(records), records[len(records)-1].Seq); got != fmt.Sprint(2, len(stored(t, direct, stream))) {
		t.Errorf("handed over, and the last sequence: %s, want two and the stream's last", got)
	}
}

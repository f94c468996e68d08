package web

import (
	"fmt"
	"testing"
	"time"

	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func TestRejectedRowsAreGroupedByFeedAndReason(t *testing.T) {
	now := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	var all []status.Reject
	add := func(n int, feed schema.Feed, reason string) {
		for range n {
			i := len(all)
			all = append(all, status.Reject{Feed: feed, At: now.Add(-time.Duration(i) * time.Minute), Reason: reason, Row: fmt.Sprint(i)})
		}
	}
	add(1, "readings", `timestamp is no time: "a \" b"`)
	add(11, "readings", `timestamp is no time: "c"`)
	add(80, "alarms", `timestamp is no time: "c"`)
	for i := range 4 {
		add(2, "alarms", fmt.Sprint("reason ", i))
	}
	got := grouped(all)
	if len(got.Groups) != 5 || got.Known != 100 || got.Other != 2 {
		t.Fatalf("%d groups of %d rows, %d others", len(got.Groups), got.Known, got.Other)
	}
	r, a := got.Groups[0], got.Groups[1]
	if r.Feed != "readings" || r.Count != 12 || len(r.Rows) != 10 || r.Rows[9].Row != "9" || r.Reason != "timestamp is no time: …" || !r.At.Equal(now) {
		t.Errorf("readings: %+v", r)
	}
	if a.Feed != "alarms" || a.Count != 80 || a.Reason != `timestamp is no time: "c"` || !a.At.Equal(now.Add(-12*time.Minute)) {
		t.Errorf("alarms: %+v", a)
	}
}

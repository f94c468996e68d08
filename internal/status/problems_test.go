package status_test

import (
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func TestOneVerdictNamesEveryProblemAtItsLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	back := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	well := func() status.Status {
		return status.Status{At: now, Feeds: []status.Feed{
			{Feed: schema.Readings, ReadAt: back(0), Newest: back(time.Minute)}, {Feed: schema.Alarms, ReadAt: back(0), Newest: back(48 * time.Hour)},
		}}
	}
	backfill := func(phase schema.Phase, told time.Duration) status.Backfill {
		return status.Backfill{Backfill: schema.Backfill{ID: "b", Phase: phase}, ToldAt: *back(told)}
	}
	causes := map[schema.Feed]string{schema.Readings: "connection refused"}
	for name, c := range map[string]struct {
		how  func(*status.Status, *status.Rules)
		want string // level and text of each
	}{
		"well":                       {func(*status.Status, *status.Rules) {}, ""},
		"polled three intervals ago": {func(s *status.Status, _ *status.Rules) { s.Feeds[0].ReadAt = back(15 * time.Minute) }, ""},
		"polled longer ago":          {func(s *status.Status, _ *status.Rules) { s.Feeds[0].ReadAt = back(16 * time.Minute) }, "bad readings have been stalled since 03:44"},
		"the cause is known": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, r.Process.Causes = back(16*time.Minute), causes
		},
			"bad readings have been stalled since 03:44: connection refused"},
		"what is read is not shown": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[1].ReadAt = back(5*time.Hour), back(5*time.Hour)
			s.Bridge = []status.Note{{Own: true, Level: status.Bad, Feed: schema.Readings, Text: "readings are not shown as they are: no right"}}
		}, "bad alarms have been stalled since 2026-11-24 23:00; bad readings are not shown as they are: no right"},
		"no bridge is running": {func(s *status.Status, _ *status.Rules) {
			s.NoBridge, s.Heard = true, back(54*time.Second)
		}, "bad no bridge is running, the last one was seen at 03:59:06"},
		"no bridge is running, and none is known": {func(s *status.Status, _ *status.Rules) { s.NoBridge = true }, "bad no bridge is running"},
		"a bridge may run without a lease": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Taken = true, back(time.Hour), true
		}, "bad no bridge holds the lease to poll, it was renewed last at 03:00:00"},
		"a bridge that may run cannot store its lease": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Taken, r.Process.Store = true, back(time.Hour), true, "no space left"
		}, "bad no space left"},
		"this bridge cannot store its lease": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Process.Began, r.Process.Store = true, back(time.Hour), *back(time.Hour), "no space left"
		}, "bad no space left"},
		"no bridge is running on a full disk": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, r.Process.Store = true, "no space left"
		}, "bad no space left; bad no bridge is running"},
		"this bridge has not begun to poll": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Process.Began = true, back(time.Hour), *back(20 * time.Second)
		}, ""},
		"this bridge polls": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Process.Began, r.Process.Leads = true, back(time.Hour), *back(time.Hour), true
		}, ""},
		"no lease is seen without NATS": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, r.Process.Began, r.Process.Lost = true, *back(time.Hour), now
		}, "bad this bridge has had no connection to NATS since 04:00:00; what is shown is from then"},
		"this bridge does not begin to poll": {func(s *status.Status, r *status.Rules) {
			s.NoBridge, s.Heard, r.Process.Began = true, back(time.Hour), *back(21 * time.Second)
		}, "bad no bridge polls, the last one polled at 03:00:00"},
		"the vendor's clock is ahead": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].CoveredUntil = nil, back(-2*time.Hour)
		}, "look readings are covered until 06:00, which is yet to come: the clocks of the vendor and of this machine differ"},
		"the vendor throttles": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Vendor = back(16*time.Minute), []status.Note{{Text: "throttled", Until: back(-90 * time.Second)}}
		}, "bad readings are throttled (HTTP 429) until 04:01:30, the last poll was at 03:44"},
		"the vendor throttles this bridge": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].Export, r.Process.Causes = back(16*time.Minute), &status.Export{AskedAt: *back(150 * time.Second)}, causes
			r.Process.Held = *back(-90 * time.Second)
		}, "bad readings are throttled (HTTP 429) until 04:01:30, the last poll was at 03:44"},
		"the vendor throttles before the first poll": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Vendor = nil, []status.Note{{Text: "throttled", Until: back(-24 * time.Hour)}}
		}, "wait readings have not been read yet: throttled (HTTP 429) until 2026-11-26 04:00:00"},
		"the vendor throttles, which does not matter yet": {func(s *status.Status, _ *status.Rules) {
			s.Vendor = []status.Note{{Text: "throttled", Until: back(-90 * time.Second)}}
		}, ""},
		"the vendor has throttled": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Vendor = back(16*time.Minute), []status.Note{{Text: "throttled", Until: back(time.Second)}}
		}, "bad readings have been stalled since 03:44"},
		"a late export": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].Export, r.Process.Causes = back(16*time.Minute), &status.Export{AskedAt: *back(150 * time.Second)}, causes
		}, "bad readings have been waiting for the vendor's export since 03:57:30, the last poll was at 03:44"},
		"a late export that does not matter yet": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].Export = &status.Export{AskedAt: *back(150 * time.Second)}
		}, ""},
		"a late export before the first poll": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].Export = nil, &status.Export{AskedAt: *back(150 * time.Second)}
		}, "wait readings have been waiting for the vendor's export since 03:57:30"},
		"a late export before the first poll, for too long": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].Export, r.Process.Began = nil, &status.Export{AskedAt: *back(150 * time.Second)}, *back(16 * time.Minute)
		}, "bad readings have been waiting for the vendor's export since 03:57:30, and have not been read since this bridge began"},
		"a late export of a backfill": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[0].Export = back(16*time.Minute), &status.Export{AskedAt: *back(150 * time.Second), Background: true}
		}, "bad readings have been stalled since 03:44"},
		"a cause that has not lasted":   {func(_ *status.Status, r *status.Rules) { r.Process.Causes = causes }, ""},
		"short intervals have a minute": {func(s *status.Status, r *status.Rules) { s.Feeds[0].ReadAt, r.Poll = back(time.Minute), time.Second }, ""},
		"yesterday":                     {func(s *status.Status, _ *status.Rules) { s.Feeds[1].ReadAt = back(5 * time.Hour) }, "bad alarms have been stalled since 2026-11-24 23:00"},
		"never read":                    {func(s *status.Status, _ *status.Rules) { s.Feeds[0].ReadAt = nil }, "wait readings have not been read yet"},
		"never read so far": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, r.Process.Began = nil, *back(15 * time.Minute)
		},
			"wait readings have not been read yet"},
		"never read for too long": {func(s *status.Status, r *status.Rules) {
			s.Feeds[0].ReadAt, r.Process.Began, r.Process.Causes = nil, *back(16 * time.Minute), causes
		}, "bad readings have not been read since this bridge began, 03:44: connection refused"},
		"quiet":           {func(s *status.Status, _ *status.Rules) { s.Feeds[0].Newest = back(3 * time.Hour) }, "look readings are polled, but the newest is of 01:00"},
		"quiet as it may": {func(s *status.Status, _ *status.Rules) { s.Feeds[0].Newest = back(2 * time.Hour) }, ""},
		"gaps": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[1].Gaps = []checkpoint.Span{{From: *back(95 * time.Minute), Until: now}}
		}, "look alarms are not complete: 1 gap, 1h35m in all"},
		"rejects": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].Rejected, s.Feeds[0].RejectedAt = 4467, back(time.Hour)
		}, "look 4467 rows of readings rejected, the newest at 03:00"},
		"old rejects": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].Rejected, s.Feeds[0].RejectedAt = 4467, back(25*time.Hour)
		}, ""},
		"backfill speaks": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillProgress, 10*time.Minute)}
		}, ""},
		"backfill silent": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillProgress, 11*time.Minute)}
		}, "look backfill b has not reported for ten minutes"},
		"backfill long gone": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillProgress, 25*time.Hour)}
		}, ""},
		"backfill failed": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillFailed, time.Hour)}
		}, "look backfill b has failed"},
		"backfill failed long ago": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillFailed, 25*time.Hour)}
		}, ""},
		"backfills failed": {func(s *status.Status, _ *status.Rules) {
			s.Backfills = []status.Backfill{backfill(schema.BackfillFailed, time.Hour), backfill(schema.BackfillFailed, time.Hour)}
		}, "look 2 backfills have failed"},
		"a full disk": {func(s *status.Status, r *status.Rules) {
			s.Backfills, r.Process.Store = []status.Backfill{backfill(schema.BackfillFailed, time.Hour)}, "store /data: no space left"
		}, "bad store /data: no space left; look backfill b has failed"},
		"NATS is lost": {func(_ *status.Status, r *status.Rules) { r.Process.Lost = *back(104 * time.Second) },
			"bad this bridge has had no connection to NATS since 03:58:16; what is shown is from then"},
		"NATS was lost while all was well": {func(s *status.Status, r *status.Rules) { s.At, r.Process.Lost = now.Add(time.Hour), now },
			"bad this bridge has had no connection to NATS since 04:00:00; what is shown is from then"},
		"NATS is lost since yesterday": {func(_ *status.Status, r *status.Rules) { r.Process.Lost = *back(5 * time.Hour) },
			"bad this bridge has had no connection to NATS since 2026-11-24 23:00:00; what is shown is from then"},
		"the worst first": {func(s *status.Status, _ *status.Rules) {
			s.Feeds[0].ReadAt, s.Feeds[1].ReadAt, s.Backfills = nil, back(time.Hour), []status.Backfill{backfill(schema.BackfillFailed, time.Hour)}
		}, "bad alarms have been stalled since 03:00; look backfill b has failed; wait readings have not been read yet"},
	} {
		s, r := well(), status.Rules{Poll: 5 * time.Minute}
		c.how(&s, &r)
		var got []string
		for _, p := range s.Problems(r) {
			got = append(got, string(p.Level)+" "+p.Text)
		}
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

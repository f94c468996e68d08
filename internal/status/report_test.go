package status_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/status"
)

func TestStatusIsReadAtAGlance(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	back := func(d time.Duration) *time.Time { t := at.Add(-d); return &t }
	eta, trouble := 90.0, "no \x1b[31mluck"
	now := status.Status{At: at, Feeds: []status.Feed{{
		Feed: schema.Readings, Since: back(48 * time.Hour), CoveredUntil: back(20 * time.Minute), ReadAt: back(20 * time.Minute), Newest: back(21 * time.Minute),
		Leader: "host/\x1b[1m7", Rows: 7000, Late: 30, Rejected: 2,
		Lateness: &status.Lateness{Events: 1000, Arrival: status.Quantiles{Median: 30, P95: 3700}, Storing: status.Quantiles{Median: -2, P95: 95}},
		Days:     []status.Day{{Day: "2026-11-23", Rows: 4000, Late: 20}, {Day: "2026-11-24", Rows: 3000, Late: 10}},
		Partly:   []status.Day{{Day: "2026-11-22", Covered: 0.5}, {Day: "2026-11-23", Covered: 0.9999}},
	}}, Backfills: []status.Backfill{
		{Backfill: schema.Backfill{ID: "run", Phase: schema.BackfillProgress, From: at, Until: at, Covered: 0.4, ETA: &eta}, ToldAt: *back(5 * time.Second)},
		{Backfill: schema.Backfill{ID: "bad", Phase: schema.BackfillFailed, From: at, Until: at, Error: &trouble}, ToldAt: *back(72 * time.Hour)},
	}}
	for i := range 7 {
		from := at.Add(time.Duration(i-30) * time.Hour)
		now.Feeds[0].Gaps = append(now.Feeds[0].Gaps, checkpoint.Span{From: from, Until: from.Add(30 * time.Minute)})
	}
	judge := func(now status.Status) status.Report {
		return status.NewReport(now, status.Recent{}, status.Rules{Poll: 5 * time.Minute})
	}
	const want = `2026-11-24 12:00:00: readings have been stalled since 11:40; readings are not complete: 7 gaps, 3h30m in all

readings
  covered until  2026-11-24 11:40:00, 20m ago
  last poll      20m ago, polled by host/\u001b[1m7
  newest event   2026-11-24 11:39:00, 21m ago
  gaps           7 gaps, 3h30m in all
                 2026-11-23 06:00:00 until 2026-11-23 06:30:00 (30m)
                 2026-11-23 07:00:00 until 2026-11-23 07:30:00 (30m)
                 2026-11-23 08:00:00 until 2026-11-23 08:30:00 (30m)
                 2026-11-23 09:00:00 until 2026-11-23 09:30:00 (30m)
                 2026-11-23 10:00:00 until 2026-11-23 10:30:00 (30m)
                 and 2 more
  partly read    2026-11-23: 99.9%, 2026-11-22: 50%
  rows           7000 on 2 days
  late rows      30 (2026-11-24: 10, 2026-11-23: 20)
  rejected rows  2
  lateness       measured to cloud: median 30s, 95% within 1h1m (the newest 1000)
                 cloud to stream: median -2s, 95% within 1m35s

backfills
  run  progress  40% covered, 2026-11-24 12:00:00 until 2026-11-24 12:00:00, told 5s ago, about 1m30s to go
  bad  failed  0% covered, 2026-11-24 12:00:00 until 2026-11-24 12:00:00, told 3d ago: no \u001b[31mluck
`
	if got := judge(now).Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	now.Feeds[0].Gaps, now.Feeds[0].ReadAt = nil, back(time.Minute)
	if got := judge(now).Verdict(); got != "all is well" {
		t.Errorf("%q", got)
	}
	if got := judge(now); !got.OK || got.Problems == nil {
		t.Errorf("%+v", got)
	}
	now.Backfills[0].ToldAt = *back(time.Hour)
	if got := judge(now).Verdict(); got != "backfill run has not reported for ten minutes" {
		t.Errorf("%q", got)
	}
	if got := judge(now); got.OK || len(got.Problems) != 1 || got.Problems[0].Level != status.Look {
		t.Errorf("%+v", got)
	}
}

func TestAClockThatIsAheadIsNotNever(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	until := at.Add(2 * time.Hour)
	now := status.Status{At: at, Feeds: []status.Feed{{Feed: schema.Readings, CoveredUntil: &until, Days: []status.Day{{Day: "2026-11-24"}}}}}
	got := status.NewReport(now, status.Recent{}, status.Rules{Poll: time.Minute}).Text()
	if strings.Contains(got, "never") || !strings.Contains(got, "last poll      not known: what has been read lies ahead of the clock here") {
		t.Errorf("%s", got)
	}
}

func TestAllIsNotWellAboveASevereAlarm(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	now := status.Status{At: at, Feeds: []status.Feed{{Feed: schema.Alarms, ReadAt: &at}}}
	first := func(severe int) string {
		open := slices.Repeat([]status.Alarm{{Severity: "alarm"}}, severe)
		line, _, _ := strings.Cut(status.NewReport(now, status.Recent{Alarms: open}, status.Rules{Poll: time.Minute}).Text(), "\n")
		return line
	}
	for severe, want := range map[int]string{0: "all is well", 1: "the bridge is well; 1 severe alarm is open", 2: "the bridge is well; 2 severe alarms are open"} {
		if got := first(severe); got != "2026-11-24 12:00:00: "+want {
			t.Errorf("%d severe alarms: %s", severe, got)
		}
	}
	now.Feeds[0].ReadAt = nil
	if got := first(1); !strings.HasSuffix(got, ": alarms have not been read yet; 1 severe alarm is open") {
		t.Errorf("%s", got)
	}
	if n := status.Severe([]status.Alarm{{Severity: "warning"}, {Severity: "alarm"}, {Severity: "unknown"}, {Severity: "alarm"}}); n != 2 {
		t.Errorf("%d of two are severe", n)
	}
}

func TestOpenAlarmsAreReadAtAGlance(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	since := at.AddDate(0, 0, -300)
	open := []status.Alarm{
		{At: at.Add(-time.Minute), Severity: "warning", Text: "Hot\x1b[1m: measured 9.3 °C", Condition: "Hot", Serial: "22011234", Quantity: "air_temperature"},
		{At: at.Add(-time.Hour), Severity: "alarm", Text: "Upper limit exceeded: measured 61 %", Condition: "Upper limit", Site: "b2c3d4e5-f6a7", Serial: "22011234", Quantity: "relative_humidity", Name: "Fridge 1, Inside", SiteName: "Musterstadt"},
		{At: at.Add(-2 * time.Hour), Severity: "warning", Text: "Upper limit exceeded: measured 59 %", Condition: "Upper limit", Site: "b2c3d4e5-f6a7", Serial: "22011234", Quantity: "relative_humidity"},
		{At: at.AddDate(0, 0, -71), Severity: "warning", Text: "Calibration is too old", Condition: "Calibration is too old", Serial: "22019153"},
	}
	list := func(open []status.Alarm, since *time.Time) string {
		_, text, _ := strings.Cut(status.NewReport(status.Status{At: at}, status.Recent{Alarms: open, AlarmsSince: since}, status.Rules{}).Text(), "\n")
		return text
	}
	const want = `
open alarms
  alarm    Upper limit exceeded: measured 61 %, Fridge 1, Inside, 22011234 relative_humidity, Musterstadt, since 2026-11-24 11:00:00, 1h ago; warning since 2026-11-24 10:00:00, 2h ago
  warning  Hot\u001b[1m: measured 9.3 °C, 22011234 air_temperature, since 2026-11-24 11:59:00, 1m ago
  warning  Calibration is too old, 22019153, since 2026-09-14 12:00:00, 71d ago
  those raised before 2026-01-28 12:00:00 are not known; bridge backfill --feeds alarms with an earlier --from reads them
`
	if got := list(open, &since); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	open = slices.Repeat(open, 5)
	if got := list(open, &since); !strings.Contains(got, "\n  and 5 more\n") {
		t.Errorf("%s", got)
	}
	if got := list(nil, &since); !strings.HasPrefix(got, "\nopen alarms\n  none\n  those raised before ") {
		t.Errorf("%s", got)
	}
	if got := list(nil, nil); got != "" {
		t.Errorf("nothing has been read: %s", got)
	}
}

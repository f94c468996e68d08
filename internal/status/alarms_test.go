package status_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saveris-bridge/internal/bridgetest/variants"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/publish"
	"saveris-bridge/internal/saveris"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
	"saveris-bridge/internal/secret"
	"saveris-bridge/internal/status"
)

// alarm makes the event of an alarm's row; more are columns, names and values in turn.
func alarm(uuid, state string, at time.Time, more ...string) schema.Event {
	columns := []string{
		"uuid", uuid, "alarm_status", state, "alarm_severity", "Warning", "alarm_condition_type", "Upper limit", "serial_no", "22011234", "alarm_value", "9.30",
		"physical_unit", "°C", "alarm_time", stamp(at), "last_status_change_time", stamp(at), "processed_at", stamp(at.Add(30 * time.Second)),
	}
	for i := 0; i < len(more); i += 2 {
		if at := slices.Index(columns, more[i]); at >= 0 {
			columns = slices.Delete(columns, at, at+2)
		}
	}
	return row(schema.Alarms, append(columns, more...)...)
}

// openIDs lists the open alarms as their uuids.
func openIDs(b *status.Board) string {
	var ids []string
	for _, a := range b.Recent("").Alarms {
		id, _, _ := strings.Cut(a.ID, ".")
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// TestAnAlarmThatStillHoldsIsOpen: one of a hundred days ago, whatever has come since.
func TestAnAlarmThatStillHoldsIsOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	w := s.writer(schema.Alarms)
	long := today.AddDate(0, 0, -100)
	s.store(w, nil, alarm("old", "Alarm", long, "alarm_condition_type", "Calibration is too old", "alarm_value", ""))
	s.store(w, cover(0, 60), alarm("a", "Alarm", minute(1)), alarm("b", "Ok", minute(2)), alarm("c", "Alarm", minute(3)))
	b := s.board()
	if got := openIDs(b); got != "c old" {
		t.Fatalf("open are %q", got)
	}
	list := b.Recent("").Alarms
	if a := list[0]; a.ID != "c.alarm."+minute(3).Format("20060102T150405Z") || !a.At.Equal(minute(3)) || *a.Value != "9.30" || a.Unit != "Cel" || a.Serial != "22011234" || a.Severity != "warning" {
		t.Errorf("%+v", a)
	}
	if a := list[1]; !a.At.Equal(long) || a.Value != nil || a.Condition != "Calibration is too old" {
		t.Errorf("%+v", a)
	}
	s.store(w, nil, alarm("d", "Unknown", minute(4), "alarm_reason", "The alarm condition does no longer exist"))
	s.await(b, "the end of one", func() bool { return openIDs(b) == "old" })
}

// TestAlarmsAreKnownSinceWhatWasRead: what was raised before the feed's beginning, or before what is read of a long stream, is
// named as unknown.
func TestAlarmsAreKnownSinceWhatWasRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if b := s.board(); b.Recent("").AlarmsSince != nil {
		t.Errorf("nothing is stored, and alarms are known since %s", b.Recent("").AlarmsSince)
	}
	w := s.writer(schema.Alarms)
	w.SetLowWatermark(minute(60))
	s.store(w, cover(60, 120), alarm("a", "Alarm", minute(61)), alarm("b", "Alarm", minute(62)), alarm("c", "Alarm", minute(63)))
	s.store(w, cover(180, 240)) // what lies between is a gap, which is shown as one
	since := func(b *status.Board) string {
		if at := b.Recent("").AlarmsSince; at != nil {
			return stamp(*at)
		}
		return "never"
	}
	b := s.board()
	if got := since(b); got != stamp(minute(60)) {
		t.Errorf("known since %s", got)
	}
	s.store(w, cover(30, 60)) // by a backfill
	s.store(w, cover(0, 30))
	s.store(w, cover(-40, 0)) // of the day before as well
	s.store(w, cover(-90, -60))
	s.await(b, "what a backfill has read", func() bool { return since(b) == stamp(minute(-40)) })

	some := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, Timings: quick})
	some.BeginWithAlarms(2)
	s.run(some)
	if got := openIDs(some); got != "c b" {
		t.Errorf("of the newest two %q are open", got)
	}
	stream, err := s.js.Stream(t.Context(), names.Stream(schema.Alarms))
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.GetMsg(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if at := some.Recent("").AlarmsSince; at == nil || !at.Equal(first.Time) {
		t.Errorf("known since %v, and nothing was read that was stored before %v", at, first.Time)
	}
}

// TestTheBoardShowsTheVendorsOpenAlarms: the whole way, from the vendor's rows to the list, for rows that say as little as they
// may, those that are updated in place, and what a vendor of the document's sends.
func TestTheBoardShowsTheVendorsOpenAlarms(t *testing.T) {
	t.Parallel()
	for i, set := range []string{
		"", "alarm.source_event=never alarm.closing=mixed alarm.unknown=mixed alarm.time_skew=minutes alarm.source_uuid=null",
		"alarm.rows=in-place alarm.closing=Unknown alarm.unknown=mixed", "alarm.source_event=all alarm.names=document site.value=null",
	} {
		if !variants.Take(i, 2) {
			continue
		}
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			asOf := time.Date(2026, 9, 1, 23, 0, 0, 0, time.UTC)
			vendor, client := s.vendor(set, asOf)
			w := s.writer(schema.Alarms)
			for day := asOf.AddDate(0, 0, -90).Truncate(24 * time.Hour); day.Before(asOf); day = day.AddDate(0, 0, 1) {
				s.storeDay(w, client, vendor.URL(), day)
			}
			b := s.board()
			want := map[string]time.Time{}
			for _, a := range vendor.OpenAlarms(asOf) {
				want[a.UUID] = a.AlarmTime
			}
			oldest := asOf
			for _, a := range b.Recent("").Alarms {
				uuid, _, _ := strings.Cut(a.ID, ".")
				if !want[uuid].Equal(a.At) {
					t.Errorf("%+v is open, and not in the vendor's world", a)
				}
				delete(want, uuid)
				oldest = a.At
			}
			if len(want) > 0 || asOf.Sub(oldest) < 31*24*time.Hour {
				t.Errorf("%v are open in the vendor's world and not shown; the oldest shown is of %s", want, oldest)
			}
		})
	}
}

// vendor starts a pretend vendor whose world is ninety days old at a moment, and a client of his.
func (s *stage) vendor(set string, asOf time.Time) (*saveristest.Server, *saveris.Client) {
	s.Helper()
	config := saveristest.Config{
		Now:   func() time.Time { return asOf },
		World: saveristest.World{Start: asOf.AddDate(0, 0, -90).Truncate(24 * time.Hour)},
	}
	config.Switches.QueryLatency = "zero"
	for _, one := range strings.Fields(set) {
		key, value, _ := strings.Cut(one, "=")
		if err := config.Set(key, value); err != nil {
			s.Fatal(err)
		}
	}
	vendor, err := saveristest.Start(config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { vendor.Close() })
	client, err := saveris.New(saveris.Config{BaseURL: vendor.URL(), Username: "demo", Password: secret.New("demo"), FirstPoll: time.Millisecond})
	if err != nil {
		s.Fatal(err)
	}
	return vendor, client
}

// storeDay stores a day of the vendor's alarms.
func (s *stage) storeDay(w *publish.Writer, client *saveris.Client, url string, day time.Time) {
	s.Helper()
	var events []schema.Event
	maker := schema.NewMaker(schema.Alarms, names.Prefix, url)
	until := day.AddDate(0, 0, 1)
	_, err := client.Rows(s.Context(), saveris.Query{Feed: saveris.Alarms, From: day, Until: until}, func(row *saveris.Row) error {
		if e := maker.Event(row, schema.Window{}, time.Now()); e.Time.Before(until) { // the vendor's end is closed
			events = append(events, e)
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.store(w, &checkpoint.Interval{From: day, Until: until, ReadAt: time.Now().UTC(), Route: "export"}, events...)
}

// run runs a board until the test ends, and waits for its first picture.
func (s *stage) run(b *status.Board) {
	s.Helper()
	s.Go(func() { _ = b.Run(s.Context()) })
	if err := b.Ready(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// BenchmarkBeginningWithAlarms begins where 200,000 events of alarms are stored, of which a twentieth is open.
func BenchmarkBeginningWithAlarms(b *testing.B) {
	s := newStage(b)
	w := s.writer(schema.Alarms)
	for part := range 20 {
		events := make([]schema.Event, 0, 10_000)
		for i := range 10_000 {
			n := part*10_000 + i
			state := "Alarm"
			if i%2 == 1 && i%20 != 19 {
				state = "Ok"
			}
			events = append(events, alarm(fmt.Sprintf("d2e3f4a5-b6c7-4d8e-9f0a-%012d", n), state, minute(part).Add(time.Duration(i)*time.Millisecond), "serial_no", fmt.Sprintf("2201%05d", n/2%18_000)))
		}
		s.store(w, cover(part, part+1), events...)
	}
	for b.Loop() {
		board := status.New(s.js, status.Config{Names: names, Feeds: publish.Feeds, Timings: quick})
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = board.Run(ctx) }()
		if err := board.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(board.Recent("").Alarms)), "open")
		cancel()
		<-done
	}
}

package audit_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"saveris-bridge/internal/audit"
	"saveris-bridge/internal/checkpoint"
	"saveris-bridge/internal/hint"
	"saveris-bridge/internal/saveris/saveristest"
	"saveris-bridge/internal/schema"
)

// figures are what the JSON of a channel's day has.
type figures struct {
	Day          string   `json:"day"`
	CycleSeconds *float64 `json:"cycle_seconds"`
	CycleFrom    string   `json:"cycle_from"`
	Due          *int
	Stored, Late int
	Missing      *int
	First, Last  *time.Time

	Min, Mean, Max, MKT *float64
	Warning             *float64 `json:"minutes_outside_warning"`
	Alarm               *float64 `json:"minutes_outside_alarm"`
}

type reported struct {
	From, Until time.Time
	Missing     int
	Complete    bool
	Channels    []struct {
		Tenant, Site string
		SerialNo     string `json:"serial_no"`
		ChannelNo    int    `json:"channel_no"`
		Quantity     string
		Names        map[string]*string
		Days         []figures
	}
	Days []struct {
		Feed, Day string
		Rows      int
		Digest    string
		Late      int
	}
	NotRead []struct {
		Feed        string
		From, Until time.Time
	} `json:"not_read"`
	Faults      []string
	Corrections int
	AlarmCount  int `json:"alarm_count"`
	Alarms      []struct {
		ID, Severity string
		Minutes      float64
		EndedAt      *time.Time `json:"ended_at"`
	}
	RejectedCount int `json:"rejected_count"`
	Rejected      []audit.Rejected
	Bridge        struct{ Version string }
}

// read reads the JSON of a report.
func (c *court) read(r *audit.Report) (got reported) {
	c.Helper()
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		c.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		c.Fatalf("%v: %s", err, b.Bytes())
	}
	return got
}

// of returns the days of a channel.
func (r reported) of(key string) map[string]figures {
	byDay := map[string]figures{}
	for _, c := range r.Channels {
		if c.SerialNo+"/"+strconv.Itoa(c.ChannelNo) == key {
			for _, d := range c.Days {
				byDay[d.Day] = d
			}
		}
	}
	return byDay
}

// TestKnownHolesOfTheVendorAreFound: what is due of each channel and day is what the pretend vendor has, and what is missing is what
// was not stored, in either content mode.
func TestKnownHolesOfTheVendorAreFound(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	span := days(-1, 5)
	hole := func(m saveristest.Measurement) bool {
		since := m.Timestamp.Sub(midnight)
		switch keyOf(m)[len(keyOf(m))-1] {
		case '1': // a night of channel 1
			return since > 23*time.Hour && since < 31*time.Hour
		default: // and a moment each day
			return since%(24*time.Hour) >= 12*time.Hour && since%(24*time.Hour) < 12*time.Hour+15*time.Minute
		}
	}
	rows := c.world(saveristest.World{Start: span.From, Sites: 2, Loggers: 3}, span, hole)
	type sum struct {
		due, missing, stored int
		least, most, total   float64
	}
	want := map[string]map[string]*sum{}
	missing := 0
	for _, m := range rows {
		key, day := keyOf(m), checkpoint.DayOf(m.Timestamp)
		if m.Timestamp.Before(midnight) {
			continue
		}
		if want[key] == nil {
			want[key] = map[string]*sum{}
		}
		s := want[key][day]
		if s == nil {
			s = &sum{least: math.Inf(1), most: math.Inf(-1)}
			want[key][day] = s
		}
		if s.due++; hole(m) {
			s.missing++
			missing++
			continue
		}
		value, err := strconv.ParseFloat(m.Measurement, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.stored++
		s.least, s.most, s.total = min(s.least, value), max(s.most, value), s.total+value
	}
	if missing < 100 || len(want) != 12 {
		t.Fatalf("%d rows of %d channels are left out, so this proves nothing", missing, len(want))
	}
	got := c.read(c.audit(days(0, 4), nil))
	if got.Missing != missing || got.Complete || len(got.Channels) != 12 {
		t.Errorf("%d missing of %d channels, want %d", got.Missing, len(got.Channels), missing)
	}
	for key, byDay := range want {
		is := got.of(key)
		if len(is) != len(byDay) {
			t.Errorf("%s: %d days, want %d", key, len(is), len(byDay))
		}
		for day, s := range byDay {
			d := is[day]
			if d.Due == nil || *d.Due != s.due || *d.Missing != s.missing || d.Stored != s.stored || *d.CycleSeconds != 900 || d.CycleFrom != "readings" ||
				*d.Min != s.least || *d.Max != s.most || math.Abs(*d.Mean-s.total/float64(s.stored)) > 1e-9 {
				t.Errorf("%s on %s: %+v, want %+v", key, day, d, *s)
			}
		}
	}
	for _, d := range got.Days {
		if d.Feed == "readings" && (d.Rows == 0 || len(d.Digest) != 32) {
			t.Errorf("%+v", d)
		}
	}
}

func TestNothingMissingIsComplete(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.world(saveristest.World{Start: midnight.AddDate(0, 0, -1), Sites: 1}, days(-1, 3), func(saveristest.Measurement) bool { return false })
	for name, span := range map[string]checkpoint.Span{
		"two days":      days(0, 2),
		"an hour":       {From: midnight.Add(11 * time.Hour), Until: midnight.Add(12 * time.Hour)},
		"over midnight": {From: midnight.Add(23*time.Hour + 7*time.Minute), Until: midnight.Add(25*time.Hour + 11*time.Minute)},
	} {
		if r := c.audit(span, nil); !r.Complete() || r.Missing > 0 {
			t.Errorf("%s: %+v", name, c.read(r))
		}
	}
}

// steady stores a reading of a sensor every quarter of an hour of a day.
func (c *court) steady(serial string, day int, value string, but ...int) {
	c.Helper()
	var events []schema.Event
	for i := range 96 {
		skip := false
		for _, hole := range but {
			skip = skip || i == hole
		}
		if !skip {
			events = append(events, c.reading(serial, midnight.AddDate(0, 0, day).Add(time.Duration(i)*15*time.Minute), value))
		}
	}
	c.store(schema.Readings, events...)
}

func TestTheInventorySaysWhatIsDue(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	for day := range 3 {
		c.steady("1", day, "4.5")
	}
	c.covered(schema.Alarms, days(0, 3))
	fridge := &audit.Names{Equipment: "Fridge 1", Part: "air", Area: "Kitchen", Site: "Restaurant Musterstadt"}
	quarter := 15 * time.Minute
	got := c.read(c.audit(days(0, 3), []audit.Channel{
		{Key: audit.Key{Serial: "1", No: "1"}, Names: fridge, Periods: every(quarter)},
		{Key: audit.Key{Serial: "2", No: "1"}, Quantity: "air_temperature", Periods: every(quarter)}, // never a reading
		{Key: audit.Key{Serial: "3", No: "1"}, Periods: []audit.Period{{Cycle: quarter}, {From: midnight.Add(30 * time.Hour), Off: true, Cycle: quarter}}},
		{Key: audit.Key{Serial: "4", No: "1"}, Periods: []audit.Period{{From: midnight.Add(60 * time.Hour), Cycle: quarter}}},
		{Key: audit.Key{Serial: "5", No: "1"}, Periods: []audit.Period{{From: midnight.Add(30 * time.Hour), Cycle: quarter}, {From: midnight.Add(31 * time.Hour), Off: true, Cycle: quarter}}},
		{Key: audit.Key{Serial: "6", No: "1"}, Periods: []audit.Period{{From: midnight.Add(80 * time.Hour), Cycle: quarter}}}, // later
	}))
	for key, want := range map[string][]int{"1/1": {96, 96, 96}, "2/1": {96, 96, 96}, "3/1": {96, 24}, "4/1": {0, 0, 48}, "5/1": {0, 4}, "6/1": {}} {
		is := got.of(key)
		for day, due := range want {
			d, some := is[checkpoint.DayOf(midnight.AddDate(0, 0, day))]
			if some != (due > 0) || some && (*d.Due != due || d.CycleFrom != "inventory" || (*d.Missing == due) != (key != "1/1")) {
				t.Errorf("%s, day %d: %+v, want %d due", key, day, d, due)
			}
		}
		if len(is) > len(want) {
			t.Errorf("%s: %+v", key, is)
		}
	}
	if want := 3*96 + 96 + 24 + 48 + 4; got.Missing != want {
		t.Errorf("%d missing, want %d", got.Missing, want)
	}
	if names := got.Channels[len(got.Channels)-1].Names; names["equipment"] == nil || *names["equipment"] != "Fridge 1" || names["device"] != nil {
		t.Errorf("names %v", names)
	}
}

func TestTimeOutsideOfTheLimitsInForce(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	var events []schema.Event
	for i, value := range []string{"5", "7.5", "9", "9", "5", "1", "", "5"} { // a quarter of an hour apart
		events = append(events, c.reading("1", midnight.Add(time.Duration(i)*15*time.Minute), value))
	}
	c.store(schema.Readings, append(events, c.reading("1", midnight.Add(20*time.Minute), "7.5"))...) // by hand, five minutes after the same
	limits := fixed(`{"lower_violation":0,"lower_warning":2,"upper_warning":7,"upper_violation":8}`)
	fridge := []audit.Channel{{Key: audit.Key{Serial: "1", No: "1"}, Periods: []audit.Period{
		{Cycle: 15 * time.Minute, Limits: limits},
		{From: midnight.Add(45 * time.Minute), Cycle: 15 * time.Minute}, // while the fridge is cleaned
		{From: midnight.Add(time.Hour), Cycle: 15 * time.Minute, Limits: limits},
	}}}
	d := c.read(c.audit(checkpoint.Span{From: midnight, Until: midnight.Add(2 * time.Hour)}, fridge)).of("1/1")["2026-11-23"]
	if d.Warning == nil || *d.Warning != 45 || *d.Alarm != 15 || *d.Due != 8 || *d.Missing != 0 || d.Stored != 9 || *d.Min != 1 || *d.Max != 9 || *d.Mean != 49.0/8 {
		t.Errorf("%+v", d)
	}
	d = c.read(c.audit(checkpoint.Span{From: midnight, Until: midnight.Add(2 * time.Hour)}, nil)).of("1/1")["2026-11-23"]
	if d.Warning != nil || d.Alarm != nil {
		t.Errorf("without limits: %+v", d)
	}
}

func TestACorrectionTakesThePlaceOfWhatItRevises(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	at := midnight.Add(time.Hour)
	c.store(schema.Readings, c.reading("1", at, "40"), c.reading("1", at.Add(time.Minute), "5"), c.reading("1", at.Add(2*time.Minute), "5"), c.reading("1", at.Add(3*time.Minute), "5"))
	for _, value := range []string{"50", "6"} {
		c.store(schema.Readings, c.reading("1", at, value))
	}
	c.covered(schema.Alarms, days(0, 1))
	got := c.read(c.audit(checkpoint.Span{From: at, Until: at.Add(4 * time.Minute)}, nil))
	d := got.of("1/1")["2026-11-23"]
	if got.Corrections != 2 || d.Stored != 4 || *d.Max != 6 || *d.Mean != 5.25 || *d.Missing != 0 || !got.Complete {
		t.Errorf("%+v", got)
	}
}

// TestLateIsWhatTheRecordsCountAsLate: readings that were stored although their time had been read.
func TestLateIsWhatTheRecordsCountAsLate(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	received := func(at time.Time, after time.Duration) []string {
		return []string{"processed_at", at.Add(after).Format(time.RFC3339)}
	}
	var first, second []schema.Event
	for i := range 96 {
		at := midnight.Add(time.Duration(i) * 15 * time.Minute)
		switch {
		case i == 40 || i == 41:
			second = append(second, c.reading("1", at, "5", received(at, 3*time.Hour)...))
		case i == 50: // no bridge had asked twice, had it been a moment earlier
			second = append(second, c.reading("1", at, "5", received(at, time.Minute)...))
		default:
			first = append(first, c.reading("1", at, "5", received(at, time.Minute)...))
		}
	}
	c.store(schema.Readings, first...)
	c.store(schema.Readings, second...)
	got := c.read(c.audit(days(0, 1), nil))
	if d := got.of("1/1")["2026-11-23"]; d.Late != 2 || got.Days[0].Late != 2 || d.Stored != 96 {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNotSettledIsNotMissing(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.steady("1", -1, "5")
	c.steady("1", 0, "5", 40, 41, 42, 43, 44, 45)
	span := checkpoint.Span{From: midnight, Until: midnight.Add(11 * time.Hour)}
	for at, want := range map[time.Duration]int{0: 2, 30 * time.Minute: 4, 24 * time.Hour: 4} { // from 10:00 on nothing has come
		r := c.auditAt(span, nil, span.Until.Add(at))
		if got := c.read(r); got.Missing != want {
			t.Errorf("%v after the end: %d missing, want %d", at, got.Missing, want)
		}
	}
}

// TestASecondAtTheEndOfTheRangeMakesNothingMissing: what is due a moment before the end and comes a moment behind it belongs to the range
// that follows, and is missing there where it does not come.
func TestASecondAtTheEndOfTheRangeMakesNothingMissing(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	for day := range 2 {
		var events []schema.Event
		for i := range 96 {
			at := midnight.AddDate(0, 0, day).Add(time.Duration(i) * 15 * time.Minute)
			if day == 0 && i == 95 {
				at = at.Add(-time.Second) // so the next one is due a second before midnight
			}
			events = append(events, c.reading("1", at, "5"))
			if day == 0 || i > 0 {
				events = append(events, c.reading("2", at, "5"))
			}
		}
		c.store(schema.Readings, events...)
	}
	c.covered(schema.Alarms, days(0, 2))
	for day, missing := range []int{0, 1} {
		got := c.read(c.audit(days(day, 1), nil))
		for serial, missing := range map[string]int{"1": 0, "2": missing} {
			if d := got.of(serial + "/1")[checkpoint.DayOf(midnight.AddDate(0, 0, day))]; *d.Due != 96 || *d.Missing != missing {
				t.Errorf("day %d, sensor %s: %d due, %d missing, want %d", day, serial, *d.Due, *d.Missing, missing)
			}
		}
	}
}

func TestWhatWasNotReadKeepsAReportFromBeingComplete(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	day := days(0, 1)
	if _, err := c.writers[schema.Readings].Commit(t.Context(), "2026-11-23", nil, cover(day.From, day.From.Add(20*time.Hour))); err != nil {
		t.Fatal(err)
	}
	r := c.audit(day, nil)
	got := c.read(r)
	if r.Complete() || len(got.NotRead) != 2 || got.NotRead[0].Feed != "readings" || !got.NotRead[0].From.Equal(day.From.Add(20*time.Hour)) || got.NotRead[1].Feed != "alarms" {
		t.Errorf("%+v", got)
	}
}

// TestWhatHasNotHappenedYetIsNotComplete: a day that is not over, unless it is read all the same, by a vendor whose clock is ahead.
func TestWhatHasNotHappenedYetIsNotComplete(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	now := midnight.Add(10 * time.Hour)
	read := now.Add(time.Hour)
	for _, feed := range []schema.Feed{schema.Readings, schema.Alarms} {
		if _, err := c.writers[feed].Commit(t.Context(), "2026-11-23", nil, cover(midnight, read)); err != nil {
			t.Fatal(err)
		}
	}
	for _, until := range []time.Time{now, read} {
		if r := c.auditAt(checkpoint.Span{From: midnight, Until: until}, nil, now); !r.Complete() {
			t.Errorf("until %v: %+v", until, r.NotRead)
		}
	}
	for span, from := range map[checkpoint.Span]time.Time{days(0, 2): read, days(1, 2): midnight.AddDate(0, 0, 1)} {
		r := c.auditAt(span, nil, now)
		if r.Complete() || len(r.NotRead) != 2 || !r.NotRead[0].From.Equal(from) || !r.NotRead[0].Until.Equal(span.Until) {
			t.Errorf("%v: %+v", span, r.NotRead)
		}
	}
}

func TestWhatWasRemovedIsAFault(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.steady("1", 0, "5")
	c.covered(schema.Alarms, days(0, 1))
	s, err := c.js.Stream(t.Context(), "SAVERIS_READINGS")
	if err == nil {
		var m *jetstream.RawStreamMsg
		if m, err = s.GetMsg(t.Context(), 1, jetstream.WithGetMsgSubject("saveris.readings.>")); err == nil {
			err = s.DeleteMsg(t.Context(), m.Sequence+3)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r := c.audit(days(0, 1), []audit.Channel{{Key: audit.Key{Serial: "1", No: "1"}, Periods: every(15 * time.Minute)}})
	got := c.read(r)
	if got.Missing != 1 || len(got.Faults) != 1 || !strings.Contains(got.Faults[0], "lists 1 events that are not there") {
		t.Errorf("%+v", got)
	}
	if _, advice := hint.Of(r.Err()); !strings.Contains(advice, "--repair") || !strings.Contains(advice, "--republish") {
		t.Errorf("hint %q", advice)
	}
}

func TestRejectedRowsOfTheRangeAreNamed(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	e := c.event(schema.Readings, "uuid", "no time")
	if _, err := c.writers[schema.Readings].Commit(t.Context(), e.Day(), []schema.Event{e}, nil); err != nil {
		t.Fatal(err)
	}
	got := c.read(c.audit(days(0, 1), nil))
	if got.RejectedCount != 1 || got.Rejected[0].ID != e.ID || got.Rejected[0].Reason == "" {
		t.Errorf("%+v", got)
	}
	if last := got.Days[1]; last.Day != "rejected" || last.Rows != 1 {
		t.Errorf("%+v", got.Days)
	}
	if got := c.read(c.audit(days(1, 1), nil)); got.RejectedCount != 0 { // another day's
		t.Errorf("%+v", got)
	}
}

// alarm makes a row of an alarm.
func (c *court) alarm(id, status string, at, changed time.Time, more ...string) schema.Event {
	reason := "Alarm condition is violated"
	if status == "Ok" {
		reason = "Alarm condition is adhered"
	}
	return c.event(schema.Alarms, append([]string{
		"uuid", id, "alarm_status", status, "alarm_time", at.Format(time.RFC3339), "last_status_change_time", changed.Format(time.RFC3339), "alarm_reason", reason,
		"alarm_condition_type", "Upper limit", "alarm_severity", "Warning", "alarm_value", "9.30", "physical_property_name", "Temperature", "physical_extension", "Air Temperature",
		"physical_unit", "°C", "serial_no", "1", "tenant_uuid", "tenant-1", "customer_site", "site-1",
	}, more...)...)
}

// TestAlarmsInJSON: numbers are numbers, in the vendor's digits, and what is missing is null.
func TestAlarmsInJSON(t *testing.T) {
	t.Parallel()
	at := midnight
	for want, alarm := range map[string]audit.Alarm{
		`{"id":"a","raised_at":"2026-11-23T00:00:00Z","ended_at":"2026-11-23T00:00:00Z","minutes":0.5,"severity":"warning","kind":"measurement alarm","condition":"Upper limit",` +
			`"tenant":"t","site":"s","name":null,"site_name":null,"serial_no":"1","quantity":"humidity","value":25.9361670,"unit":"%"}`: {ID: "a", RaisedAt: at, EndedAt: &at, Minutes: 0.5, Severity: "warning",
			Kind: "measurement alarm", Condition: "Upper limit", Tenant: "t", Site: "s", SerialNo: "1", Quantity: "humidity", Value: "25.9361670", Unit: "%"},
		`{"id":"b","raised_at":"2026-11-23T00:00:00Z","ended_at":null,"minutes":0,"severity":null,"kind":null,"condition":null,` +
			`"tenant":null,"site":null,"name":null,"site_name":null,"serial_no":null,"quantity":null,"value":null,"unit":null}`: {ID: "b", RaisedAt: at},
		`{"id":"c","raised_at":"2026-11-23T00:00:00Z","ended_at":null,"minutes":0,"severity":null,"kind":null,"condition":null,` +
			`"tenant":null,"site":null,"name":null,"site_name":null,"serial_no":null,"quantity":null,"value":null,"unit":null}`: {ID: "c", RaisedAt: at, Value: "1111…"},
	} {
		if got, err := json.Marshal(alarm); string(got) != want || err != nil {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
}

func TestAlarmsHaveTheirDurations(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	before := midnight.AddDate(0, 0, -1)
	at := func(hour int) time.Time { return midnight.Add(time.Duration(hour) * time.Hour) }
	c.store(schema.Alarms,
		c.alarm("over", "Alarm", before.Add(time.Hour), before.Add(time.Hour)), c.alarm("over", "Ok", before.Add(time.Hour), before.Add(2*time.Hour)),
		c.alarm("from before", "Alarm", before.Add(20*time.Hour), before.Add(20*time.Hour), "serial_no", "2"))
	c.store(schema.Alarms,
		c.alarm("its end", "Ok", at(2), at(2), "serial_no", "2"),                            // paired in its series
		c.alarm("in place", "Alarm", at(3), at(3)), c.alarm("in place", "Ok", at(3), at(4)), // updated in place
		c.alarm("named", "Alarm", at(5), at(5)), c.alarm("end", "Ok", at(6), at(6), "source_alarm_event_uuid", "named"), // by name
		c.alarm("open", "Alarm", at(22), at(22)),
		c.alarm("clocks", "Alarm", at(7), at(7)), c.alarm("their end", "Ok", at(7), at(7).Add(-2*time.Second), "source_alarm_event_uuid", "clocks"),
		c.alarm("first", "Alarm", at(0), at(0)), c.alarm("its clock", "Ok", at(0), at(0).Add(-time.Minute), "source_alarm_event_uuid", "first"))
	got := c.read(c.audit(days(0, 1), nil))
	want := map[string]float64{"from before": 6 * 60, "in place": 60, "named": 60, "open": 120, "clocks": 0, "first": 0}
	if got.AlarmCount != len(want) || len(got.Alarms) != len(want) {
		t.Errorf("%+v", got.Alarms)
	}
	for _, a := range got.Alarms {
		id, _, _ := strings.Cut(a.ID, ".")
		if a.Minutes != want[id] || (a.EndedAt == nil) != (id == "open") || a.Severity != "warning" {
			t.Errorf("%+v, want %v minutes", a, want[id])
		}
	}
}

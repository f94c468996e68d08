package saveristest

import (
	"slices"
	"strconv"
	"testing"
	"time"
	_ "time/tzdata" // where a machine has none
)

const day = 24 * time.Hour

// TestSameSeedSameRows: rows depend on seed and start only, not on when the
// server was started, nor on how it is asked.
func TestSameSeedSameRows(t *testing.T) {
	a := startWith(t, "world.seed=7")
	b := startWith(t, "world.seed=7")
	b.advance(40 * day)
	asOf := noon.Add(50 * day)
	first := slices.Collect(a.Measurements(noon.Add(-3*day), noon, asOf))
	if again := slices.Collect(b.Measurements(noon.Add(-3*day), noon, asOf)); !slices.Equal(first, again) {
		t.Error("measurements differ between two servers with the same seed")
	}
	var pieces []Measurement
	for at := noon.Add(-3 * day); at.Before(noon); at = at.Add(7 * time.Minute) {
		until := at.Add(7 * time.Minute)
		if until.After(noon) {
			until = noon
		}
		pieces = slices.AppendSeq(pieces, a.Measurements(at, until, asOf))
	}
	if !slices.Equal(first, pieces) {
		t.Errorf("small windows give %d rows, one large window %d, or others", len(pieces), len(first))
	}
	if want := 3 * 96 * 6 * 2; len(first) != want {
		t.Errorf("%d rows in 3 days, want %d", len(first), want)
	}
	c := startWith(t, "world.seed=8")
	if slices.Equal(first, slices.Collect(c.Measurements(noon.Add(-3*day), noon, asOf))) {
		t.Error("another seed gives the same rows")
	}
}

func TestSameSeedSameAlarms(t *testing.T) {
	a, b := startWith(t, "world.seed=7"), startWith(t, "world.seed=7")
	asOf := noon.Add(50 * day)
	first := slices.Collect(a.Alarms(noon.Add(-90*day), noon, asOf))
	var pieces []Alarm
	for at := noon.Add(-90 * day); at.Before(noon); at = at.Add(5 * time.Hour) {
		pieces = slices.AppendSeq(pieces, b.Alarms(at, at.Add(5*time.Hour), asOf))
	}
	if !slices.Equal(first, pieces) {
		t.Errorf("small windows give %d alarms, one large window %d, or others", len(pieces), len(first))
	}
	if readings := 90 * 96 * 12; len(first)*200 < readings || len(first)*30 > readings {
		t.Errorf("%d alarm rows for %d readings, want about 1.3 %%", len(first), readings)
	}
}

func TestMeasurementsAreOrderedAndUnique(t *testing.T) {
	s := startWith(t, "rows.retransmit=new", "world.retransmit_share=0.05")
	seen := map[string]bool{}
	last := time.Time{}
	n := 0
	for m := range s.Measurements(noon.Add(-2*day), noon, noon.Add(30*day)) {
		if seen[m.UUID] || m.Timestamp.Before(last) {
			t.Fatalf("row %+v: uuid twice or out of order", m)
		}
		seen[m.UUID], last = true, m.Timestamp
		n++
	}
	if due := 2 * 96 * 12; n < due+due/100 || n > due+due/10 {
		t.Errorf("%d rows with retransmissions, want a few more than %d", n, due)
	}
}

// TestRowsArriveLate: some rows can be seen long after they were measured, most
// soon, none before.
func TestRowsArriveLate(t *testing.T) {
	s := startWith(t, "world.late_share=0.05")
	var soon, late, verylate int
	for m := range s.Measurements(noon.Add(-60*day), noon, noon.Add(60*day)) {
		switch age := m.VisibleAt.Sub(m.Timestamp); {
		case age < 0 || age > s.cfg.World.maxLateness():
			t.Fatalf("row visible %s after its time", age)
		case age <= time.Minute:
			soon++
		case age <= time.Hour:
			late++
		default:
			verylate++
		}
	}
	if soon < 20*late || late == 0 || verylate == 0 {
		t.Errorf("%d soon, %d late, %d very late", soon, late, verylate)
	}
	off := startWith(t, "rows.late=off")
	for m := range off.Measurements(noon.Add(-day), noon, noon) {
		if m.VisibleAt != m.Timestamp {
			t.Fatal("a late row under rows.late=off")
		}
	}
}

// TestOutageEndsInABurst: rows of an outage arrive together, and the connection
// timeout alarm tells of it.
func TestOutageEndsInABurst(t *testing.T) {
	s := startWith(t, "world.outage_every=48h", "world.outage_max=12h")
	l := s.loggers[0]
	var begin, end int64
	for at := noon.Unix(); end-begin < 4*3600; at += 48 * 3600 {
		begin, end = s.cfg.World.outage(l, at)
	}
	from, until := time.Unix(begin, 0), time.Unix(end, 0)
	n := 0
	for m := range s.Measurements(from, until, until.Add(day)) {
		if m.SensorUUID != l.sensorUUID {
			continue
		}
		if n++; m.VisibleAt.Before(until) || m.VisibleAt.After(until.Add(2*time.Minute)) {
			t.Errorf("row of %s visible at %s, outage ends %s", m.Timestamp, m.VisibleAt, until)
		}
	}
	if n == 0 {
		t.Error("no row measured during the outage")
	}
	var states []string
	for a := range s.Alarms(from, until.Add(time.Second), until.Add(day)) {
		if a.AlarmConditionType == conditionLost && a.AlarmSourceUUID == l.deviceUUID {
			states = append(states, a.AlarmStatus)
		}
	}
	if !slices.Equal(states, []string{statusAlarm, statusOk}) {
		t.Errorf("connection timeout rows %v", states)
	}
}

// TestAlarmsAgreeWithMeasurements: an upper limit alarm carries a value that
// stands in the measurements feed at the same second, and is closed by a row
// that names it.
func TestAlarmsAgreeWithMeasurements(t *testing.T) {
	s := startWith(t, "unit.text=mixed")
	asOf := noon.Add(60 * day)
	values := map[string]bool{}
	for m := range s.Measurements(noon.Add(-20*day), noon, asOf) {
		values[m.SerialNo+m.Measurement+m.Timestamp.Format(stamp)] = true
	}
	raised := map[string]Alarm{}
	kinds := map[string]int{}
	for a := range s.Alarms(noon.Add(-20*day), noon, asOf) {
		kinds[a.AlarmType+" "+a.AlarmStatus]++
		kinds[a.AlarmSeverity+" "+a.AlarmConditionType]++
		if a.AlarmType == typeMeasuring && !values[a.SerialNo+a.AlarmValue+a.AlarmTime.Format(stamp)] {
			t.Errorf("alarm value %s of %s at %s is in no measurement", a.AlarmValue, a.SerialNo, a.AlarmTime)
		}
		if a.AlarmType != typeMeasuring && a.AlarmValue != "" {
			t.Errorf("system alarm with value %s", a.AlarmValue)
		}
		if a.AlarmStatus == statusAlarm {
			raised[a.UUID] = a
		} else if r, ok := raised[a.SourceAlarmEventUUID]; ok && (r.AlarmTime.After(a.AlarmTime) || r.AlarmSeverity != a.AlarmSeverity) {
			t.Errorf("%+v closes %+v", a, r)
		}
	}
	for _, want := range []string{"measurement alarm Alarm", "measurement alarm Ok", "device system alarm Alarm", "Warning Upper limit", "Alarm Upper limit", "Warning Lower limit"} {
		if kinds[want] == 0 {
			t.Errorf("no %s in 20 days: %v", want, kinds)
		}
	}
}

// TestValuesLookLive: float32 printed as decimal, nothing else (behaviour 8.2).
func TestValuesLookLive(t *testing.T) {
	s := startWith(t, "world.channels=5")
	for m := range s.Measurements(noon.Add(-day), noon, noon) {
		x, err := strconv.ParseFloat(m.Measurement, 32)
		if err != nil || strconv.FormatFloat(x, 'f', -1, 32) != m.Measurement || len(m.Measurement) > 12 {
			t.Errorf("literal %q", m.Measurement)
		}
	}
}

func TestEmptyWorldHoldsOnlyHandMadeRows(t *testing.T) {
	s := startWith(t, "world.empty=true")
	at := noon.Add(-time.Hour)
	s.AddMeasurement(Measurement{UUID: "b", SensorUUID: "s", ChannelNo: 1, Timestamp: at, Measurement: "1.0", VisibleAt: noon})
	s.AddMeasurement(Measurement{UUID: "a", SensorUUID: "s", ChannelNo: 1, Timestamp: at.Add(-time.Minute), Measurement: "2"})
	s.AddAlarm(Alarm{UUID: "x", AlarmStatus: "Ok", AlarmTime: at})
	s.ReviseMeasurement("a", noon.Add(time.Minute), "3")
	list := func(asOf time.Time) (out []string) {
		for m := range s.Measurements(noon.Add(-day), noon, asOf) {
			out = append(out, m.UUID+m.Measurement)
		}
		for a := range s.Alarms(noon.Add(-day), noon, asOf) {
			out = append(out, a.UUID)
		}
		return out
	}
	for asOf, want := range map[time.Time][]string{
		noon.Add(-time.Second): {"a2", "x"}, noon: {"a2", "b1.0", "x"}, noon.Add(time.Minute): {"a3", "b1.0", "x"},
	} {
		if got := list(asOf); !slices.Equal(got, want) {
			t.Errorf("at %s: %v, want %v", asOf, got, want)
		}
	}
}

// TestChangedContent: under rows.changed_content a few rows change later, once.
func TestChangedContent(t *testing.T) {
	s := startWith(t, "rows.changed_content=on", "world.revise_share=0.05")
	before := map[string]string{}
	for m := range s.Measurements(noon.Add(-day), noon, noon) {
		before[m.UUID] = m.Measurement
	}
	changed := 0
	for m := range s.Measurements(noon.Add(-day), noon, noon.Add(30*day)) {
		if v, ok := before[m.UUID]; ok && v != m.Measurement {
			changed++
		}
	}
	if changed == 0 || changed > len(before)/5 {
		t.Errorf("%d of %d rows changed", changed, len(before))
	}
}

func TestShortCycleTrickles(t *testing.T) {
	s := startWith(t, "world.cycle=10s")
	seconds := map[int64]bool{}
	for m := range s.Measurements(noon.Add(-time.Minute), noon, noon) {
		seconds[m.Timestamp.Unix()] = true
	}
	if len(seconds) < 20 {
		t.Errorf("rows in %d seconds of a minute", len(seconds))
	}
}

func TestTimesAsTheStandardLibrary(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for at := time.Date(2019, 12, 30, 23, 17, 5, 0, time.UTC); at.Year() < 2033; at = at.Add(59 * time.Minute) {
		if got := formatTime(at); got != at.Format(stamp) {
			t.Fatalf("%s, want %s", got, at.Format(stamp))
		}
		if got, want := localText(at, "Z"), at.In(berlin).Format("2006-01-02T15:04:05Z"); got != want {
			t.Fatalf("local time of %s: %s, want %s", at, got, want)
		}
		if got, want := localText(at, "offset"), at.In(berlin).Format(time.RFC3339); got != want {
			t.Fatalf("local time of %s: %s, want %s", at, got, want)
		}
	}
}

func BenchmarkMeasurements(b *testing.B) {
	s, err := Start(Config{World: World{Sites: 20}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rows := 0
	for b.Loop() {
		for range s.Measurements(noon.Add(-7*day), noon, noon) {
			rows++
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkRender(b *testing.B) {
	s, err := Start(Config{World: World{Sites: 20}, Record: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	q := query{feed: FeedMeasurements, version: 2, from: noon.Add(-7 * day), until: noon, asOf: noon}
	set := s.settings.Load()
	rows := 0
	for b.Loop() {
		body, tally := s.render(q, &set.sw, &set.faults, 0, 1, true)
		rows += len(tally.measurements)
		b.SetBytes(int64(len(body)))
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// TestDenseAlarmsDoNotDependOnWindows: also where an incident ends in the next
// stretch of world.alarm_every.
func TestDenseAlarmsDoNotDependOnWindows(t *testing.T) {
	s := startWith(t, "world.alarm_every=20m")
	asOf := noon.Add(day)
	first := slices.Collect(s.Alarms(noon.Add(-day), noon, asOf))
	var pieces []Alarm
	for at := noon.Add(-day); at.Before(noon); at = at.Add(5 * time.Minute) {
		pieces = slices.AppendSeq(pieces, s.Alarms(at, at.Add(5*time.Minute), asOf))
	}
	if len(first) == 0 || !slices.Equal(first, pieces) {
		t.Errorf("small windows give %d alarms, one large window %d, or others", len(pieces), len(first))
	}
}
